import { afterEach, describe, expect, it } from "vitest";
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

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean();
});

async function inMemory(options: BoxOptions = {}): Promise<Box> {
  const box = await openBox(options);
  cleanup.push(() => box.outbox.close());
  return box;
}

async function onDisk(options: BoxOptions = {}): Promise<Box> {
  const directory = temporaryDirectory();
  const box = await openBox({ directory: directory.path, ...options });
  cleanup.push(directory.remove, () => box.outbox.close());
  return box;
}

describe.each([
  ["in memory", inMemory],
  ["on a disk", onDisk],
])("an outbox %s", (_, open) => {
  it("numbers messages from 1 over all classes, and hands out the important ones first", async () => {
    const { outbox } = await open();
    outbox.online();
    const receipts = [
      outbox.enqueue(message("telemetry")),
      outbox.enqueue(message("event")),
      outbox.enqueue(message("alarm")),
    ];
    const taken = await waitUntil("three messages", () => {
      const all = outbox.take(3);
      return all.length === 3 ? all : undefined;
    });
    expect(taken.map(({ sequence, class: kind }) => [sequence, kind])).toEqual([
      [3, "alarm"],
      [2, "event"],
      [1, "telemetry"],
    ]);
    for (const one of taken) outbox.acknowledge(one);
    expect((await Promise.all(receipts)).every(({ kept, epoch }) => kept && epoch === outbox.epoch)).toBe(true);
    expect(outbox.stats()).toMatchObject({ messages: 0, bytes: 0, inFlight: 0, memoryBytes: 0 });
  });

  it("keeps what is not acknowledged, and forgets what is", async () => {
    const { outbox } = await open();
    const receipts = add(outbox, 3);
    outbox.online();
    await receipts;
    const taken = await waitUntil("three messages", () =>
      outbox.stats().inFlight === 3 ? [] : outbox.take(3).length === 3 && [],
    );
    expect(taken).toEqual([]);
    expect(outbox.stats()).toMatchObject({ messages: 3, inFlight: 3 });
    outbox.offline();
    expect(outbox.stats()).toMatchObject({ messages: 3, inFlight: 0 });
    outbox.online();
    expect(sequences(await drain(outbox))).toEqual([1, 2, 3]);
    await waitUntil("nothing to be left", () => outbox.stats().messages === 0);
  });

  it("offers again what is given back, before what is newer", async () => {
    const { outbox } = await open();
    outbox.online();
    void add(outbox, 4);
    const taken = await waitUntil("three messages", () => {
      const some = outbox.take(3);
      return some.length > 0 ? some : undefined;
    });
    outbox.giveBack(taken[2]!);
    outbox.giveBack(taken[0]!);
    expect(sequences(outbox.take(9))).toEqual([1, 3, 4]);
  });

  it("ignores words about messages that are not in flight any more", async () => {
    const { outbox } = await open();
    await add(outbox, 1);
    outbox.online();
    const [first] = await waitUntil("the message", () => {
      const taken = outbox.take(1);
      return taken.length > 0 ? taken : undefined;
    });
    outbox.offline();
    outbox.acknowledge(first!);
    outbox.discard(first!, "late word");
    expect(outbox.stats().messages).toBe(1);
    outbox.online();
    expect(sequences(await drain(outbox))).toEqual([1]);
  });

  it("counts a discarded message as lost, and reports it once", async () => {
    const { outbox, losses } = await open();
    const receipt = outbox.enqueue(message());
    outbox.online();
    const [first] = await waitUntil("the message", () => {
      const taken = outbox.take(1);
      return taken.length > 0 ? taken : undefined;
    });
    outbox.discard(first!, "too-large");
    await receipt;
    expect(losses).toEqual(new Map([["too-large", 1]]));
    expect(outbox.takeLosses()).toMatchObject([
      { epoch: outbox.epoch, reason: "too-large", count: 1, ranges: [[1, 1]] },
    ]);
    expect(outbox.takeLosses()).toEqual([]);
  });

  it("leaves out a blocked topic and goes on with the others", async () => {
    const { outbox } = await open();
    for (const topic of ["a", "b", "a", "b"]) void outbox.enqueue(message("event", { topic }));
    outbox.block("a");
    outbox.online();
    expect((await drain(outbox)).map(({ topic }) => topic)).toEqual(["b", "b"]);
    void outbox.enqueue(message("event", { topic: "a" }));
    expect(await drain(outbox)).toEqual([]);
    outbox.unblock("a");
    expect(sequences(await drain(outbox))).toEqual([1, 3, 5]);
  });

  it("gives up what has become too old", async () => {
    const { outbox, losses } = await open({ classes: { event: { ttlMs: 50 } } });
    await add(outbox, 2);
    await new Promise((resolve) => setTimeout(resolve, 80));
    outbox.online();
    expect(await drain(outbox)).toEqual([]);
    // On a disk, the next commit after a while looks for them.
    await waitUntil("their end", async () => {
      await add(outbox, 1, "alarm");
      return losses.get("expired") === 2;
    });
  });

  it("keeps only the newest message of a topic where that is wanted", async () => {
    const { outbox, losses } = await open({ classes: { telemetry: { keep: "latest" } } });
    for (const topic of ["a", "b", "a", "a"]) {
      void outbox.enqueue(message("telemetry", { topic }));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    outbox.online();
    // A disk that is slow has one of them still in memory, and that is sent first.
    expect(sequences(await drain(outbox)).toSorted()).toEqual([2, 4]);
    expect(losses.get("superseded")).toBe(2);
  });
});

describe("an outbox in memory", () => {
  it("gives up the oldest of the least important class when the memory is full", async () => {
    const { outbox, losses } = await inMemory({ memoryBytes: 1000 });
    void add(outbox, 4, "telemetry", 100);
    void add(outbox, 4, "event", 100);
    outbox.online();
    expect(sequences(await drain(outbox))).toEqual([5, 6, 7, 8, 3, 4]);
    expect(losses).toEqual(new Map([["memory-full", 2]]));
  });

  it("keeps to the quota of a class, and never gives up what is in flight", async () => {
    const { outbox, losses } = await inMemory({ classes: { event: { quotaBytes: 400 } } });
    outbox.online();
    void add(outbox, 2, "event", 100);
    const taken = outbox.take(2);
    void add(outbox, 4, "event", 100);
    expect(losses.get("quota")).toBe(4);
    expect(outbox.stats().inFlight).toBe(2);
    for (const one of taken) outbox.acknowledge(one);
    expect(outbox.stats().messages).toBe(0);
  });

  it("stays quick when it is large and full", async () => {
    const { outbox } = await inMemory({ memoryBytes: 2_000_000, classes: { telemetry: { quotaBytes: 1e9 } } });
    void add(outbox, 10_000, "event");
    const begin = performance.now();
    void add(outbox, 20_000, "telemetry");
    expect(performance.now() - begin).toBeLessThan(3000);
  });
});
