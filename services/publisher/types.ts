/** The publisher as others see it. */
import type { MqttVersion } from "./connection.ts";
import type { Loss, MessageClass, Outbox } from "./outbox.ts";
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
  /** Of the broker, without credentials. */
  readonly url: string;
  readonly embedded: boolean;
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
  /** From capture to acknowledgement, milliseconds, over the last 512 messages; null before the first. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null };
}

export interface PublisherHooks {
  onAcknowledged?(message: AcknowledgedMessage): void;
  /** The connection changed. */
  onState?(snapshot: PublisherSnapshot): void;
  /** Brings another store than memory. */
  createOutbox?(epoch: string, onLoss: (loss: Loss) => void): Outbox;
}

export interface Publisher {
  /** Resolves when the publisher works, with or without a broker in reach. @throws ExpectedError when the embedded broker cannot listen. */
  start(): Promise<void>;
  /** Waits up to `limitMs` for the outbox to empty, says goodbye, ends. */
  stop(limitMs?: number): Promise<void>;
  /** Takes a record. Resolves when the outbox keeps it. Records of pictures are not for brokers, and are ignored. */
  publishRecord(record: PayloadRecord, camera: string): Promise<void>;
  /** Replaces the retained status of a camera; null when the camera is gone. */
  publishCameraStatus(camera: string, status: object | null): void;
  publishMetrics(figures: object): Promise<void>;
  snapshot(): PublisherSnapshot;
}
