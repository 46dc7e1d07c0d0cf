/**
 * What of the outbox lies on the disk. Synchronous: it runs in a thread of its own (store-worker.ts), because a sync
 * takes 0.2 ms on one disk, 20 ms on another and seconds on one that fails.
 *
 * Everything that changes, changes in commit(): one transaction, one sync.
 */
import { readFileSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  isStored,
  openDatabase,
  perClass,
  resultCode,
  SQLITE_FULL,
  STORED_CLASSES,
  type StoredClass,
} from "./database.ts";
import { DeadLetters } from "./dead-letters.ts";
import { FreeSpace } from "./free-space.ts";
import { Journal } from "./journal.ts";
import { LossTable, type StoredLoss } from "./loss-table.ts";
import { bytesOf, Queue } from "./queue.ts";
import { RangeSet } from "./range-set.ts";
import type { ClockReading } from "./steady-clock.ts";
import type { LossRange, MessageClass, Policies } from "./types.ts";

export interface StoreOptions {
  readonly directory: string;
  readonly policies: Policies;
  /** Share of the file system that stays free: below it, the outbox does not grow. 0 to 1. */
  readonly freeShare: number;
  /**
   * begin: the first time in this process, so what the last one left open is a loss. resume: this process knows of all that
   * is not in the file. replace: the file is damaged; put it aside and begin another.
   */
  readonly mode: "begin" | "resume" | "replace";
}

export interface StoredMessage {
  readonly class: StoredClass;
  readonly sequence: number;
  /** By the steady clock, milliseconds. */
  readonly created: number;
  readonly topic: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface Totals {
  readonly messages: number;
  readonly bytes: number;
}

export interface Opening {
  readonly epoch: string;
  readonly nextSequence: number;
  readonly clock: ClockReading;
  readonly totals: Record<MessageClass, Totals>;
  /** Not reported yet, with what the end of the last run may have cost. */
  readonly losses: readonly StoredLoss[];
  readonly deadLetters: number;
  /** A damaged store was put aside here. */
  readonly movedTo: string | undefined;
}

export interface Batch {
  readonly inserts: readonly StoredMessage[];
  /** Acknowledged: to be forgotten. */
  readonly settled: readonly (readonly [StoredClass, number])[];
  /** Refused for good: to be forgotten, and kept for a person to look at. */
  readonly dead: readonly (StoredMessage & { readonly reason: string })[];
  readonly losses: readonly LossRange[];
  /** Losses up to this id stand in reports that are among the inserts. */
  readonly reportedUpTo: number;
  /** Sequences in the sender's hands, which are not given up. */
  readonly held: readonly number[];
  /** No sequence from here on has been sent. */
  readonly reserved: number;
  /** All below are stored with this batch, acknowledged or known losses. */
  readonly settledBelow: number;
  readonly clock: ClockReading;
}

export interface CommitResult {
  readonly totals: Record<MessageClass, Totals>;
  /** What had to go: quota, age, a newer message of the topic. Already written down. */
  readonly losses: readonly StoredLoss[];
  /** Id of the last of the batch's losses; those above have higher ones. */
  readonly lossId: number;
  readonly deadLetters: number;
  /** When the oldest message was taken, by the steady clock; null when there is none. */
  readonly oldest: number | null;
  /** What this thread has caused to be written to disks, bytes. */
  readonly writtenBytes: number;
}

export interface ReadRequest {
  readonly class: StoredClass;
  /** Sequences between these two, excluding both. */
  readonly after: number;
  readonly below: number;
  /** By the steady clock: older ones are left to the next commit, which gives them up. */
  readonly createdAfter: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly skipTopics: readonly string[];
}

/** How often ages, and what was written, are looked at. Milliseconds. */
const LOOK_MS = 200;
/** Rows looked at in one go when messages have become too old. */
const EXPIRE_ROWS = 5000;

export class Store {
  readonly #options: StoreOptions;
  readonly #db: DatabaseSync;
  readonly #queues: Record<StoredClass, Queue>;
  readonly #setState: StatementSync;
  readonly #losses: LossTable;
  readonly #dead: DeadLetters;
  readonly #freeSpace: FreeSpace;
  readonly journal: Journal;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looksForOld = false;
  #oldest: number | null = null;
  #writtenBytes = 0;
  readonly opening: Opening;

