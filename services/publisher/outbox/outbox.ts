/**
 * Where messages wait until the broker has them: in memory while they are live, on the disk when they have to last.
 *
 *   enqueue ──► memory ──► take ──► (broker) ──► acknowledge: forgotten
 *                 │  ▲
 *          commit ▼  │ read, when it is their turn
 *                disk
 *
 * A message is offered at once, and written to the disk when the broker has not acknowledged it within its class' commit
 * interval; so a healthy connection costs hardly a write. Its sequence is never given to another message: the store
 * knows up to where sequences may have been sent, and what a crash leaves open is reported as a loss by the next process.
 *
 * While the disk does not work, messages go on in memory, under an epoch of this process; the disk is tried again all
 * the time.
 */
import { Batches } from "./batches.ts";
import { isStored, STORED_CLASSES } from "./database.ts";
import { Entry } from "./entry.ts";
import type { LossSummary } from "./loss-ledger.ts";
import { Losses } from "./losses.ts";
import { Memory } from "./memory.ts";
import { Numbering } from "./numbering.ts";
import { Persistence } from "./persistence.ts";
import { Reader } from "./reader.ts";
import { SteadyClock } from "./steady-clock.ts";
import type { Batch, CommitResult, Opening } from "./store.ts";
import { CLASSES, type OutboxMessage, type OutboxStats, type Policies, type TakenMessage } from "./types.ts";

export interface OutboxOptions {
  readonly policies: Policies;
  /** Most bytes of messages in memory. */
  readonly memoryBytes: number;
  /** Messages from the disk that are handed out per second; 0: no limit. */
  readonly backlogRate: number;
  /** Absent: everything is kept in memory only. */
  readonly disk?: { readonly directory: string; readonly freeShare: number } | undefined;
}

export interface OutboxHandlers {
  /** There may be something to take. */
  onReady(): void;
  onLoss(reason: string, count: number): void;
  /** The disk does not work (why, and what to do), or works again (empty). */
  onStoreProblem(text: string): void;
  /** A damaged store was put aside under this name, and a new one begun. */
  onStoreReplaced(movedTo: string): void;
}

/** What became of a message that was put in. */
export interface Receipt {
  readonly epoch: string;
  readonly sequence: number;
  /** False: it was given up before it was stored or acknowledged. */
  readonly kept: boolean;
  /** False: it was taken into memory only, for its class is never stored or the disk does not work; a crash loses it. */
  readonly durable: boolean;
}

