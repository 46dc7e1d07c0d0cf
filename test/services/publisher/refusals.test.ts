/** The publisher against brokers that refuse, forget and hang up. */
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { freePort } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { cleanUp, cleanup, publishFrames, publishTo, scripted } from "./support/on-broker.ts";
import { publishing } from "./support/publishing.ts";
import type { Script } from "./support/scripted-broker.ts";

afterEach(cleanUp);

it("says once that nothing listens, names the key, and connects when the broker is there", async () => {
  const port = await freePort();
  const running = await publishTo(`mqtt://127.0.0.1:${port}`);
  await waitUntil("three attempts", () => running.log.filter(({ msg }) => msg.startsWith("no connection")).length >= 3);
  expect(running.complaints()).toHaveLength(1);
  expect(running.complaints()[0]).toMatch(/nothing answers at mqtt:\/\/127.0.0.1:\d+ .*correct mqtt.url/);
  expect(running.publisher.snapshot()).toMatchObject({
    state: "disconnected",
    reason: expect.stringContaining("mqtt.url"),
  });
});

it("says so when the host is not known", async () => {
  const running = await publishTo("mqtt://no-such-host.invalid");
  await waitUntil("the complaint", () => running.complaints().length === 1);
  expect(running.complaints()[0]).toMatch(/mqtt:\/\/no-such-host.invalid.*(check the network|correct mqtt.url)/);
});

it("says so when no broker is behind the port", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  }).listen(0, "127.0.0.1");
  cleanup.push(async () => server.close());
  await waitUntil("the server", () => server.listening);
  const running = await publishTo(`mqtt://127.0.0.1:${(server.address() as { port: number }).port}`);
  await waitUntil("the complaint", () => running.complaints().length >= 1);
  expect(running.complaints()[0]).toMatch(/mqtt:\/\/127.0.0.1/);
  await sleep(300);
  expect(running.complaints().length).toBeLessThanOrEqual(2);
});

it.each([
  [0x86, /refused user "u": check mqtt.username and mqtt.password/],
  [0x87, /refused user "u".*lets this user connect/],
  [0x85, /refused the client identifier "nightjar-gate-1": change mqtt.clientId/],
  [0x88, /too busy or not ready/],
  [0x8a, /has banned the client/],
  [0x97, /quota/],
])("explains reason code %i of CONNACK and keeps trying", async (code, expected) => {
  const broker = await scripted({ onConnect: (_, attempt) => (attempt < 3 ? code : 0) });
  const running = await publishTo(broker.url, { username: "u", password: () => "p" });
  await waitUntil("the connection", () => running.publisher.snapshot().state === "connected");
  expect(running.complaints()).toHaveLength(1);
  expect(running.complaints()[0]).toMatch(expected);
});

it.each([
  ["refuses version 5 with a code", { onConnect: (packet) => (packet.protocolVersion === 5 ? 0x84 : 0) }],
  ["answers version 5 as a broker of 3.1.1", { only311: true }],
  ["hangs up on version 5", { onConnect: (packet) => (packet.protocolVersion === 5 ? "hang-up" : 0) }],
] satisfies [string, Script][])("falls back to MQTT 3.1.1 when the broker %s", async (_, script) => {
  const broker = await scripted(script);
  const running = await publishTo(broker.url);
  await publishFrames(running, 3);
  await waitUntil("three messages", () => broker.messages.length === 3);
  expect(running.publisher.snapshot().protocol).toBe("3.1.1");
  expect(running.complaints()).toEqual([]);
});

it.each([1, 5, 20, 1000])(
  "never has more in flight than a receive maximum of %i, nor more than its window",
  async (receiveMaximum) => {
    const broker = await scripted({ properties: { receiveMaximum } });
    const running = await publishTo(broker.url);
    await publishFrames(running, 100);
    await waitUntil("all messages", () => broker.messages.length === 100);
    expect(broker.maxUnanswered).toBeLessThanOrEqual(Math.min(20, receiveMaximum));
  },
);

it.each([
  [0x9a, { retain: false, qos: 1 }],
  [0x9b, { retain: true, qos: 0 }],
])("lowers its will for a broker that refuses it with reason %i", async (reason, expected) => {
  const broker = await scripted({ onConnect: (_, attempt) => (attempt === 1 ? reason : 0) });
  const running = await publishTo(broker.url);
  await waitUntil("the connection", () => running.publisher.snapshot().state === "connected");
  expect(broker.connects[1]?.will).toMatchObject(expected);
});

it("publishes nothing while the broker has not acknowledged the birth", async () => {
  const broker = await scripted({ onPublish: () => "silence" });
  const running = await publishTo(broker.url);
  running.publisher.publishCameraStatus("gate", { state: "playing" });
  await publishFrames(running, 5);
  await waitUntil("the birth", () => broker.published.length > 0);
  await sleep(200);
  expect(broker.published.map(({ topic }) => topic)).toEqual(["nightjar/gate-1/status"]);
});

it("notices by keep-alive that a broker no longer answers", async () => {
  const broker = await scripted({ answersPings: false });
  const running = await publishTo(broker.url, { keepAliveMs: 1000 });
  await waitUntil("the connection", () => running.publisher.snapshot().state === "connected");
  await waitUntil("the end of the connection", () => running.publisher.snapshot().state === "disconnected");
});

it("lowers QoS and leaves out retain where the broker has neither", async () => {
  const broker = await scripted({ properties: { maximumQoS: 0, retainAvailable: false } });
  const running = await publishTo(broker.url);
  await publishFrames(running, 3);
  await waitUntil("all messages", () => running.publisher.snapshot().acknowledged === 3);
  expect(broker.published.every(({ qos, retain }) => qos === 0 && !retain)).toBe(true);
});

it("drops at once with QoS 0 while there is no broker", async () => {
  const running = await publishTo(`mqtt://127.0.0.1:${await freePort()}`, { qos: 0 });
  await publishFrames(running, 3);
  expect(running.publisher.snapshot()).toMatchObject({ queued: 0, dropped: 3 });
});

it("stops at once when the broker never answers", async () => {
  const server = createServer(() => undefined).listen(0, "127.0.0.1");
  cleanup.push(async () => server.close());
  await waitUntil("the server", () => server.listening);
  const { publisher } = publishing({ url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}` });
  await publisher.start();
  await sleep(100);
  const begin = performance.now();
  await publisher.stop();
  expect(performance.now() - begin).toBeLessThan(2000);
});
