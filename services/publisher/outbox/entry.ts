/** A message in memory, from the moment it is taken until it is settled or lies on the disk alone. */

import { isStored } from "./database.ts";
import { bytesOf } from "./queue.ts";
import type { StoredMessage } from "./store.ts";
import type { MessageClass, OutboxMessage, TakenMessage } from "./types.ts";

/** Whether the message lies on the disk too; "storing": a commit with it is on its way. */
export type Storage = "memory" | "storing" | "disk";
/** parked: not to be offered for now. gone: not in memory any more, be it acknowledged, lost or on the disk alone. */
export type EntryState = "waiting" | "in-flight" | "parked" | "gone";

/** A message that was read from the disk again after this is late. Milliseconds. */
const LATE_MS = 2000;

export interface EntryOptions {
  readonly epoch: string;
  readonly sequence: number;
  /** By the steady clock, milliseconds. */
  readonly created: number;
  readonly ttlMs: number;
  /** Its sequence belongs to the store's epoch, so the store may take it. */
  readonly durable: boolean;
  /** It comes from the disk. */
  readonly fromDisk?: boolean;
}

export class Entry implements TakenMessage {
  readonly class: MessageClass;
  readonly topic: string;
  readonly payload: Buffer;
  readonly contentType: string;
  readonly captureNs: bigint;
  readonly camera: string | undefined;
  readonly epoch: string;
  readonly sequence: number;
  /** By the steady clock, milliseconds. */
  created: number;
  /** The store may have it. */
  durable: boolean;
  readonly fromDisk: boolean;
  readonly bytes: number;
  state: EntryState = "waiting";
  storage: Storage;
  late = false;
  expiresInMs = 0;
  readonly #ttlMs: number;
  #settle: ((kept: boolean) => void) | undefined;

  constructor(message: OutboxMessage, options: EntryOptions) {
    this.class = message.class;
    this.topic = message.topic;
    this.payload = message.payload;
    this.contentType = message.contentType;
    this.captureNs = message.captureNs;
    this.camera = message.camera;
    this.epoch = options.epoch;
    this.sequence = options.sequence;
    this.created = options.created;
    this.durable = options.durable;
    this.fromDisk = options.fromDisk === true;
    this.storage = this.fromDisk ? "disk" : "memory";
    this.bytes = bytesOf({ body: message.payload, topic: message.topic });
    this.#ttlMs = options.ttlMs;
  }

  /** Resolves with true when it is stored or acknowledged, with false when it was given up first. */
  kept(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  settle(kept: boolean): void {
    this.#settle?.(kept);
    this.#settle = undefined;
  }

  /** False when it has become too old to be sent. */
  prepare(now: number): boolean {
    const age = now - this.created;
    this.expiresInMs = this.#ttlMs - age;
    this.late = this.fromDisk && age > LATE_MS;
    return this.expiresInMs > 0;
  }

  /** As the store takes it. */
  stored(): StoredMessage {
    const { class: kind, sequence, created, topic, contentType, payload } = this;
    if (!isStored(kind)) throw new RangeError(`messages of class ${kind} are never stored`);
    return { class: kind, sequence, created, topic, contentType, body: payload };
  }
}