  /** @throws of SQLite or the file system when there is no writing here. */
  constructor(options: StoreOptions, wall: number) {
    this.#options = options;
    const { database, movedTo } = openDatabase(options.directory, wall, options.mode === "replace");
    this.#db = database;
    this.#queues = Object.fromEntries(
      STORED_CLASSES.map((kind) => [kind, new Queue(database, kind, options.policies[kind].keep)]),
    ) as Record<StoredClass, Queue>;
    this.#setState = database.prepare("UPDATE state SET reserved = ?, settled = ?, steady = ?, wall = ?");
    this.#losses = new LossTable(database);
    this.#dead = new DeadLetters(database);
    this.#freeSpace = new FreeSpace(options.directory, options.freeShare);
    this.journal = new Journal(database);
    this.opening = this.#open(movedTo);
  }

  /** @throws of SQLite; then nothing of the batch is stored. */
  commit(batch: Batch): CommitResult {
    try {
      return this.#commit(batch);
    } catch (error) {
      if (resultCode(error) !== SQLITE_FULL) throw error;
      // The log can be begun anew once it is in the file, and pages of given up messages be used again.
      this.#db.exec("PRAGMA wal_checkpoint(RESTART)");
      this.#freeSpace.full(this.#totalBytes());
      return this.#commit(batch);
    }
  }

  /** Oldest first. */
  read({ class: kind, ...request }: ReadRequest): StoredMessage[] {
    return this.#queues[kind].read(request);
  }

  deadLetters(limit: number) {
    return this.#dead.list(limit);
  }

  close(): void {
    this.#db.close();
  }