/** Acknowledged messages leave the disk within this, milliseconds. */
const DELETE_MS = 500;
/** Beyond this share of the memory, live messages make way to the disk. */
const SOFT_SHARE = 0.5;
/** How often messages that have become too old are looked for, milliseconds. */
const HOUSEKEEPING_MS = 60_000;
const CLOSE_LIMIT_MS = 5000;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #handlers: OutboxHandlers;
  readonly #memory = new Memory();
  readonly #numbering = new Numbering();
  readonly #losses: Losses;
  readonly #batches: Batches;
  readonly #reader: Reader;
  readonly #persistence: Persistence | undefined;
  #clock = new SteadyClock();
  #online = false;
  #closing = false;
  #storeProblem = "";
  #housekeeping: NodeJS.Timeout | undefined;

  constructor(options: OutboxOptions, handlers: OutboxHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#losses = new Losses(handlers.onLoss);
    this.#batches = new Batches({
      policies: options.policies,
      memory: this.#memory,
      numbering: this.#numbering,
      losses: this.#losses,
      clock: () => this.#clock,
      online: () => this.#online,
      closing: () => this.#closing,
      crowded: () => this.#memory.bytes > options.memoryBytes * SOFT_SHARE,
    });
    this.#persistence = this.#createPersistence();
    this.#reader = new Reader(this.#memory, options.backlogRate, {
      read: (request) => this.#persistence?.read(request) ?? Promise.resolve(undefined),
      entryOf: ({ class: kind, sequence, created, topic, contentType, body }) =>
        new Entry(
          {
            class: kind,
            topic,
            contentType,
            payload: Buffer.from(body.buffer, body.byteOffset, body.length),
            captureNs: 0n,
          },
          {
            ...{ epoch: this.#numbering.epoch, sequence, created },
            ttlMs: options.policies[kind].ttlMs,
            durable: true,
            fromDisk: true,
          },
        ),
      expiredBefore: (kind) => this.#clock.now() - options.policies[kind].ttlMs,
      onReady: () => handlers.onReady(),
    });
  }

  /** Names the numbering of what is stored; of what is in memory only while there is no store. */
  get epoch(): string {
    return this.#numbering.epoch;
  }

  /** For what else is kept in the same file; undefined while it does not work. */
  get store() {
    return this.#persistence?.client;
  }

  /** Opens the store. Never fails: without one, messages are in memory. */
  async open(): Promise<void> {
    await this.#persistence?.open();
    this.#housekeeping = setInterval(() => {
      this.#expire();
      this.#batches.lookForOld();
      this.#persistence?.request(0);
    }, HOUSEKEEPING_MS).unref();
  }

  /** Takes a message; it can be sent from now on. Resolves when it is stored or acknowledged, or given up. */
  async enqueue(message: OutboxMessage): Promise<Receipt> {
    const entry = this.#entryOf(message);
    const kept = entry.durable ? entry.kept() : true;
    if (this.#options.policies[entry.class].keep === "latest") this.#supersede(entry);
    this.#memory.add(entry);
    if (entry.durable) {
      this.#memory.lanes[entry.class].unstored.add(entry);
      this.#persistence?.request(this.#options.policies[entry.class].commitMs);
    }
    this.#makeRoom(entry);
    this.#handlers.onReady();
    const { epoch, sequence } = entry;
    const isKept = await kept;
    // It may have lost its place on the disk meanwhile: a damaged store is replaced.
    return { epoch, sequence, kept: isKept, durable: entry.durable };
  }

  /** Up to `limit` messages that are due: alarms, then what is live, then what had to wait. They are in flight from now on. */
  take(limit: number): TakenMessage[] {
    const taken: Entry[] = [];
    const now = this.#clock.now();
    while (taken.length < limit) {
      const entry = this.#reader.next((candidate) => this.#maySend(candidate), this.#storeFails);
      if (entry === undefined) break;
      if (entry.prepare(now)) {
        this.#memory.launch(entry);
        taken.push(entry);
      } else this.#lose(entry, "expired");
    }
    if (this.#online && this.#numbering.runsShort) this.#persistence?.request(0);
    this.#reader.readAhead(this.#online);
    return taken;
  }

  /** The broker has it. */
  acknowledge(message: TakenMessage): void {
    const entry = this.#inFlight(message);
    if (entry === undefined) return;
    this.#forget(entry);
    entry.settle(true);
  }

  /** The broker did not take it: it is offered again. */
  giveBack(message: TakenMessage): void {
    const entry = this.#inFlight(message);
    if (entry === undefined) return;
    this.#memory.inFlight.delete(entry);
    this.#memory.putBack(entry);
  }

  /** The broker will never take it: it is kept for people to look at, and counted as lost. */
  discard(message: TakenMessage, reason: string): void {
    const entry = this.#inFlight(message);
    if (entry === undefined) return;
    if (entry.durable) this.#batches.addDead({ ...entry.stored(), reason });
    this.#lose(entry, reason);
  }

  /** Messages of this topic are not offered until it is unblocked. */
  block(topic: string): void {
    this.#memory.block(topic);
    this.#persistence?.request(DELETE_MS);
  }

  unblock(topic: string): void {
    if (this.#memory.unblock(topic)) this.#handlers.onReady();
  }

  /** The connection is up: live messages wait for their acknowledgement before they are written. */
  online(): void {
    this.#online = true;
    this.#persistence?.request(0);
    this.#reader.readAhead(true);
  }

  /** The connection is gone: what is in flight waits again, and everything is written down. */
  offline(): void {
    this.#online = false;
    this.#reader.forget();
    // A message of this process has no place on the disk, and keeps its place in memory.
    this.#memory.rewind();
    this.#persistence?.request(0);
  }

  /** What was lost since the last time; the caller enqueues it at once, as alarms, before anything else is awaited. */
  takeLosses(): LossSummary[] {
    return this.#losses.report();
  }

  stats(): OutboxStats {
    const classes = Object.fromEntries(
      CLASSES.map((kind) => [kind, this.#batches.statsOf(kind)]),
    ) as OutboxStats["classes"];
    const sum = (member: "messages" | "bytes") => CLASSES.reduce((total, kind) => total + classes[kind][member], 0);
    const oldest = Math.min(...CLASSES.map((kind) => this.#memory.oldest(kind)), this.#batches.oldestStored);
    const isEmpty = sum("messages") === 0 || !Number.isFinite(oldest);
    return {
      messages: sum("messages"),
      bytes: sum("bytes"),
      inFlight: this.#memory.inFlight.size,
      classes,
      oldestMs: isEmpty ? 0 : Math.max(0, this.#clock.now() - oldest),
      memoryBytes: this.#memory.bytes,
      deadLetters: this.#batches.deadLetters,
      writtenBytes: this.#batches.writtenBytes,
      commitMs: this.#persistence?.commitMs ?? 0,
      storeProblem: this.#storeProblem,
    };
  }

  /** Writes down what is not on the disk yet, and ends. */
  async close(limitMs = CLOSE_LIMIT_MS): Promise<void> {
    clearInterval(this.#housekeeping);
    this.#closing = true;
    this.offline();
    await this.#persistence?.close(limitMs);
  }

  /** Not only slow: nobody knows when it takes something again. */
  get #storeFails(): boolean {
    return this.#persistence !== undefined && !this.#persistence.works;
  }

  #createPersistence(): Persistence | undefined {
    const { disk, policies } = this.#options;
    if (disk === undefined) return undefined;
    return new Persistence(
      { ...disk, policies },
      {
        collect: (probe) => this.#collect(probe),
        committed: (batch, result) => this.#committed(batch, result),
        failed: (batch) => this.#batches.notCommitted(batch),
        opened: (opening, again) => this.#opened(opening, again),
        problem: (text) => {
          this.#storeProblem = text;
          if (text === "") {
            this.#memory.readAgain();
            this.#persistence?.request(0);
          }
          this.#handlers.onStoreProblem(text);
        },
      },
    );
  }

  #entryOf(message: OutboxMessage): Entry {
    // While the disk stalls, what is live goes on without it; what cannot go anyway waits for it.
    const isTaken = this.#online ? this.#persistence?.works : this.#persistence?.isSound;
    const durable = isStored(message.class) && isTaken === true;
    const number = durable ? this.#numbering.durable() : this.#numbering.volatile();
    const { ttlMs } = this.#options.policies[message.class];
    return new Entry(message, { ...number, created: this.#clock.now(), ttlMs, durable });
  }

  /** Only the newest message of a topic waits; one that is in flight is left alone. */
  #supersede(entry: Entry): void {
    const { newest } = this.#memory.lanes[entry.class];
    const older = newest.get(entry.topic);
    if (older?.state === "waiting" && older.storage !== "storing") this.#lose(older, "superseded");
    newest.set(entry.topic, entry);
  }

  /** A sequence that the store does not know of must not go out: after a crash it would be given out again. */
  #maySend({ durable, storage, sequence }: Entry): boolean {
    return !durable || storage === "disk" || this.#numbering.isReserved(sequence);
  }

  /** Keeps the memory within its bounds, and what is in memory only within its class' quota. */
  #makeRoom(added: Entry): void {
    const { memoryBytes, policies } = this.#options;
    const { bytes } = this.#memory;
    if (bytes > memoryBytes * SOFT_SHARE) this.#persistence?.request(0);
    const quota = policies[added.class].quotaBytes;
    while (!added.durable && this.#memory.volatile(added.class).bytes > quota)
      if (!this.#giveUpOldest([added.class], "quota", (entry) => !entry.durable)) break;
    while (this.#memory.bytes > memoryBytes)
      if (!this.#giveUpOldest(CLASSES.toReversed(), "memory-full", (entry) => entry.storage === "memory")) break;
  }

  /** What waits in memory only: the store looks after its own. */
  #expire(): void {
    const now = this.#clock.now();
    for (const { live, blocked } of Object.values(this.#memory.lanes))
      for (const entry of [...live.waiting(), ...blocked])
        if (entry.storage === "memory" && !entry.prepare(now)) this.#lose(entry, "expired");
  }

  #giveUpOldest(kinds: readonly Entry["class"][], reason: string, fits: (entry: Entry) => boolean): boolean {
    for (const kind of kinds) {
      const victim = this.#memory.oldestWaiting(kind, fits);
      if (victim === undefined) continue;
      this.#lose(victim, reason);
      return true;
    }
    return false;
  }

  #lose(entry: Entry, reason: string): void {
    const { epoch, sequence, bytes } = entry;
    this.#losses.add({ epoch, reason, from: sequence, to: sequence, count: 1, bytes });
    this.#forget(entry);
    entry.settle(false);
    if (entry.durable) this.#persistence?.request(DELETE_MS);
  }

  #forget(entry: Entry): void {
    this.#memory.remove(entry);
    const lane = this.#memory.lanes[entry.class];
    if (entry.storage === "memory") lane.unstored.delete(entry);
    if (entry.storage !== "disk") return;
    lane.deletes.add(entry.sequence);
    this.#persistence?.request(DELETE_MS);
  }

  #inFlight(message: TakenMessage): Entry | undefined {
    return this.#memory.inFlight.has(message as Entry) ? (message as Entry) : undefined;
  }

  #collect(probe: boolean): Batch | undefined {
    const batch = this.#batches.collect(probe);
    // The timer was for a message that is gone meanwhile; it may have hidden the time of another one.
    if (batch === undefined) this.#scheduleRest();
    return batch;
  }

  #committed(batch: Batch, result: CommitResult): void {
    const stored = this.#batches.committed(batch, result);
    const isCrowded = this.#memory.bytes > this.#options.memoryBytes * SOFT_SHARE;
    for (const entry of stored) {
      // What is neither live nor on its way is better off on the disk alone.
      const isWaiting = entry.state === "waiting" || entry.state === "parked";
      if (isWaiting && (!this.#online || isCrowded || entry.state === "parked")) this.#memory.park(entry);
    }
    if (isCrowded) this.#parkStored();
    // Nobody takes from a line while the broker is away: what was parked would stay in it.
    for (const kind of STORED_CLASSES) this.#memory.lanes[kind].live.first();
    this.#scheduleRest();
    this.#handlers.onReady();
  }

  #parkStored(): void {
    for (const kind of STORED_CLASSES)
      for (const entry of [...this.#memory.lanes[kind].live.waiting()])
        if (entry.storage === "disk") this.#memory.park(entry);
  }

  /** What came while the commit was on its way has its own time. */
  #scheduleRest(): void {
    const now = this.#clock.now();
    for (const kind of STORED_CLASSES) {
      const { unstored, deletes } = this.#memory.lanes[kind];
      for (const { created } of unstored) {
        this.#persistence?.request(created + this.#options.policies[kind].commitMs - now);
        break;
      }
      if (deletes.size > 0) this.#persistence?.request(DELETE_MS);
    }
  }

  #opened(opening: Opening, again: boolean): void {
    const { movedTo } = opening;
    if (movedTo !== undefined) this.#handlers.onStoreReplaced(movedTo);
    if (again && opening.epoch === this.#numbering.epoch) return;
    if (again) this.#abandonStore();
    const before = this.#clock.now();
    this.#clock = new SteadyClock(again ? this.#clock.reading() : opening.clock);
    this.#memory.moveTimes(this.#clock.now() - before);
    this.#numbering.begin(opening.epoch, opening.nextSequence);
    this.#batches.begin(opening);
    this.#losses.addWritten(opening.losses);
    for (const kind of STORED_CLASSES) this.#memory.lanes[kind].more = opening.totals[kind].messages > 0;
  }

  /** The store was damaged and replaced: what lay in it is lost; what is in memory goes on there, under its old numbers. */
  #abandonStore(): void {
    const { epoch, next } = this.#numbering;
    const { messages, bytes } = this.#batches.stored();
    if (messages > 0)
      this.#losses.add({ epoch, reason: "store-damaged", from: 1, to: next - 1, count: messages, bytes });
    this.#memory.makeVolatile();
  }
}
