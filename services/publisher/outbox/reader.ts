/** Chooses what is sent next, and brings what waits on the disk back into memory before it is its turn. */
import { STORED_CLASSES, type StoredClass } from "./database.ts";
import type { Entry } from "./entry.ts";
import type { Lane, WaitingLine } from "./lane.ts";
import type { Memory } from "./memory.ts";
import { Rate } from "./rate.ts";
import type { ReadRequest, StoredMessage } from "./store.ts";

export interface ReaderHandlers {
  /** Undefined when the disk does not work. */
  read(request: ReadRequest): Promise<StoredMessage[] | undefined>;
  entryOf(message: StoredMessage): Entry;
  onReady(): void;
  /** Older messages of the class have expired, by the steady clock. */
  expiredBefore(kind: StoredClass): number;
}

/** Read on when fewer than so many wait. */
const LOW = 100;
const READ_MESSAGES = 300;
const READ_BYTES = 1024 * 1024;

export class Reader {
  readonly #memory: Memory;
  readonly #handlers: ReaderHandlers;
  readonly #rate: Rate;
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param backlogRate messages from the disk per second; 0: no limit */
  constructor(memory: Memory, backlogRate: number, handlers: ReaderHandlers) {
    this.#memory = memory;
    this.#handlers = handlers;
    this.#rate = new Rate(backlogRate);
  }

  /**
   * The message whose turn it is; undefined when none may be sent now. It is out of its line.
   * @param passesOver what may not be sent is no reason to wait: it may be long until it may
   */
  next(maySend: (entry: Entry) => boolean, passesOver: boolean): Entry | undefined {
    const { alarm, event, telemetry, debug } = this.#memory.lanes;
    const shift = ({ live }: Lane) => (passesOver ? live.take(maySend) : shiftIf(live, maySend));
    // Alarms are few: they keep one order, and nothing goes before them.
    const oldAlarm = alarm.late.shift();
    if (oldAlarm !== undefined) return oldAlarm;
    if (!alarm.more) {
      const entry = shift(alarm);
      if (entry !== undefined) return entry;
    }
    return shift(event) ?? shift(telemetry) ?? shift(debug) ?? this.#nextLate([event, telemetry]);
  }

  /** Reads the next messages of each class that has some on the disk. */
  readAhead(online: boolean): void {
    if (!online) return;
    for (const kind of STORED_CLASSES) {
      const lane = this.#memory.lanes[kind];
      if (lane.reading || lane.late.length >= LOW) continue;
      // Behind messages that were in memory, more may lie on the disk; now these are gone.
      if (lane.more || (lane.readBelow > 0 && this.#memory.lowestLive(kind) > lane.readBelow))
        void this.#read(kind, lane);
    }
  }

  /** The connection is gone: what is being read comes too late. */
  forget(): void {
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #nextLate(lanes: readonly Lane[]): Entry | undefined {
    for (const { late } of lanes) {
      if (late.first() === undefined) continue;
      if (this.#rate.take()) return late.shift();
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#handlers.onReady();
      }, this.#rate.waitMs);
      return undefined;
    }
    return undefined;
  }

  async #read(kind: StoredClass, lane: Lane): Promise<void> {
    const generation = this.#generation;
    const below = this.#memory.lowestLive(kind);
    const after = lane.cursor;
    lane.reading = true;
    const messages = await this.#handlers.read({
      class: kind,
      after,
      below,
      createdAfter: this.#handlers.expiredBefore(kind),
      maxMessages: READ_MESSAGES,
      maxBytes: READ_BYTES,
      skipTopics: [...this.#memory.blockedTopics],
    });
    lane.reading = false;
    if (generation !== this.#generation) return;
    // The disk does not work: when it does again, everything is read anew.
    if (messages === undefined) return this.#found(kind, lane, below);
    const isFirst = lane.late.first() === undefined;
    for (const message of messages) {
      if (this.#memory.has(message.sequence) || lane.deletes.has(message.sequence)) continue;
      this.#memory.add(this.#handlers.entryOf(message));
    }
    // Otherwise something was put on the disk behind the cursor meanwhile: read on from there.
    const isAhead = lane.cursor >= after;
    if (isAhead) lane.cursor = Math.max(lane.cursor, messages.at(-1)?.sequence ?? 0);
    if (messages.length === 0 && isAhead) this.#found(kind, lane, below);
    else if (isFirst) this.#handlers.onReady();
  }

  /** There is nothing more to read for now. */
  #found(kind: StoredClass, lane: Lane, below: number): void {
    lane.more = false;
    lane.readBelow = below === Number.MAX_SAFE_INTEGER ? 0 : below;
    // Live alarms have waited for older ones.
    if (kind === "alarm") this.#handlers.onReady();
  }
}

function shiftIf(line: WaitingLine, maySend: (entry: Entry) => boolean): Entry | undefined {
  const first = line.first();
  return first !== undefined && maySend(first) ? line.shift() : undefined;
}
