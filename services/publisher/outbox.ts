/**
 * Where messages wait until the broker has them. The interface is made for stores that outlive the process; the one
 * here keeps them in memory.
 *
 * A message is queued, then handed out (in flight), then acknowledged or given back. Order: by sequence.
 */

/** What is given up first when there is no room: the last of these, and the oldest of a class. */
export const CLASSES = ["alarm", "event", "telemetry"] as const;
export type MessageClass = (typeof CLASSES)[number];

export interface OutboxMessage {
  readonly class: MessageClass;
  readonly topic: string;
  /** The body without the message's identity, which follows from the sequence. */
  readonly payload: Buffer;
  readonly contentType: string;
  /** When what it tells happened, nanoseconds since 1970; 0 when unknown. For measuring. */
  readonly captureNs: bigint;
  /** The camera that it is about. */
  readonly camera?: string | undefined;
}

export interface StoredMessage extends OutboxMessage {
  readonly sequence: number;
}

/** Messages that were given up. */
export interface Loss {
  readonly reason: string;
  readonly messages: readonly { readonly sequence: number; readonly bytes: number }[];
}

export interface OutboxStats {
  /** Messages that are kept, in flight or not. */
  readonly messages: number;
  readonly bytes: number;
  readonly inFlight: number;
}

export interface Outbox {
  /** Names the store: sequences are unique within an epoch. */
  readonly epoch: string;
  /** Resolves with the message's sequence when the store keeps it as surely as it can. */
  enqueue(message: OutboxMessage): Promise<number>;
  /** Up to `limit` of the oldest messages that are due; they are in flight from now on. */
  take(limit: number): Promise<StoredMessage[]>;
  /** The broker has it: forget it. */
  acknowledge(sequence: number): Promise<void>;
  /** Not taken by the broker: offer it again after `delayMs`. */
  giveBack(sequence: number, delayMs: number): Promise<void>;
  /** It will never be taken: forget it, and count it as lost. */
  discard(sequence: number, reason: string): Promise<void>;
  /** The connection is gone: what is in flight is queued again. */
  giveBackAll(): Promise<void>;
  stats(): OutboxStats;
  close(): Promise<void>;
}

export interface MemoryOutboxOptions {
  readonly epoch: string;
  readonly maxMessages: number;
  /** Of the bodies. */
  readonly maxBytes: number;
  /** Is told about everything that is given up. */
  readonly onLoss: (loss: Loss) => void;
  /** Milliseconds; any origin. */
  readonly now?: () => number;
}

/** A message that the broker did not take. */
interface Returned {
  readonly message: StoredMessage;
  /** By the options' clock. */
  readonly dueAt: number;
}