  #open(movedTo: string | undefined): Opening {
    const state = this.#db.prepare("SELECT epoch, reserved, settled, steady, wall FROM state").get() as {
      epoch: string;
      reserved: number;
      settled: number;
      steady: number;
      wall: number;
    };
    const newest = Math.max(...STORED_CLASSES.map((kind) => this.#queues[kind].newest()));
    const nextSequence = Math.max(state.reserved, newest + 1);
    if (this.#options.mode !== "resume")
      this.#transaction(() => {
        for (const range of this.#unaccounted(state.settled, nextSequence - 1))
          this.#losses.add([
            {
              epoch: state.epoch,
              reason: "restart",
              from: range[0],
              to: range[1],
              count: range[1] - range[0] + 1,
              bytes: 0,
            },
          ]);
        this.#setState.run(nextSequence, nextSequence, state.steady, state.wall);
      });
    return {
      epoch: state.epoch,
      nextSequence,
      clock: { steady: state.steady, wall: state.wall },
      totals: this.#totals(),
      losses: this.#losses.all(),
      deadLetters: this.#dead.count,
      movedTo,
    };
  }

  /** Sequences that were given out, and of which nothing is known: the process ended first. */
  #unaccounted(from: number, to: number): (readonly [number, number])[] {
    const stored = new RangeSet();
    for (const kind of STORED_CLASSES) for (const sequence of this.#queues[kind].sequences(from)) stored.add(sequence);
    return RangeSet.missing(from, to, stored);
  }

  #commit(batch: Batch): CommitResult {
    const lost: LossRange[] = [];
    try {
      return this.#transaction(() => {
        for (const [kind, sequence] of batch.settled) this.#queues[kind].remove(sequence);
        for (const letter of batch.dead) {
          this.#queues[letter.class].remove(letter.sequence);
          this.#dead.add(letter, batch.clock.wall);
        }
        // Before, so that the pages of what goes are used again; after, for what does not fit by itself.
        const held = new Set(batch.held);
        this.#looksForOld = this.#isTimeToLook();
        this.#makeRoom(held, batch.clock.steady, sizeOf(batch.inserts), lost);
        for (const message of batch.inserts) this.#insert(message, lost);
        this.#looksForOld = false;
        this.#makeRoom(held, batch.clock.steady, NOTHING, lost);
        this.#losses.forget(batch.reportedUpTo);
        this.#losses.add(batch.losses);
        const { lastId } = this.#losses;
        const losses = this.#losses.add(lost);
        this.#setState.run(batch.reserved, batch.settledBelow, batch.clock.steady, batch.clock.wall);
        const { count } = this.#dead;
        return {
          totals: this.#totals(),
          losses,
          lossId: lastId,
          deadLetters: count,
          oldest: this.#oldest,
          writtenBytes: this.#writtenBytes,
        };
      });
    } catch (error) {
      this.#countAgain();
      throw error;
    }
  }

  /** What was counted belongs to a transaction that is undone. When even reading fails, opening the file again counts. */
  #countAgain(): void {
    try {
      for (const kind of STORED_CLASSES) this.#queues[kind].count();
      this.#losses.countAgain();
      this.#dead.countAgain();
    } catch {
      // The error of the transaction tells more.
    }
  }

  #insert(message: StoredMessage, lost: LossRange[]): void {
    const queue = this.#queues[message.class];
    const older = queue.insert(message);
    const bytes = older === undefined ? undefined : queue.remove(older);
    if (older !== undefined && bytes !== undefined) lost.push(lossOf(this.opening.epoch, "superseded", older, bytes));
  }

  /** @param incoming bytes that each class is about to get */
  #makeRoom(held: ReadonlySet<number>, now: number, incoming: Record<MessageClass, number>, lost: LossRange[]): void {
    const { policies } = this.#options;
    let seen = 0;
    for (const kind of STORED_CLASSES) {
      const { ttlMs, quotaBytes } = policies[kind];
      const queue = this.#queues[kind];
      if (queue.totals.messages > 0 && this.#looksForOld)
        this.#giveUp(kind, held, "expired", lost, (created) => created + ttlMs < now && seen++ < EXPIRE_ROWS);
      if (queue.totals.bytes + incoming[kind] > quotaBytes)
        this.#giveUp(kind, held, "quota", lost, () => queue.totals.bytes + incoming[kind] > quotaBytes);
    }
    const coming = STORED_CLASSES.reduce((sum, kind) => sum + incoming[kind], 0);
    const limit = this.#freeSpace.limit(this.#totalBytes());
    for (const kind of STORED_CLASSES.toReversed())
      if (this.#totalBytes() + coming > limit)
        this.#giveUp(kind, held, "disk-full", lost, () => this.#totalBytes() + coming > limit);
  }

  /** Gives up the oldest of a class for as long as `go` says so. */
  #giveUp(
    kind: StoredClass,
    held: ReadonlySet<number>,
    reason: string,
    lost: LossRange[],
    go: (created: number) => boolean,
  ): void {
    const queue = this.#queues[kind];
    let after = 0;
    for (;;) {
      const row = queue.oldest(after);
      if (row === undefined || !go(row.created)) return;
      after = row.sequence;
      if (held.has(row.sequence)) continue;
      addLoss(lost, lossOf(this.opening.epoch, reason, row.sequence, this.#queues[kind].remove(row.sequence) ?? 0));
    }
  }

  #totals(): Record<MessageClass, Totals> {
    return perClass((kind) => (isStored(kind) ? this.#queues[kind].totals : EMPTY));
  }

  #totalBytes(): number {
    return STORED_CLASSES.reduce((sum, kind) => sum + this.#queues[kind].totals.bytes, 0);
  }

  /** What changes slowly and costs something is looked at once in a while. */
  #isTimeToLook(): boolean {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return false;
    this.#lookedAt = now;
    this.#writtenBytes = writtenBytes();
    this.#oldest = this.#findOldest();
    return true;
  }

  #findOldest(): number | null {
    const rows = STORED_CLASSES.map((kind) => this.#queues[kind].oldest());
    const created = rows.flatMap((row) => (row === undefined ? [] : [row.created]));
    return created.length === 0 ? null : Math.min(...created);
  }

  #transaction<Value>(work: () => Value): Value {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const value = work();
      this.#db.exec("COMMIT");
      return value;
    } catch (error) {
      // Some errors have rolled back already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

const EMPTY: Totals = { messages: 0, bytes: 0 };
const NOTHING = perClass(() => 0);

function sizeOf(messages: readonly StoredMessage[]): Record<MessageClass, number> {
  const sizes = perClass(() => 0);
  for (const message of messages) sizes[message.class] += bytesOf(message);
  return sizes;
}

function lossOf(epoch: string, reason: string, sequence: number, bytes: number): LossRange {
  return { epoch, reason, from: sequence, to: sequence, count: 1, bytes };
}

/** Joins neighbours, so that a thousand rows of one class are one line. */
function addLoss(lost: LossRange[], loss: LossRange): void {
  const last = lost.at(-1);
  const joins =
    last !== undefined && last.reason === loss.reason && last.epoch === loss.epoch && last.to + 1 === loss.from;
  if (joins)
    lost[lost.length - 1] = { ...last, to: loss.to, count: last.count + loss.count, bytes: last.bytes + loss.bytes };
  else lost.push(loss);
}

/** What this thread has caused to be written to disks; 0 where the system does not tell. */
function writtenBytes(): number {
  try {
    return Number(/^write_bytes: (\d+)/m.exec(readFileSync("/proc/thread-self/io", "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
