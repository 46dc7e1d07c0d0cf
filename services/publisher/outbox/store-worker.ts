/** The thread that the outbox' file belongs to. One question after the other. */
import { parentPort } from "node:worker_threads";
import { codeOf, messageOf } from "../../log/errors.ts";
import { isDamage, resultCode } from "./database.ts";
import { memoryOf, type PackedMessages, pack, unpack } from "./packing.ts";
import { type Batch, Store } from "./store.ts";
import type { Answer, Operation, Operations, PackedBatch, Question, StoreFailure } from "./store-protocol.ts";

const port = parentPort!;
let store: Store | undefined;

const handlers: { [Name in Operation]: (input: Operations[Name]["asks"]) => Operations[Name]["gets"] } = {
  open: (options) => {
    store?.close();
    store = undefined;
    store = new Store(options, Date.now());
    return store.opening;
  },
  commit: (batch) => opened().commit(batchOf(batch)),
  read: (request) => pack(opened().read(request)),
  begin: ({ id, command, at }) => opened().journal.begin(id, command, at),
  finish: ({ id, reply }) => {
    opened().journal.finish(id, reply);
    return undefined;
  },
  forget: ({ id }) => {
    opened().journal.forget(id);
    return undefined;
  },
  deadLetters: ({ limit }) => opened().deadLetters(limit),
  close: () => {
    store?.close();
    store = undefined;
    return undefined;
  },
};

port.on("message", ({ number, operation, input }: Question) => {
  let answer: Answer;
  try {
    answer = { number, ok: true, value: (handlers[operation] as (input: unknown) => unknown)(input) };
  } catch (error) {
    answer = { number, ok: false, problem: failureOf(error) };
  }
  port.postMessage(answer, answer.ok && operation === "read" ? memoryOf(answer.value as PackedMessages) : []);
  if (operation === "close") port.close();
});

function opened(): Store {
  if (store === undefined) throw new Error("the outbox' file is not open");
  return store;
}

function batchOf({ inserts, dead, reasons, ...rest }: PackedBatch): Batch {
  const letters = unpack(dead).map((letter, index) => ({ ...letter, reason: reasons[index]! }));
  return { ...rest, inserts: unpack(inserts), dead: letters };
}

function failureOf(error: unknown): StoreFailure {
  const code = resultCode(error);
  return {
    message: messageOf(error),
    code: code === 0 ? (codeOf(error) ?? "unknown") : `SQLITE_${code}`,
    isDamage: isDamage(error),
  };
}
