/** The publisher beside others: a second client under its identifier, and callers that flood it with commands. */
import { connectAsync } from "mqtt";
import { afterEach, expect, it } from "vitest";
import { Mosquitto } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { cleanUp, cleanup, publishFrames, publishTo, scripted } from "./support/on-broker.ts";
import { objectsRecord } from "./support/publishing.ts";

afterEach(cleanUp);

async function mosquitto(...config: string[]): Promise<Mosquitto> {
  const broker = await Mosquitto.start({ config: ["allow_anonymous true", ...config] });
  cleanup.push(() => broker.remove());
  return broker;
}

it("does not fight for its identifier at full speed, and raises an alarm that names the key", async () => {
  const broker = await mosquitto();
  const backoff = { firstMs: 50, maxMs: 60_000 };
  const first = await publishTo(broker.url, { backoff, clientId: "same" });
  await waitUntil("the first", () => first.publisher.snapshot().state === "connected");
  const second = await publishTo(broker.url, { backoff, clientId: "same", device: "gate-2" });
  await waitUntil("the alarm", () => first.publisher.snapshot().alarm !== "");
  // This version of Mosquitto closes the connection without a reason.
  expect(first.publisher.snapshot().alarm).toMatch(/another client has the identifier "same".*its own mqtt.clientId/);
  await new Promise((resolve) => setTimeout(resolve, 4000));
  const takeovers = broker.log.match(/already connected/g)?.length ?? 0;
  expect(takeovers).toBeGreaterThan(1);
  expect(takeovers).toBeLessThan(25);
  expect(first.log.filter(({ level }) => level === 50)).toHaveLength(1);
  await second.publisher.stop(0);
  await waitUntil("the first to be back", () => first.publisher.snapshot().state === "connected", 20_000);
  // Connected again, and still to be put right.
  expect(first.publisher.snapshot()).toMatchObject({ reason: "", alarm: expect.stringContaining("mqtt.clientId") });
}, 40_000);

it("says at once that another client has taken its session where the broker names that reason", async () => {
  const broker = await scripted({ disconnectsAfter: { packets: 1, reason: 0x8e } });
  const running = await publishTo(broker.url);
  await publishFrames(running, 1);
  await waitUntil("the alarm", () => running.publisher.snapshot().alarm !== "");
  broker.script = {};
  await waitUntil("the message", () => running.publisher.snapshot().acknowledged === 1);
  expect(running.publisher.snapshot()).toMatchObject({
    state: "connected",
    reason: "",
    alarm: expect.stringMatching(/another client with the identifier "nightjar-gate-1" connected.*mqtt.clientId/),
  });
});

it("gets its messages through a window of one while commands flood it", async () => {
  const broker = await mosquitto("max_inflight_messages 1");
  const running = await publishTo(
    broker.url,
    { commands: true },
    { isReading: () => true, runCommand: async () => ({ ok: true, output: {} }) },
  );
  await waitUntil("the connection", () => running.publisher.snapshot().state === "connected");
  const client = await connectAsync(broker.url, { protocolVersion: 5 });
  cleanup.push(() => client.endAsync(true));
  let replies = 0;
  client.on("message", () => {
    replies += 1;
  });
  await client.subscribeAsync("nightjar/gate-1/reply/#");
  let flooding = true;
  const flood = (async () => {
    while (flooding) {
      for (let i = 0; i < 50; i++) client.publish("nightjar/gate-1/command/status", "{}", { qos: 0 });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  await waitUntil("the flood", () => replies > 50, 20_000);
  for (let frame = 0; frame < 100; frame++) await running.publisher.publishRecord(objectsRecord(frame), "gate");
  await waitUntil("all messages", () => running.publisher.snapshot().acknowledged >= 100, 20_000);
  flooding = false;
  await flood;
  expect(running.complaints().some((text) => text.includes("further commands are ignored"))).toBe(true);
}, 60_000);
