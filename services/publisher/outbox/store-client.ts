/** The outbox' file as the main thread sees it: questions to the thread that has it. Never waits for a disk. */
import { Worker } from "node:worker_threads";
import { memoryOf, pack, unpack } from "./packing.ts";
import type { Batch, CommitResult, Opening, ReadRequest, StoredMessage, StoreOptions } from "./store.ts";
import type { Answer, Operation, Operations, StoreFailure } from "./store-protocol.ts";

/** The store did not do what it was asked. */
export class StoreError extends Error {
  override name = "StoreError";
  readonly code: string;
  readonly isDamage: boolean;

  constructor({ message, code, isDamage }: StoreFailure) {
    super(message);
    this.code = code;
    this.isDamage = isDamage;
  }
}

interface Open {
  resolve(value: unknown): void;
  reject(error: StoreError): void;
}

export class StoreClient {
  readonly #worker = new Worker(new URL("./store-worker.ts", import.meta.url), { name: "outbox" });
  readonly #open = new Map<number, Open>();
  #next = 1;
  #ended = false;

  constructor() {
    this.#worker.on("message", (answer: Answer) => this.#hear(answer));
    this.#worker.on("error", (error) => this.#end(`the outbox' thread failed: ${error.message}`));
    this.#worker.on("exit", () => this.#end("the outbox' thread has ended"));
  }

  open(options: StoreOptions): Promise<Opening> {
    return this.#ask("open", options);
  }

  commit(batch: Batch): Promise<CommitResult> {
    const packed = {
      ...batch,
      inserts: pack(batch.inserts),
      dead: pack(batch.dead),
      reasons: batch.dead.map(({ reason }) => reason),
    };
    return this.#ask("commit", packed, [...memoryOf(packed.inserts), ...memoryOf(packed.dead)]);
  }

  async read(request: ReadRequest): Promise<StoredMessage[]> {
    return unpack(await this.#ask("read", request));
  }

  begin(id: string, command: string, at: number) {
    return this.#ask("begin", { id, command, at });
  }

  finish(id: string, reply: string): Promise<undefined> {
    return this.#ask("finish", { id, reply });
  }

  forget(id: string): Promise<undefined> {
    return this.#ask("forget", { id });
  }

  deadLetters(limit: number) {
    return this.#ask("deadLetters", { limit });
  }

  /** @param limitMs a disk that hangs must not keep the process */
  async close(limitMs: number): Promise<void> {
    const late = new Promise<"late">((resolve) => setTimeout(resolve, limitMs, "late").unref());
    const outcome = await Promise.race([this.#ask("close", undefined).catch(() => undefined), late]);
    if (outcome === "late" && !this.#ended) process.once("exit", this.#endHard);
    // Not awaited: a thread within a system call that hangs ends when that returns, or with the process.
    void this.#worker.terminate();
  }

  /** An orderly end of the process waits for its threads, and this one may wait for its disk for ever. */
  readonly #endHard = () => process.kill(process.pid, "SIGKILL");

  #ask<Name extends Operation>(
    operation: Name,
    input: Operations[Name]["asks"],
    transfer: ArrayBuffer[] = [],
  ): Promise<Operations[Name]["gets"]> {
    if (this.#ended) return Promise.reject(gone("the outbox' thread has ended"));
    const number = this.#next++;
    return new Promise((resolve, reject) => {
      this.#open.set(number, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ number, operation, input }, transfer);
    });
  }

  #hear(answer: Answer): void {
    const open = this.#open.get(answer.number);
    this.#open.delete(answer.number);
    if (answer.ok) open?.resolve(answer.value);
    else open?.reject(new StoreError(answer.problem));
  }

  #end(message: string): void {
    this.#ended = true;
    process.off("exit", this.#endHard);
    for (const open of this.#open.values()) open.reject(gone(message));
    this.#open.clear();
  }
}

function gone(message: string): StoreError {
  return new StoreError({ message, code: "ended", isDamage: false });
}
