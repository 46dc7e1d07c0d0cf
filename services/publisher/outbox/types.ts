/**
 * The outbox: where messages wait until the broker has them. This file has its words; outbox.ts is the outbox itself,
 * store.ts what of it lies on the disk.
 */

/** In the order of importance: when there is no room, the last of these goes first. */
export const CLASSES = ["alarm", "event", "telemetry", "debug"] as const;
export type MessageClass = (typeof CLASSES)[number];

/** What is kept of a class, and for how long. */
export interface ClassPolicy {
  /** A message that the broker has not acknowledged after this is written to the disk, together with what else has come. 0: at once. Milliseconds. */
  readonly commitMs: number;
  /** Most bytes that wait: bodies, topics and the store's overhead. The oldest go first. */
  readonly quotaBytes: number;
  /** How long a message is worth sending. Milliseconds. */
  readonly ttlMs: number;
  /** latest: of each topic only the newest message waits. */
  readonly keep: "all" | "latest";
  /** memory: never written to the disk; lost with the process. */
  readonly where: "disk" | "memory";
}

export type Policies = Readonly<Record<MessageClass, ClassPolicy>>;

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** docs/reference/configuration.md tells what these mean to a user. */
export const DEFAULT_POLICIES: Policies = {
  alarm: { commitMs: 0, quotaBytes: 16 * MIB, ttlMs: 30 * 24 * HOUR_MS, keep: "all", where: "disk" },
  event: { commitMs: 250, quotaBytes: 256 * MIB, ttlMs: 7 * 24 * HOUR_MS, keep: "all", where: "disk" },
  telemetry: { commitMs: 1000, quotaBytes: 256 * MIB, ttlMs: 24 * HOUR_MS, keep: "all", where: "disk" },
  debug: { commitMs: 1000, quotaBytes: MIB, ttlMs: HOUR_MS, keep: "latest", where: "memory" },
};

export interface OutboxMessage {
  readonly class: MessageClass;
  readonly topic: string;
  /** The body without the message's identity, which follows from epoch and sequence. */
  readonly payload: Buffer;
  readonly contentType: string;
  /** When what it tells happened, nanoseconds since 1970; 0 when unknown. For measuring; not kept on the disk. */
  readonly captureNs: bigint;
  /** The camera that it is about; not kept on the disk. */
  readonly camera?: string | undefined;
}

/** A message that was handed out: give it back, acknowledge or discard it. */
export interface TakenMessage extends OutboxMessage {
  readonly epoch: string;
  readonly sequence: number;
  /** It had to wait on the disk, and what it tells is no longer how things are. */
  readonly late: boolean;
  /** What is left of its time to live, milliseconds. */
  readonly expiresInMs: number;
}

/** A run of messages that were given up. */
export interface LossRange {
  readonly epoch: string;
  readonly reason: string;
  /** First and last sequence. All between them are lost as well, unless they arrive. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly bytes: number;
}

export interface OutboxStats {
  /** Messages that are kept, in flight or not. */
  readonly messages: number;
  readonly bytes: number;
  readonly inFlight: number;
  readonly classes: Readonly<Record<MessageClass, { readonly messages: number; readonly bytes: number }>>;
  /** Of the oldest message that waits, milliseconds; 0 when none does. */
  readonly oldestMs: number;
  /** Of the messages that are in memory. */
  readonly memoryBytes: number;
  readonly deadLetters: number;
  /** Written to the outbox' files since the start, as far as the operating system tells. */
  readonly writtenBytes: number;
  /** How long the commit that is on its way has taken so far, milliseconds; 0 when none is. */
  readonly commitMs: number;
  /** Why messages are in memory only; empty when the disk takes them. */
  readonly storeProblem: string;
}
