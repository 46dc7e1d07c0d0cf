/** The publisher as others see it. */
import type { MqttVersion } from "./connection.ts";
import type { DeadLetter } from "./outbox/dead-letters.ts";
import type { Receipt } from "./outbox/outbox.ts";
import type { MessageClass, OutboxStats } from "./outbox/types.ts";
import type { PayloadRecord } from "./record.ts";

export interface AcknowledgedMessage {
  readonly sequence: number;
  readonly topic: string;
  readonly class: MessageClass;
  readonly camera: string | undefined;
  /** Nanoseconds since 1970; 0 when unknown. */
  readonly captureNs: bigint;
  /** From capture to acknowledgement; undefined when the capture time is unknown. */
  readonly latencyMs: number | undefined;
}

export interface PublisherSnapshot {
  readonly state: "stopped" | "connecting" | "connected" | "disconnected";
  /** Why there is no connection; empty otherwise. */
  readonly reason: string;
  /** Connected or not: what has to be put right, because it will happen again; empty otherwise. */
  readonly alarm: string;
  /** Of the broker, without credentials. */
  readonly url: string;
  readonly embedded: boolean;
  /** Messages travel without TLS to another machine: the configuration says `insecure: true`. */
  readonly insecure: boolean;
  /** Spoken on the present connection. */
  readonly protocol: MqttVersion | undefined;
  readonly topicPrefix: string;
  readonly epoch: string;
  /** Acknowledged, over the last five seconds. */
  readonly messagesPerSecond: number;
  /** Messages that the broker does not have yet. */
  readonly queued: number;
  readonly queuedBytes: number;
  readonly inFlight: number;
  readonly published: number;
  readonly acknowledged: number;
  readonly dropped: number;
  readonly outbox: OutboxStats;
  /** From capture to acknowledgement, milliseconds, over the last 512 messages; null before the first. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null };
}

/** What a command gave: `ok` with its output, or why not. */
export type CommandReply =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: { readonly message: string; readonly code: string } };

export interface PublisherHooks {
  onAcknowledged?(message: AcknowledgedMessage): void;
  /** The connection or the store changed. */
  onState?(snapshot: PublisherSnapshot): void;
  /** A command came over MQTT. Its effect has to be persisted when this resolves. */
  runCommand?(name: string, input: unknown): Promise<CommandReply>;
  /** Whether repeating the command does no harm: then no journal of it is kept. */
  isReading?(name: string): boolean;
}

export interface Publisher {
  /** Resolves when the publisher works, with or without a broker in reach. @throws ExpectedError when the embedded broker cannot listen. */
  start(): Promise<void>;
  /** Waits up to `limitMs` for the outbox to empty, says goodbye, ends. What is left waits on the disk. */
  stop(limitMs?: number): Promise<void>;
  /**
   * Takes a record. Resolves when the outbox keeps it or the broker has it, with false when it was given up instead;
   * undefined for records that are not for brokers (pictures).
   */
  publishRecord(record: PayloadRecord, camera: string): Promise<Receipt | undefined>;
  /** Records were dropped before they could become messages: announced with the losses. */
  recordsDropped(count: number): void;
  /** Replaces the retained status of a camera; null when the camera is gone. */
  publishCameraStatus(camera: string, status: object | null): void;
  /** The broker has not heard yet that some retained message is to go. */
  readonly isTakingAway: boolean;
  /** Somebody shows the counts of objects. */
  readonly wantsCounts: boolean;
  /** Replaces the retained counts of objects by label, which Home Assistant shows; null when the camera is gone. */
  publishCounts(camera: string, counts: Readonly<Record<string, number>> | null): void;
  /** Replaces the retained status of the updater. */
  publishUpdate(status: object): void;
  publishMetrics(figures: object): Promise<void>;
  /** A step of a bundle's activation, or of what is done about a module that failed. */
  publishBundle(step: object): Promise<void>;
  /** Newest first. */
  deadLetters(limit: number): Promise<DeadLetter[]>;
  snapshot(): PublisherSnapshot;
}
