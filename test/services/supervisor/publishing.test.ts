import { expect, it } from "vitest";
import { parseConfig } from "../../../services/config/load.ts";
import { mayCommandsChange, publisherOptions } from "../../../services/supervisor/publishing.ts";

const config = (mqtt: string) => parseConfig(`version: 1\ndevice: {id: box}\n${mqtt}`, "/etc/nightjar/nightjar.yaml");

it.each([
  ["with TLS", "mqtt: {url: 'mqtts://broker.example'}", true],
  ["to this machine", "mqtt: {url: 'mqtt://127.0.0.1'}", true],
  ["with the embedded broker for this machine", "", true],
  ["with an embedded broker that others reach", "mqtt: {embedded: {listen: '0.0.0.0:1883'}, insecure: true}", false],
  ["without TLS to another machine", "mqtt: {url: 'mqtt://10.0.0.7', insecure: true}", false],
  ["when only reading ones are wanted", "mqtt: {commands: read}", false],
])("commands over MQTT may change something %s: %s", (_, mqtt, expected) => {
  expect(mayCommandsChange(config(mqtt))).toBe(expected);
});

it("gives the outbox what the configuration says, below the state directory", () => {
  const { outbox, commands, homeAssistant } = publisherOptions(
    config("directories: {state: /var/lib/nightjar}\noutbox: {event: {commit: 100ms, keep: latest}, freeSpace: 5%}"),
  );
  expect(outbox?.disk).toEqual({ directory: "/var/lib/nightjar/outbox", freeShare: 0.05 });
  expect(outbox?.classes?.event).toMatchObject({ commitMs: 100, keep: "latest", ttlMs: 7 * 24 * 3_600_000 });
  expect(outbox?.classes?.alarm).toMatchObject({ commitMs: 0 });
  expect([commands, homeAssistant]).toEqual([true, undefined]);
});
