/**
 * Keeps the store open and brings batches to it, one at a time; after a failure it tries again until it works. What goes
 * into a batch, and what follows from its success or failure, is the outbox' business.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, messageOf } from "../../log/errors.ts";
import { Backoff } from "../backoff.ts";
import type { Batch, CommitResult, Opening, ReadRequest, StoredMessage, StoreOptions } from "./store.ts";
import { StoreClient, StoreError } from "./store-client.ts";

export interface PersistenceHandlers {
  /** What is to be written now; undefined when there is nothing. @param probe a batch is wanted in any case */
  collect(probe: boolean): Batch | undefined;
  committed(batch: Batch, result: CommitResult): void;
  /** Nothing of it was written. */
  failed(batch: Batch): void;
  /** @param again false for the first time in this process */
  opened(opening: Opening, again: boolean): void;
  /** The store works no more, or works again (empty). */
  problem(text: string): void;
}

/** So long the thread is given to close its file, also when its last commit took all the time. Milliseconds. */
const LEAST_CLOSE_MS = 200;
/** A commit that takes longer than this makes the disk count as stalled. Milliseconds. */
const STALL_MS = 2000;
/** A disk that has not opened the file after this is not waited for. Milliseconds. */
const OPEN_LIMIT_MS = 5000;
/** SQLite's "database or disk is full", which passes without opening anew. */
const FULL = "SQLITE_13";

export class Persistence {
  readonly #options: Omit<StoreOptions, "mode">;
  readonly #handlers: PersistenceHandlers;
  readonly #backoff = new Backoff({ firstMs: 1000, maxMs: 30_000 });
  #client: StoreClient | undefined;
  #isOpen = false;
  #wasOpen = false;
  #isDamaged = false;
  #problem = "";
  #committing: Promise<void> | undefined;
  /** When the present commit began, by performance.now(). */
  #began = 0;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  /** Asked for while a commit was on its way. */
  #wanted = false;
  #closed = false;

  constructor(options: Omit<StoreOptions, "mode">, handlers: PersistenceHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** The store takes what it is given, as far as is known. */
  get works(): boolean {
    return this.isSound && this.commitMs <= STALL_MS;
  }

  /** It works, or would if the disk did not stall: what it is given is written when the disk goes on. */
  get isSound(): boolean {
    return this.#isOpen && this.#problem === "";
  }

  /** How long the present commit has taken so far, milliseconds; 0 when none is on its way. */
  get commitMs(): number {
    return this.#committing === undefined ? 0 : performance.now() - this.#began;
  }

  /**
   * Resolves when the store is open, when the first attempt has failed (then the next ones follow by themselves), or when the
   * disk does not answer (then the attempt goes on, and the store is there when it does).
   */
  async open(): Promise<void> {
    const late = new AbortController();
    const attempt = this.#open().then(() => late.abort());
    await Promise.race([attempt, sleep(OPEN_LIMIT_MS, undefined, { signal: late.signal, ref: false }).catch(() => {})]);
    if (late.signal.aborted || this.#closed) return;
    const message = `no answer within ${OPEN_LIMIT_MS / 1000} s`;
    this.#say(explain(this.#options.directory, "hangs", message));
  }

  async #open(): Promise<void> {
    try {
      this.#client ??= new StoreClient();
      const mode = this.#isDamaged ? "replace" : this.#wasOpen ? "resume" : "begin";
      const opening = await this.#client.open({ ...this.#options, mode });
      this.#isDamaged = false;
      this.#isOpen = true;
      this.#handlers.opened(opening, this.#wasOpen);
      this.#wasOpen = true;
      this.#recovered();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Asks for a commit within `delayMs`. */
  request(delayMs: number): void {
    const at = performance.now() + delayMs;
    if (this.#closed || this.#problem !== "" || at >= this.#dueAt) return;
    this.#dueAt = at;
    clearTimeout(this.#timer);
    // At once means: together with what else this turn of the event loop brings.
    if (delayMs <= 0) queueMicrotask(() => this.#commitSoon());
    else this.#timer = setTimeout(() => this.#commitSoon(), delayMs);
  }

  /** Undefined when the store does not work. */
  async read(request: ReadRequest): Promise<StoredMessage[] | undefined> {
    if (!this.works || this.#client === undefined) return undefined;
    try {
      return await this.#client.read(request);
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** The thread that has the file; undefined while it does not work. */
  get client(): StoreClient | undefined {
    return this.works ? this.#client : undefined;
  }

  /** Writes what is left, and closes. @param limitMs for a disk that hangs */
  async close(limitMs: number): Promise<void> {
    clearTimeout(this.#timer);
    const end = performance.now() + limitMs;
    const late = new Promise<void>((resolve) => setTimeout(resolve, limitMs).unref());
    await Promise.race([this.#finish(), late]);
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#client?.close(Math.max(LEAST_CLOSE_MS, end - performance.now()));
  }

  async #finish(): Promise<void> {
    await this.#committing;
    if (this.works) await this.#commit();
  }

  #commitSoon(): void {
    if (this.#committing !== undefined) this.#wanted = true;
    else if (!this.#closed) void this.#commit();
  }

  /** @param probe also when there is nothing to write: to see whether the disk works again */
  async #commit(probe = false): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    const batch = this.#isOpen ? this.#handlers.collect(probe) : undefined;
    if (batch === undefined || this.#client === undefined) return;
    this.#began = performance.now();
    this.#committing = this.#write(this.#client, batch);
    await this.#committing;
  }

  async #write(client: StoreClient, batch: Batch): Promise<void> {
    let result: CommitResult | undefined;
    let failure: unknown;
    try {
      result = await client.commit(batch);
    } catch (error) {
      failure = error;
    }
    this.#committing = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
    if (result === undefined) {
      this.#handlers.failed(batch);
      this.#fail(failure);
    } else {
      this.#recovered();
      this.#handlers.committed(batch, result);
    }
    if (this.#wanted) this.request(0);
    this.#wanted = false;
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    const code = error instanceof StoreError ? error.code : (codeOf(error) ?? "");
    if (code === "ended") this.#client = undefined;
    if (code !== FULL) this.#isOpen = false;
    this.#isDamaged ||= error instanceof StoreError && error.isDamage;
    this.#say(explain(this.#options.directory, code, messageOf(error)));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#again(), this.#backoff.next());
  }

  #say(problem: string): void {
    const isNews = this.#problem !== problem;
    this.#problem = problem;
    if (isNews) this.#handlers.problem(problem);
  }

  async #again(): Promise<void> {
    if (this.#closed) return;
    if (this.#isOpen) await this.#commit(true);
    else await this.open();
  }

  #recovered(): void {
    this.#backoff.reset();
    this.#say("");
  }
}

function explain(directory: string, code: string, message: string): string {
  const remedies: Readonly<Record<string, string>> = {
    hangs: "the disk hangs; check it",
    SQLITE_5: "another Nightjar uses it; give this one its own directories.state",
    SQLITE_8: "it may not be written; check the mount options and the permissions",
    SQLITE_10: "the disk reports errors; check it",
    SQLITE_13: "the disk is full; free space on it",
    SQLITE_14: "it cannot be opened; check the disk and the permissions",
    EACCES: "this user may not write there",
    ENOSPC: "the disk is full; free space on it",
    EROFS: "its file system is read-only",
  };
  return `the outbox in ${directory} does not work (${message}): ${remedies[code] ?? "check the disk"}`;
}
