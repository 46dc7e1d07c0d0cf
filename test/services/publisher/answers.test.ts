/** The publisher and what a broker answers to its messages: reason codes, silence, an end of the connection. */
import { afterEach, expect, it } from "vitest";
import { waitUntil } from "../../support/wait.ts";
import { temporaryDirectory } from "./support/boxes.ts";
import { cleanUp, cleanup, publishFrames, publishTo, scripted } from "./support/on-broker.ts";
import { publishing } from "./support/publishing.ts";

afterEach(cleanUp);

it("sends again what was not acknowledged when the connection ended, with the same identity", async () => {
  let hangUps = 2;
  const broker = await scripted({
    onPublish: (packet) => (!packet.retain && broker.messages.length % 7 === 0 && hangUps-- > 0 ? "hang-up" : 0),
  });
  const running = await publishTo(broker.url);
  await publishFrames(running, 30);
  await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged === 30);
  const sequences = broker.messages.map(({ properties }) => Number(properties?.userProperties?.["nj-sequence"]));
  expect(sequences.length).toBeGreaterThan(30);
  expect([...new Set(sequences)].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  expect(running.publisher.snapshot().queued).toBe(0);
});

it.each([0x80, 0x83, 0x91, 0x97])("waits when the broker answers %i for now, and loses nothing", async (reason) => {
  let refusals = 2;
  const broker = await scripted({ onPublish: ({ retain }) => (!retain && refusals-- > 0 ? reason : 0) });
  const running = await publishTo(broker.url, { window: 1 });
  await publishFrames(running, 5);
  await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged === 5, 20_000);
  expect(running.publisher.snapshot().dropped).toBe(0);
  expect(running.complaints()).toHaveLength(1);
});

it("takes it for done when nobody has subscribed", async () => {
  const broker = await scripted({ onPublish: () => 0x10 });
  const running = await publishTo(broker.url);
  await publishFrames(running, 3);
  await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged === 3);
  expect(running.publisher.snapshot()).toMatchObject({ queued: 0, dropped: 0 });
});

it("keeps messages for a topic that is not allowed, says so once, and lets the others go", async () => {
  const broker = await scripted({ onPublish: ({ topic }) => (topic.endsWith("/objects") ? 0x87 : 0) });
  const running = await publishTo(broker.url);
  await publishFrames(running, 30);
  await running.publisher.publishMetrics({});
  await waitUntil("the figures", () => running.publisher.snapshot().acknowledged === 1);
  expect(running.publisher.snapshot()).toMatchObject({ queued: 30, dropped: 0 });
  expect(running.complaints().filter((text) => text.includes("access list"))).toHaveLength(1);
  // A window of attempts at most, and then silence.
  expect(broker.messages.filter(({ topic }) => topic.endsWith("/objects")).length).toBeLessThanOrEqual(20);
});

it.each([0x90, 0x99])(
  "keeps a message that is refused for good with reason %i as a dead letter, and announces it",
  async (reason) => {
    const directory = temporaryDirectory();
    cleanup.push(async () => directory.remove());
    const broker = await scripted({ onPublish: ({ topic }) => (topic.endsWith("/objects") ? reason : 0) });
    const running = await publishTo(broker.url, { outbox: { disk: { directory: directory.path, freeShare: 0 } } });
    await publishFrames(running, 2);
    await waitUntil("the loss report", () => broker.messages.some(({ topic }) => topic.endsWith("/loss")));
    const report = JSON.parse(broker.messages.find(({ topic }) => topic.endsWith("/loss"))!.payload.toString());
    const name = `refused-0x${reason.toString(16)}`;
    expect(report).toMatchObject({ reason: name, count: 2, from: 1, to: 2, ranges: [[1, 2]] });
    expect(running.publisher.snapshot().dropped).toBe(2);
    await waitUntil("the dead letters", () => running.publisher.snapshot().outbox.deadLetters === 2);
    const [letter] = await running.publisher.deadLetters(1);
    expect(letter).toMatchObject({ sequence: 2, class: "telemetry", reason: name });
    expect(JSON.parse(Buffer.from(letter!.body).toString())).toMatchObject({ id: "1" });
  },
);

it("gives up a broker that stops acknowledging, and sends everything again on the next connection", async () => {
  let isSilent = true;
  const broker = await scripted({ onPublish: ({ retain }) => (!retain && isSilent ? "silence" : 0) });
  const running = await publishTo(broker.url, { answerTimeoutMs: 300 });
  await publishFrames(running, 30);
  await waitUntil("the complaint", () => running.complaints().some((text) => text.includes("does not acknowledge")));
  isSilent = false;
  await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged === 30, 10_000);
  expect(running.publisher.snapshot().dropped).toBe(0);
});

it("gets everything through a broker that closes each connection after a few packets", async () => {
  let onThis = 0;
  const broker = await scripted({
    onConnect: () => {
      onThis = 0;
      return 0;
    },
    onPublish: () => (++onThis > 6 ? "hang-up" : 0),
  });
  const running = await publishTo(broker.url);
  await publishFrames(running, 40);
  await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged >= 40, 20_000);
  expect(running.publisher.snapshot()).toMatchObject({ queued: 0, dropped: 0 });
});

