import { describe, expect, it } from "vitest";
import {
  type Loss,
  MemoryOutbox,
  type MessageClass,
  type Outbox,
  type StoredMessage,
} from "../../../services/publisher/outbox.ts";

interface Bench {
  readonly outbox: Outbox;
  readonly losses: Loss[];
  /** Moves the outbox' clock. */
  pass(milliseconds: number): void;
}

function bench(maxMessages = 100, maxBytes = 1e6): Bench {
  let now = 0;
  const losses: Loss[] = [];
  const outbox = new MemoryOutbox({
    epoch: "e",
    maxMessages,
    maxBytes,
    onLoss: (loss) => losses.push(loss),
    now: () => now,
  });
  return {
    outbox,
    losses,
    pass: (milliseconds) => {
      now += milliseconds;
    },
  };
}

function add(outbox: Outbox, kind: MessageClass = "telemetry", bytes = 10): Promise<number> {
  return outbox.enqueue({ class: kind, topic: "t", payload: Buffer.alloc(bytes), contentType: "", captureNs: 0n });
}

function sequences(messages: readonly StoredMessage[]): number[] {
  return messages.map(({ sequence }) => sequence);
}

// Every store has to pass these.
describe("an outbox", () => {
  it("numbers messages from 1 and hands them out in that order, whatever their class", async () => {
    const { outbox } = bench();
    expect([await add(outbox), await add(outbox, "event"), await add(outbox, "alarm"), await add(outbox)]).toEqual([
      1, 2, 3, 4,
    ]);
    expect(sequences(await outbox.take(3))).toEqual([1, 2, 3]);
    expect(sequences(await outbox.take(3))).toEqual([4]);
    expect(await outbox.take(3)).toEqual([]);
  });

  it("forgets what is acknowledged", async () => {
    const { outbox } = bench();
    await add(outbox);
    await outbox.take(1);
    expect(outbox.stats()).toEqual({ messages: 1, bytes: 10, inFlight: 1 });
    await outbox.acknowledge(1);
    await outbox.acknowledge(1);
    expect(outbox.stats()).toEqual({ messages: 0, bytes: 0, inFlight: 0 });
  });

  it("offers again what is given back, before what is newer", async () => {
    const { outbox, pass } = bench();
    for (let i = 0; i < 4; i++) await add(outbox);
    await outbox.take(3);
    await outbox.giveBack(1, 100);
    await outbox.giveBack(3, 0);
    expect(sequences(await outbox.take(1))).toEqual([3]);
    expect(sequences(await outbox.take(5))).toEqual([4]);
    pass(100);
    expect(sequences(await outbox.take(5))).toEqual([1]);
  });

  it("offers everything again when the connection is gone", async () => {
    const { outbox } = bench();
    for (let i = 0; i < 5; i++) await add(outbox);
    await outbox.take(3);
    await outbox.acknowledge(2);
    await outbox.giveBackAll();
    expect(sequences(await outbox.take(10))).toEqual([1, 3, 4, 5]);
  });

  it("tells what is discarded", async () => {
    const { outbox, losses } = bench();
    await add(outbox);
    await outbox.take(1);
    await outbox.discard(1, "too-large");
    expect(losses).toEqual([{ reason: "too-large", messages: [{ sequence: 1, bytes: 10 }] }]);
    expect(outbox.stats().messages).toBe(0);
  });
});

describe("a full outbox", () => {
  it("gives up the oldest telemetry first, then events, then alarms", async () => {
    const { outbox, losses } = bench(3);
    await add(outbox, "event");
    await add(outbox, "telemetry");
    await add(outbox, "alarm");
    for (let i = 0; i < 3; i++) await add(outbox, "event");
    const lost = losses.flatMap(({ messages }) => messages.map(({ sequence }) => sequence));
    expect(lost).toEqual([2, 1, 4]);
    expect(sequences(await outbox.take(9))).toEqual([3, 5, 6]);
  });

  it("keeps to its bytes", async () => {
    const { outbox, losses } = bench(100, 100);
    for (let i = 0; i < 20; i++) await add(outbox, "telemetry", 30);
    expect(outbox.stats()).toEqual({ messages: 3, bytes: 90, inFlight: 0 });
    expect(losses.length).toBe(17);
  });

  it("gives up returned messages too, and never what is in flight", async () => {
    const { outbox, losses } = bench(3);
    for (let i = 0; i < 3; i++) await add(outbox);
    await outbox.take(2);
    await outbox.giveBack(2, 1000);
    await add(outbox);
    await add(outbox);
    expect(losses.flatMap(({ messages }) => messages.map(({ sequence }) => sequence))).toEqual([2, 3]);
    await outbox.giveBackAll();
    expect(sequences(await outbox.take(9))).toEqual([1, 4, 5]);
  });

  it("stays quick when it is large and full", async () => {
    const { outbox } = bench(20_000);
    for (let i = 0; i < 10_000; i++) await add(outbox, "event");
    const begin = performance.now();
    for (let i = 0; i < 20_000; i++) await add(outbox);
    expect(performance.now() - begin).toBeLessThan(3000);
    expect(outbox.stats().messages).toBe(20_000);
  });
});
