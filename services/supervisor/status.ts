/** What the control interface says about a running Nightjar. Times are milliseconds since 1970, null means never or unknown. */
import type { LogEntry } from "../log/entry.ts";
import type { LinkStatus } from "../postprocess/messages.ts";
import type { CameraState } from "./health.ts";
import type { Percentiles } from "./latency.ts";
import type { ProcessState } from "./managed-process.ts";

export interface ObjectView {
  /** Track id; empty when the object is not tracked. */
  readonly id: string;
  readonly label: string;
}

export interface CameraView {
  readonly id: string;
  readonly name: string;
  /** Number in metadata and payload records. */
  readonly sourceId: number;
  /** From the configuration file, or added at run time. */
  readonly origin: "configuration" | "added";
  /** Kind and address, without credentials. */
  readonly source: string;
  readonly state: CameraState | "disabled";
  /** One sentence; empty when all is well. */
  readonly reason: string;
  readonly since: number;
  readonly video: { readonly width: number; readonly height: number } | null;
  /** Decoded frames per second. */
  readonly fps: number;
  readonly inferredFps: number;
  /** Of the last frame with a message. */
  readonly objects: readonly ObjectView[];
  /** Different track ids since the start. */
  readonly ids: number;
  readonly eventsPerSecond: number;
  /** From capture to publish, ms. */
  readonly latency: Percentiles;
  readonly frames: number;
  /** Frames dropped because inference was slower than the camera. */
  readonly dropped: number;
  /** Objects in all messages. */
  readonly objectsTotal: number;
  readonly events: number;
  readonly messages: number;
  /** Attempts to open the source. */
  readonly tries: number;
  readonly viewers: number;
  readonly everPlayed: boolean;
  readonly firstPlayedAt: number | null;
  readonly last: {
    readonly packet: number | null;
    readonly decoded: number | null;
    readonly inferred: number | null;
    readonly published: number | null;
  };
}

export interface ProcessView {
  readonly name: string;
  readonly state: ProcessState;
  readonly reason: string;
  readonly pid: number | null;
  readonly startedAt: number | null;
  readonly restarts: number;
  /** Of one core, over the last seconds: 0.5 is half a core. */
  readonly cpu: number;
  readonly residentBytes: number;
}

export interface BrokerView {
  /** Address without credentials. */
  readonly url: string;
  readonly embedded: boolean;
  /** Messages go to another machine without TLS: mqtt.insecure. */
  readonly insecure: boolean;
  readonly state: "connecting" | "connected" | "disconnected" | "stopped";
  /** Why it is not connected; empty otherwise. */
  readonly reason: string;
  /** Connected or not: what has to be put right, because it will happen again; empty otherwise. */
  readonly alarm: string;
  readonly topicPrefix: string;
  readonly published: number;
  readonly acknowledged: number;
  /** Messages that wait for the broker. */
  readonly queued: number;
  readonly dropped: number;
  readonly outbox: {
    readonly bytes: number;
    /** Age of the oldest message that waits. */
    readonly oldestMs: number;
    /** Messages that the broker refused for good. */
    readonly deadLetters: number;
    /** How long the commit that is on its way has taken so far; 0 when none is. */
    readonly commitMs: number;
    /** Why messages are in memory only; empty when the disk takes them. */
    readonly problem: string;
  };
}

export interface Totals {
  readonly frames: number;
  readonly objects: number;
  readonly events: number;
  readonly fps: number;
  readonly eventsPerSecond: number;
  readonly messagesPerSecond: number;
  readonly latency: Percentiles;
  /** Payload records that the pipeline dropped because we read too slowly. */
  readonly droppedRecords: number;
}

export interface Status {
  readonly version: string;
  readonly device: { readonly id: string; readonly name: string };
  /** The configuration file. */
  readonly configuration: string;
  readonly startedAt: number;
  readonly uptimeMs: number;
  /** GStreamer's version and our profile; empty until the pipeline is ready. */
  readonly gstreamer: string;
  readonly profile: string;
  /** Address of the console; null when it is off. */
  readonly console: string | null;
  readonly controlSocket: string;
  readonly cameras: readonly CameraView[];
  /** The elements that the postprocess process serves: detector, tracker. */
  readonly links: readonly LinkStatus[];
  readonly processes: readonly ProcessView[];
  readonly broker: BrokerView;
  readonly totals: Totals;
  /** The last lines of the log. */
  readonly log: readonly LogEntry[];
}
