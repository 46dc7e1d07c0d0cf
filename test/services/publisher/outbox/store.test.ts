/** The store after a transaction that was undone: what it says of itself is what lies on the disk. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Batch, Store, type StoredMessage } from "../../../../services/publisher/outbox/store.ts";
import { DEFAULT_POLICIES } from "../../../../services/publisher/outbox/types.ts";
import { temporaryDirectory } from "../support/boxes.ts";

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

function open(): Store {
  const options = { directory: directory.path, policies: DEFAULT_POLICIES, freeShare: 0, mode: "resume" } as const;
  return new Store(options, Date.now());
}

function message(sequence: number): StoredMessage {
  return { class: "event", sequence, created: Date.now(), topic: "t", contentType: "text", body: Buffer.from("x") };
}

function batch(fields: Partial<Batch>): Batch {
  const clock = { steady: Date.now(), wall: Date.now() };
  const none = { inserts: [], settled: [], dead: [], losses: [], held: [] };
  return { ...none, reportedUpTo: 0, reserved: 100, settledBelow: 1, clock, ...fields };
}

const loss = { epoch: "a", reason: "quota", from: 1, to: 1, count: 1, bytes: 1 };
/** SQLite takes no such body: the last step of the transaction fails. */
const broken = { ...message(9), body: undefined as unknown as Uint8Array };

it("counts nothing of a commit that failed", () => {
  const store = open();
  store.commit(batch({ inserts: [message(1)], dead: [{ ...message(2), reason: "refused" }], losses: [loss] }));
  const before = store.commit(batch({}));
  const failing = batch({ inserts: [broken], dead: [{ ...message(3), reason: "refused" }], losses: [loss, loss] });
  expect(() => store.commit(failing)).toThrow();
  expect(store.commit(batch({}))).toEqual({ ...before, writtenBytes: expect.any(Number) });
  expect(store.deadLetters(10)).toHaveLength(1);
  store.close();
});

it("counts a dead letter once, also when the word that it was written got lost", () => {
  const store = open();
  const dead = [{ ...message(2), reason: "refused" }];
  store.commit(batch({ dead }));
  expect(store.commit(batch({ dead })).deadLetters).toBe(1);
  store.close();
});

it("gives no loss an id that was reported, also after it was opened anew", () => {
  const first = open();
  const { lossId } = first.commit(batch({ losses: [loss, loss] }));
  first.commit(batch({ reportedUpTo: lossId }));
  first.close();
  const store = open();
  const next = store.commit(batch({ reportedUpTo: lossId, losses: [loss] }));
  expect(next.lossId).toBeGreaterThan(lossId);
  store.commit(batch({ reportedUpTo: lossId }));
  store.close();
  expect(open().opening.losses).toMatchObject([{ id: next.lossId }]);
});
