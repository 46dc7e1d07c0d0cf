/** The outbox on a disk: what survives, what has to go, and what is said about it. */
import { readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitUntil } from "../../../support/wait.ts";
import {
  add,
  type Box,
  type BoxOptions,
  drain,
  message,
  openBox,
  sequences,
  temporaryDirectory,
} from "../support/boxes.ts";

let directory: ReturnType<typeof temporaryDirectory>;
let boxes: Box[] = [];
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  for (const { outbox } of boxes.splice(0)) await outbox.close();
  directory.remove();
});

async function open(options: BoxOptions = {}): Promise<Box> {
  const box = await openBox({ directory: directory.path, ...options });
  boxes.push(box);
  return box;
}

async function close(box: Box): Promise<void> {
  boxes = boxes.filter((other) => other !== box);
  await box.outbox.close();
}

/** The file as it would be found after the process had been killed. */
async function killed(box: Box): Promise<void> {
  const files = ["outbox.db", "outbox.db-wal"].map(
    (name) => [name, readFileSync(`${directory.path}/${name}`)] as const,
  );
  await close(box);
  for (const [name, bytes] of files) writeFileSync(`${directory.path}/${name}`, bytes);
}

it("has everything after a restart, under the same epoch, in order, with no sequence used twice", async () => {
  const before = await open();
  await add(before.outbox, 500);
  const { epoch } = before.outbox;
  await close(before);
  const { outbox, losses } = await open();
  expect(outbox.epoch).toBe(epoch);
  expect(outbox.stats()).toMatchObject({ messages: 500, inFlight: 0, memoryBytes: 0 });
  const [receipt] = await add(outbox, 1);
  expect(receipt).toEqual({ epoch, sequence: 501, kept: true, durable: true });
  outbox.online();
  expect(sequences(await drain(outbox))).toEqual(Array.from({ length: 501 }, (_, index) => index + 1));
  expect(losses.size).toBe(0);
});

it("never gives a sequence twice, also when everything was acknowledged before it was killed", async () => {
  const before = await open();
  before.outbox.online();
  void add(before.outbox, 20);
  await waitUntil(
    "all messages",
    async () => (await drain(before.outbox)).length > 0 && before.outbox.stats().messages === 0,
  );
  await killed(before);
  const { outbox } = await open();
  const [receipt] = await add(outbox, 1);
  expect(receipt!.sequence).toBeGreaterThan(20);
  expect(outbox.takeLosses()).toMatchObject([{ reason: "restart" }]);
});

it("reports what may have been lost with the process, and nothing that was kept", async () => {
  const before = await open({ classes: { telemetry: { commitMs: 60_000 } } });
  before.outbox.online();
  await new Promise((resolve) => setTimeout(resolve, 50));
  void add(before.outbox, 3, "telemetry");
  await add(before.outbox, 2, "alarm");
  await killed(before);
  const { outbox } = await open();
  const [loss] = outbox.takeLosses();
  expect(loss?.ranges[0]).toEqual([1, 3]);
  expect(loss?.ranges.some(([from, to]) => from <= 5 && to >= 4)).toBe(false);
  outbox.online();
  expect(sequences(await drain(outbox))).toEqual([4, 5]);
});

it("says nothing of losses after an orderly end", async () => {
  const before = await open();
  before.outbox.online();
  void add(before.outbox, 10, "telemetry");
  await drain(before.outbox);
  await close(before);
  const { outbox, losses } = await open();
  expect(losses.size).toBe(0);
  expect(outbox.takeLosses()).toEqual([]);
});