it.each([0x8b, 0x8e, 0x93, 0x95, 0x97, 0x98])(
  "comes back after a DISCONNECT with reason %i and loses nothing",
  async (reason) => {
    const broker = await scripted({ disconnectsAfter: { packets: 12, reason } });
    const running = await publishTo(broker.url);
    await publishFrames(running, 30);
    await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged >= 30, 20_000);
    expect(running.publisher.snapshot()).toMatchObject({ queued: 0, dropped: 0 });
    expect(running.complaints().length).toBeGreaterThan(0);
  },
);

it("gives up the one message over which a broker of 3.1.1 ends each connection, and brings all others", async () => {
  const broker = await scripted({
    only311: true,
    onPublish: ({ payload }) => (payload.toString().includes('"id": "3"') ? "hang-up" : 0),
  });
  const running = await publishTo(broker.url, { backoff: { firstMs: 10, maxMs: 20 } });
  await publishFrames(running, 10);
  await waitUntil("all others", () => running.publisher.snapshot().acknowledged >= 9, 20_000);
  await waitUntil("the loss report", () => broker.messages.some(({ topic }) => topic.endsWith("/loss")));
  expect(running.publisher.snapshot().dropped).toBe(1);
  const report = JSON.parse(broker.messages.find(({ topic }) => topic.endsWith("/loss"))!.payload.toString());
  expect(report).toMatchObject({ reason: "connection-ends", count: 1, from: 4, to: 4 });
});

it.each([0x89, 0x8b, 0x8e, 0x98])(
  "gives up no message for connections that end again and again with reason %i",
  async (reason) => {
    const broker = await scripted({ disconnectsAfter: { packets: 1, reason } });
    const running = await publishTo(broker.url, { backoff: { firstMs: 5, maxMs: 10 } });
    await publishFrames(running, 3);
    await waitUntil("many attempts", () => broker.connects.length > 15, 20_000);
    broker.script = {};
    await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged === 3, 20_000);
    expect(running.publisher.snapshot().dropped).toBe(0);
  },
);

it("gives up no message for a link that cuts connections, and sends them when it holds", async () => {
  const broker = await scripted({ hangsUpAfterMs: 100, onPublish: ({ retain }) => (retain ? 0 : "silence") });
  const running = await publishTo(broker.url, { backoff: { firstMs: 5, maxMs: 10 } });
  await publishFrames(running, 3);
  await waitUntil("many attempts", () => broker.connects.length > 20, 30_000);
  broker.script = {};
  await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged === 3, 20_000);
  expect(running.publisher.snapshot().dropped).toBe(0);
}, 60_000);

it("keeps the messages of a topic for which the broker ends the connection as not allowed, and sends the others", async () => {
  const broker = await scripted({
    only311: true,
    onPublish: ({ topic }) => (topic.endsWith("/objects") ? "hang-up" : 0),
  });
  const running = await publishTo(broker.url, { backoff: { firstMs: 5, maxMs: 10 } });
  await publishFrames(running, 10);
  await running.publisher.publishMetrics({});
  const ofAccess = () => running.complaints().filter((text) => text.includes("access list"));
  await waitUntil("the complaint", () => ofAccess().length > 0, 40_000);
  await waitUntil("the figures and the loss report", () => running.publisher.snapshot().acknowledged === 2, 10_000);
  // One, until it is plain that it is the topic and not the message.
  expect(running.publisher.snapshot()).toMatchObject({ queued: 9, dropped: 1 });
  expect(ofAccess()).toHaveLength(1);
}, 60_000);

it("sends nothing larger than the broker takes, its birth included, and says which", async () => {
  const broker = await scripted({ properties: { maximumPacketSize: 120 } });
  const running = await publishTo(broker.url);
  running.publisher.publishCameraStatus("gate", { state: "playing", reason: "x".repeat(200) });
  await waitUntil("two complaints", () => running.complaints().length >= 2);
  expect(running.complaints()).toEqual([
    expect.stringMatching(/refused a retained message: it takes no message of that size/),
    expect.stringMatching(/refused a retained message: it takes no message of that size/),
  ]);
  expect(running.publisher.snapshot().state).toBe("connected");
  expect(broker.published).toEqual([]);
});

it("counts retained messages and replies in its window too", async () => {
  const broker = await scripted({ properties: { receiveMaximum: 1 } });
  const running = publishing({ url: broker.url });
  cleanup.push(() => running.publisher.stop(0));
  for (let camera = 0; camera < 10; camera++)
    running.publisher.publishCameraStatus(`camera-${camera}`, { state: "playing" });
  await running.publisher.start();
  await publishFrames(running, 10);
  await waitUntil("everything acknowledged", () => running.publisher.snapshot().acknowledged === 10);
  expect(broker.published.filter(({ retain }) => retain)).toHaveLength(11);
  expect(broker.maxUnanswered).toBe(1);
});

it("says how long a message is still worth delivering", async () => {
  const broker = await scripted({});
  const running = await publishTo(broker.url, { outbox: { classes: { telemetry: { ttlMs: 60_000 } } } });
  await publishFrames(running, 1);
  await waitUntil("the message", () => broker.messages.length === 1);
  expect(broker.messages[0]?.properties?.messageExpiryInterval).toBe(60);
});
