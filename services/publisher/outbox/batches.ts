/** What each commit writes, and what follows when it is written. */
import { perClass, STORED_CLASSES } from "./database.ts";
import type { Entry } from "./entry.ts";
import type { Losses } from "./losses.ts";
import type { Memory } from "./memory.ts";
import type { Numbering } from "./numbering.ts";
import type { SteadyClock } from "./steady-clock.ts";
import type { Batch, CommitResult, Opening, StoredMessage, Totals } from "./store.ts";
import type { MessageClass, Policies } from "./types.ts";

export interface BatchParts {
  readonly policies: Policies;
  readonly memory: Memory;
  readonly numbering: Numbering;
  readonly losses: Losses;
  /** Changes when the store is opened. */
  clock(): SteadyClock;
  online(): boolean;
  /** This is the last commit: nothing is sent any more. */
  closing(): boolean;
  /** Too much is in memory: write what can be written. */
  crowded(): boolean;
}

type DeadLetter = StoredMessage & { readonly reason: string };

export class Batches {
  readonly #parts: BatchParts;
  #dead: DeadLetter[] = [];
  #looksForOld = false;
  /** Entries of the batch that is being written, by sequence. */
  #storing = new Map<number, Entry>();
  totals: Record<MessageClass, Totals> = perClass(() => ({ messages: 0, bytes: 0 }));
  deadLetters = 0;
  writtenBytes = 0;
  /** When the oldest message on the disk was taken, by the steady clock. */
  oldestStored = Number.POSITIVE_INFINITY;

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  /** The next batch is written even if it is empty, so that the store gives up what has become too old. */
  lookForOld(): void {
    this.#looksForOld = true;
  }

  /** The store is open. */
  begin({ totals, deadLetters }: Opening): void {
    this.totals = totals;
    this.deadLetters = deadLetters;
    this.#storing.clear();
  }

  /** What lies on the disk, all classes together. */
  stored(): Totals {
    const all = Object.values(this.totals);
    return {
      messages: all.reduce((sum, { messages }) => sum + messages, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  addDead(letter: DeadLetter): void {
    this.#dead.push(letter);
  }

  /** Undefined when there is nothing to write. @param probe a batch is wanted in any case */
  collect(probe: boolean): Batch | undefined {
    const { memory, numbering, losses, clock, online, closing } = this.#parts;
    const chosen = this.#choose();
    this.#storing = new Map(chosen.map((entry) => [entry.sequence, entry]));
    for (const entry of chosen) entry.storage = "storing";
    const settled = STORED_CLASSES.flatMap((kind) =>
      [...memory.lanes[kind].deletes].map((sequence) => [kind, sequence] as const),
    );
    const dead = this.#dead;
    this.#dead = [];
    const reserved = closing() ? numbering.next : numbering.reservation(online());
    const reservesMore = online() && numbering.runsShort;
    const isIdle = chosen.length + settled.length + dead.length === 0 && !losses.hasUnwritten && !reservesMore;
    const isWanted = probe || closing() || (this.#looksForOld && this.stored().messages > 0);
    this.#looksForOld = false;
    if (isIdle && !isWanted) return undefined;
    return {
      inserts: chosen.map((entry) => entry.stored()),
      settled,
      dead,
      ...losses.batch(),
      held: memory.held(),
      reserved,
      settledBelow: this.#settledBelow(),
      clock: clock().reading(),
    };
  }

  /** @returns entries that are stored now, and that nobody has acknowledged or lost meanwhile */
  committed(batch: Batch, result: CommitResult): Entry[] {
    const { memory, numbering, losses } = this.#parts;
    this.totals = result.totals;
    this.deadLetters = result.deadLetters;
    this.writtenBytes = result.writtenBytes;
    this.oldestStored = result.oldest ?? Number.POSITIVE_INFINITY;
    numbering.reserve(batch.reserved);
    losses.written(result.lossId);
    losses.addWritten(result.losses);
    for (const [kind, sequence] of batch.settled) memory.lanes[kind].deletes.delete(sequence);
    const gone = goneOf(result);
    if (result.losses.length > 0) memory.removeGivenUp(gone);
    const stored: Entry[] = [];
    for (const entry of this.#storing.values()) {
      const lane = memory.lanes[entry.class];
      entry.storage = "disk";
      lane.unstored.delete(entry);
      if (entry.state === "gone") lane.deletes.add(entry.sequence);
      else if (gone(entry.sequence)) memory.remove(entry);
      else stored.push(entry);
      entry.settle(entry.state !== "gone" || !gone(entry.sequence));
    }
    this.#storing.clear();
    return stored;
  }

  notCommitted(batch: Batch): void {
    for (const entry of this.#storing.values()) {
      entry.storage = "memory";
      // What was acknowledged meanwhile need not be stored any more.
      if (entry.state === "gone") this.#parts.memory.lanes[entry.class].unstored.delete(entry);
    }
    this.#storing.clear();
    this.#parts.losses.notWritten(batch.losses);
    this.#dead = [...batch.dead, ...this.#dead];
  }

  /** Messages that wait, on the disk and in memory. */
  statsOf(kind: MessageClass): Totals {
    const { memory } = this.#parts;
    const { unstored, deletes } = memory.lanes[kind];
    const volatile = memory.volatile(kind);
    const { messages, bytes } = this.totals[kind];
    let unstoredMessages = 0;
    let unstoredBytes = 0;
    for (const entry of unstored) {
      if (entry.state === "gone") continue;
      unstoredMessages += 1;
      unstoredBytes += entry.bytes;
    }
    return {
      messages: Math.max(0, messages - deletes.size) + unstoredMessages + volatile.messages,
      bytes: (deletes.size >= messages ? 0 : bytes) + unstoredBytes + volatile.bytes,
    };
  }

  /** Offline, everything; online only what has waited for half its interval: the rest is likely to be acknowledged first. */
  #choose(): Entry[] {
    const { memory, policies, clock, online, crowded } = this.#parts;
    const now = clock().now();
    const all = !online() || crowded();
    const chosen: Entry[] = [];
    for (const kind of STORED_CLASSES) {
      for (const entry of memory.lanes[kind].unstored) {
        if (!all && now - entry.created < policies[kind].commitMs / 2) break;
        if (entry.state !== "gone") chosen.push(entry);
      }
    }
    return chosen;
  }

  /** The lowest sequence that stays open behind this batch. */
  #settledBelow(): number {
    const { memory, numbering } = this.#parts;
    let lowest = numbering.next;
    for (const kind of STORED_CLASSES) {
      for (const { sequence, storage } of memory.lanes[kind].unstored) {
        if (storage === "storing") continue;
        lowest = Math.min(lowest, sequence);
        break;
      }
    }
    return lowest;
  }
}

/** Which of the sequences the store gave up in the same commit. */
function goneOf({ losses }: CommitResult): (sequence: number) => boolean {
  if (losses.length === 0) return () => false;
  return (sequence) => losses.some(({ from, to }) => sequence >= from && sequence <= to);
}