/** Bounded, in memory: survives the loss of the broker, not the end of the process. */
export class MemoryOutbox implements Outbox {
  readonly epoch: string;
  readonly #options: MemoryOutboxOptions;
  readonly #now: () => number;
  /** Never handed out yet; each in the order of sequence. */
  readonly #waiting: Record<MessageClass, Map<number, StoredMessage>> = {
    alarm: new Map(),
    event: new Map(),
    telemetry: new Map(),
  };
  /** Handed out and given back; in the order of sequence, and older than what waits. */
  #returned: Returned[] = [];
  #nextDue = Number.POSITIVE_INFINITY;
  readonly #inFlight = new Map<number, StoredMessage>();
  #messages = 0;
  #bytes = 0;
  #sequence = 0;

  constructor(options: MemoryOutboxOptions) {
    this.epoch = options.epoch;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  async enqueue(message: OutboxMessage): Promise<number> {
    const sequence = ++this.#sequence;
    this.#waiting[message.class].set(sequence, { ...message, sequence });
    this.#messages += 1;
    this.#bytes += message.payload.length;
    this.#makeRoom();
    return sequence;
  }

  async take(limit: number): Promise<StoredMessage[]> {
    const taken = this.#takeReturned(limit);
    while (taken.length < limit) {
      const oldest = this.#oldestWaiting();
      if (oldest === undefined) break;
      this.#waiting[oldest.class].delete(oldest.sequence);
      taken.push(oldest);
    }
    for (const message of taken) this.#inFlight.set(message.sequence, message);
    return taken;
  }

  async acknowledge(sequence: number): Promise<void> {
    const message = this.#land(sequence);
    if (message !== undefined) this.#forget(message);
  }

  async giveBack(sequence: number, delayMs: number): Promise<void> {
    const message = this.#land(sequence);
    if (message !== undefined) this.#return([{ message, dueAt: this.#now() + delayMs }]);
  }

  async discard(sequence: number, reason: string): Promise<void> {
    const message = this.#land(sequence);
    if (message === undefined) return;
    this.#forget(message);
    this.#options.onLoss({ reason, messages: [lost(message)] });
  }

  async giveBackAll(): Promise<void> {
    const landed = [...this.#inFlight.values()].map((message) => ({ message, dueAt: 0 }));
    this.#inFlight.clear();
    this.#return(landed);
  }

  stats(): OutboxStats {
    return { messages: this.#messages, bytes: this.#bytes, inFlight: this.#inFlight.size };
  }

  async close(): Promise<void> {
    for (const waiting of Object.values(this.#waiting)) waiting.clear();
    this.#returned = [];
    this.#inFlight.clear();
    this.#messages = 0;
    this.#bytes = 0;
  }

  #takeReturned(limit: number): StoredMessage[] {
    const now = this.#now();
    if (now < this.#nextDue) return [];
    const taken: StoredMessage[] = [];
    const rest: Returned[] = [];
    for (const entry of this.#returned) {
      if (entry.dueAt <= now && taken.length < limit) taken.push(entry.message);
      else rest.push(entry);
    }
    this.#setReturned(rest);
    return taken;
  }

  #oldestWaiting(): StoredMessage | undefined {
    let oldest: StoredMessage | undefined;
    for (const waiting of Object.values(this.#waiting)) {
      const first = waiting.values().next().value;
      if (first !== undefined && (oldest === undefined || first.sequence < oldest.sequence)) oldest = first;
    }
    return oldest;
  }

  #return(entries: readonly Returned[]): void {
    if (entries.length === 0) return;
    this.#setReturned([...this.#returned, ...entries].sort((a, b) => a.message.sequence - b.message.sequence));
  }

  #setReturned(entries: Returned[]): void {
    this.#returned = entries;
    this.#nextDue = entries.reduce((due, entry) => Math.min(due, entry.dueAt), Number.POSITIVE_INFINITY);
  }

  #land(sequence: number): StoredMessage | undefined {
    const message = this.#inFlight.get(sequence);
    this.#inFlight.delete(sequence);
    return message;
  }

  #forget(message: StoredMessage): void {
    this.#messages -= 1;
    this.#bytes -= message.payload.length;
  }

  #makeRoom(): void {
    const given: StoredMessage[] = [];
    while (this.#messages > this.#options.maxMessages || this.#bytes > this.#options.maxBytes) {
      const victim = this.#evict();
      if (victim === undefined) break;
      this.#forget(victim);
      given.push(victim);
    }
    if (given.length > 0) this.#options.onLoss({ reason: "queue-full", messages: given.map(lost) });
  }

  /** Takes out the oldest message of the least important class; what is in flight stays. */
  #evict(): StoredMessage | undefined {
    for (const kind of CLASSES.toReversed()) {
      const index = this.#returned.findIndex(({ message }) => message.class === kind);
      if (index >= 0) return this.#returned.splice(index, 1)[0]!.message;
      const first = this.#waiting[kind].values().next().value;
      if (first === undefined) continue;
      this.#waiting[kind].delete(first.sequence);
      return first;
    }
    return undefined;
  }
}

function lost(message: StoredMessage): { sequence: number; bytes: number } {
  return { sequence: message.sequence, bytes: message.payload.length };
}