it("writes nothing for messages that are acknowledged in time", async () => {
  const { outbox } = await open({ classes: { telemetry: { commitMs: 5000 } } });
  outbox.online();
  // The store has heard how far sequences may go when the first one is handed out.
  void add(outbox, 1, "telemetry");
  await waitUntil("the first message", () => {
    const taken = outbox.take(1);
    for (const one of taken) outbox.acknowledge(one);
    return taken.length > 0;
  });
  const before = outbox.stats().writtenBytes;
  for (let round = 0; round < 20; round++) {
    void add(outbox, 10, "telemetry", 1000);
    for (const one of outbox.take(20)) outbox.acknowledge(one);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(outbox.stats().messages).toBe(0);
  expect(outbox.stats().writtenBytes - before).toBeLessThan(20_000);
});

it("gives up the oldest of a class over its quota, to the byte, and reports exactly these", async () => {
  const { outbox, losses } = await open({ classes: { telemetry: { quotaBytes: 10 * (100 + 1 + 64) } } });
  await add(outbox, 3, "event", 100);
  for (let i = 0; i < 5; i++) await add(outbox, 5, "telemetry", 100);
  expect(outbox.stats().classes.telemetry).toEqual({ messages: 10, bytes: 1650 });
  expect(losses).toEqual(new Map([["quota", 15]]));
  expect(outbox.takeLosses()).toMatchObject([{ reason: "quota", count: 15, bytes: 15 * 165, ranges: [[4, 18]] }]);
  outbox.online();
  expect(sequences(await drain(outbox))).toEqual([1, 2, 3, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28]);
});

it("still reports losses of a process that was killed before it could", async () => {
  const before = await open({ classes: { telemetry: { quotaBytes: 500 } } });
  await add(before.outbox, 10, "telemetry", 100);
  await killed(before);
  const { outbox } = await open();
  expect(outbox.takeLosses()).toMatchObject([{ reason: "quota", count: 7, ranges: [[1, 7]] }]);
  // They are off the disk with the commit that takes the report.
  await add(outbox, 1, "alarm");
  await close({ outbox } as Box);
  boxes = [];
  expect((await open()).outbox.takeLosses()).toEqual([]);
});

it("keeps what the broker refused for good, with the reason", async () => {
  const box = await open();
  await add(box.outbox, 2, "event");
  box.outbox.online();
  const [first] = await waitUntil("a message", () => {
    const taken = box.outbox.take(1);
    return taken.length > 0 ? taken : undefined;
  });
  box.outbox.discard(first!, "refused-0x99");
  await waitUntil("the dead letter", () => box.outbox.stats().deadLetters === 1);
  await close(box);
  const { outbox } = await open();
  expect(await outbox.store?.deadLetters(10)).toMatchObject([
    { sequence: 1, class: "event", topic: "t", reason: "refused-0x99" },
  ]);
  outbox.online();
  expect(sequences(await drain(outbox))).toEqual([2]);
});

it("sends live messages before the backlog, and marks as late what waited on the disk", async () => {
  const before = await open();
  await add(before.outbox, 50, "event");
  await close(before);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  const { outbox } = await open();
  outbox.online();
  // Until the store knows how far sequences may go, nothing is sent that it does not have.
  await new Promise((resolve) => setTimeout(resolve, 300));
  void outbox.enqueue(message("event"));
  const all = await drain(outbox);
  expect(all[0]).toMatchObject({ sequence: 51, late: false });
  expect(sequences(all.slice(1))).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(all.slice(1).every(({ late }) => late)).toBe(true);
});

it("limits how fast the backlog goes, and not what is live", async () => {
  const before = await open();
  await add(before.outbox, 300, "event");
  await close(before);
  const { outbox } = await open({ backlogRate: 200 });
  outbox.online();
  const begin = performance.now();
  let taken = 0;
  while (taken < 100) {
    for (const one of outbox.take(20)) {
      outbox.acknowledge(one);
      taken += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const rate = (100 / (performance.now() - begin)) * 1000;
  expect(rate).toBeLessThan(260);
  void add(outbox, 50, "event");
  expect(outbox.take(50)).toHaveLength(50);
});

it("puts a damaged file aside, begins a new epoch and says so", async () => {
  const before = await open();
  await add(before.outbox, 100);
  const { epoch } = before.outbox;
  await close(before);
  writeFileSync(`${directory.path}/outbox.db`, Buffer.alloc(8192, "not a database"));
  const { outbox, replaced } = await open();
  expect(replaced).toEqual([`${directory.path}/outbox.db.damaged`]);
  expect(outbox.epoch).not.toBe(epoch);
  expect(await add(outbox, 1)).toMatchObject([{ sequence: 1, kept: true }]);
});

it("goes on in memory, under another epoch, while a second process has the file", async () => {
  const first = await open();
  const second = await open();
  expect(second.problems[0]).toMatch(/outbox in .* does not work \(database is locked\): another Nightjar uses it/);
  expect(await add(second.outbox, 1)).toMatchObject([{ sequence: 1, kept: true }]);
  expect(second.outbox.epoch).not.toBe(first.outbox.epoch);
  await close(first);
  await waitUntil("the file to be free", () => second.problems.at(-1) === "", 10_000);
  expect(await add(second.outbox, 1)).toMatchObject([{ epoch: second.outbox.epoch, sequence: 1, kept: true }]);
});

it("is one file that other tools can read", async () => {
  const box = await open();
  await add(box.outbox, 3, "telemetry");
  await close(box);
  const database = new DatabaseSync(`${directory.path}/outbox.db`, { readOnly: true });
  expect(database.prepare("SELECT count(*) AS n, sum(length(body)) AS bytes FROM queue_telemetry").get()).toEqual({
    n: 3,
    bytes: 30,
  });
  expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  database.close();
});
