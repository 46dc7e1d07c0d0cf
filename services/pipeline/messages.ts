/**
 * What the supervisor and the pipeline process say to each other over the fork's IPC channel.
 *
 *   supervisor                                   pipeline
 *       │  fork(stdio: [0, 1, 2, "ipc", fd 4, fd 5])  │
 *       │ ──────────────── start ───────────────────► │  graph is built, cameras are started one by one
 *       │ ◄─────────────── ready ──────────────────── │  the graph plays (cameras may still be connecting)
 *       │ ◄─────── status, once a second ──────────── │  this is the heartbeat
 *       │ ◄─────── log, camera (state changes) ────── │
 *       │ ── addCamera / removeCamera / watch / … ──► │
 *       │ ◄─────────────── reply ──────────────────── │  one for each message that carries `request`
 *       │ ──────────────── stop ────────────────────► │  exit code 0
 *       │ ◄─────────────── fatal ──────────────────── │  then the process exits with `exitCode`
 *
 * All values are plain JSON. Durations end in `Ms`, times are milliseconds since 1970 (wall clock), `null` means "never".
 * The settings have been validated before they come here: this process trusts their shape, not their contents
 * (a file may be gone, a host may be down, a model may be wrong).
 */

// ───────────────────────────── settings ─────────────────────────────

/** RTSP camera or server. User name and password travel here and never in a URI that could be logged. */
export interface RtspSource {
  readonly kind: "rtsp";
  /** rtsp:// or rtsps://; credentials in it are accepted, and are taken out of everything that is shown. */
  readonly uri: string;
  readonly username?: string;
  readonly password?: string;
  /** auto: TCP and UDP in turn, until one brings frames. */
  readonly transport: "auto" | "tcp" | "udp" | "multicast";
  /** Jitter buffer, ms. */
  readonly latencyMs: number;
  /** Drop what is older than the jitter buffer instead of letting latency grow. */
  readonly dropOnLatency: boolean;
  /** Limit for connecting and for each answer of the server, ms. */
  readonly timeoutMs: number;
  /** For rtsps. `ca`: PEM file of certificates to trust, the system's when absent. */
  readonly tls?: { readonly ca?: string | undefined; readonly verify: boolean };
}

/** Video file, or anything else that uridecodebin reads to its end. */
export interface FileSource {
  readonly kind: "file";
  /** Absolute path, or a file:// or http(s):// URI. */
  readonly uri: string;
  /** Start again at the end, without a gap; otherwise the camera is `ended` (a file) or tried again (a remote stream). */
  readonly loop: boolean;
  /** Frames come at the pace of their timestamps; otherwise as fast as the pipeline takes them. */
  readonly realtime: boolean;
}

/** Camera of this machine. Zero for width, height or framerate: what the device prefers. */
export interface V4l2Source {
  readonly kind: "v4l2";
  /** /dev/videoN, or better a link of /dev/v4l/by-id. */
  readonly device: string;
  readonly width: number;
  readonly height: number;
  readonly framerate: number;
  /** raw takes YUY2, NV12 and the like; mjpeg asks for compressed frames (higher rates over USB 2). */
  readonly format: "auto" | "raw" | "mjpeg";
}

/** Moving test picture made here: needs no hardware, no file, no network. */
export interface TestSource {
  readonly kind: "test";
  /** A pattern of videotestsrc: smpte, ball, snow, … */
  readonly pattern: string;
  readonly width: number;
  readonly height: number;
  readonly framerate: number;
  readonly realtime: boolean;
  /** Ends after this many frames; 0: never. */
  readonly frames: number;
}

/** Numbered JPEG or PNG files. */
export interface ImagesSource {
  readonly kind: "images";
  /** Path with one printf number: /data/frame-%05d.jpg. */
  readonly location: string;
  readonly framerate: number;
  readonly firstIndex: number;
  readonly loop: boolean;
  readonly realtime: boolean;
}

export type SourceSettings = RtspSource | FileSource | V4l2Source | TestSource | ImagesSource;

/** How long to wait between tries. The wait grows by `factor` from `initialMs` to `maxMs`, each ± `jitter`. */
export interface ReconnectSettings {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** Share of the wait, 0 to 1: 0.2 spreads a wait of 10 s over 8 to 12 s. */
  readonly jitter: number;
}

export interface CameraSettings {
  /** Unique name, as in topics and messages. */
  readonly id: string;
  /** Unique small number, 0 to 1023: the pad of the batch, `source_id` of metadata and of payload records. Given by the supervisor. */
  readonly sourceId: number;
  readonly source: SourceSettings;
  readonly reconnect: ReconnectSettings;
  /** From the start of a try to its first decoded frame, ms. */
  readonly startTimeoutMs: number;
  /** No packet or no decoded frame for so long: the source is taken down and tried again, ms. */
  readonly stallTimeoutMs: number;
  /** Live sources: frames that wait for the batch; an older one is dropped (and counted) when a newer one comes. */
  readonly queueFrames: number;
}

/** Numbers, strings or lists of numbers, as `parameters` of a bundle has them. */
export type ModuleParameters = Readonly<Record<string, number | string | readonly number[]>>;

export interface InferSettings {
  /** Assembled bundle directory (kind: detect). */
  readonly bundle: string;
  readonly uniqueId: number;
  /** Socket of the postprocess process. */
  readonly hostSocket: string;
  /** Batches to skip between inferences. */
  readonly interval: number;
  /** Limit for one batch in the postprocess process, ms. */
  readonly deadlineMs: number;
  readonly confidenceThreshold?: number;
  /** By class id: "0:0.5;3:0.6". */
  readonly classThresholds?: string;
  /** Objects of these classes are dropped. */
  readonly filterOutClassIds?: readonly number[];
  /** Batches that may be on their way at once. */
  readonly slots?: number;
  readonly parameters?: ModuleParameters;
}

export interface AnalyticsSettings {
  /** Names this step for setParameters: "tracker", "zones", … */
  readonly name: string;
  /** Assembled bundle directory (kind: analyze). */
  readonly bundle: string;
  readonly uniqueId: number;
  readonly hostSocket: string;
  readonly deadlineMs: number;
  /** Objects that the module does not continue. */
  readonly untracked?: "keep" | "remove";
  readonly parameters?: ModuleParameters;
}

export interface BatchSettings {
  /** Frames per batch; usually the number of cameras. */
  readonly size: number;
  /** Wait for the other cameras after the first frame, µs; -1: until the batch is full. */
  readonly timeoutUs: number;
  /** Nominal size in the caps of the batch; frames are never scaled to it. */
  readonly width: number;
  readonly height: number;
}

export interface MessageSettings {
  readonly payload: "full" | "minimal";
  /** Fields beyond nvmsgconv's (angle, track state, …). */
  readonly extensions: boolean;
  /** A message for each event of an analyze module. */
  readonly events: boolean;
  /** One message for every so many frames of a camera. */
  readonly frameInterval: number;
  readonly componentId: number;
  /** nvmsgconv configuration file (sensors, places, analytics modules). */
  readonly configFile?: string;
}

export interface PictureSettings {
  /** Pictures are at most this wide, px; smaller ones are not enlarged. */
  readonly width: number;
  readonly maxFps: number;
  /** JPEG quality, 1 to 100. */
  readonly quality: number;
}

/** Of the profile `deepstream`. */
export interface DeepStreamSettings {
  /** Which of the two elements with the name nvstreammux. */
  readonly muxer: "legacy" | "new";
  readonly gpu: number;
  /** nvtracker; null: a module tracks, or nothing does. */
  readonly tracker: {
    readonly library: string;
    readonly config: string;
    readonly width: number;
    readonly height: number;
  } | null;
}

export interface PipelineSettings {
  /** Which table of elements: see profiles.ts. */
  readonly profile: string;
  /** With the profile of that name. */
  readonly deepstream?: DeepStreamSettings;
  readonly cameras: readonly CameraSettings[];
  readonly batch: BatchSettings;
  /** null: frames pass without inference. */
  readonly infer: InferSettings | null;
  readonly analytics: readonly AnalyticsSettings[];
  readonly messages: MessageSettings;
  readonly pictures: PictureSettings;
  /** File descriptors that the supervisor handed over at the fork; null: that branch is left out. */
  readonly payloadFd: number | null;
  readonly pictureFd: number | null;
}

// ───────────────────────────── supervisor → pipeline ─────────────────────────────

/** Live changes; what is absent stays. Objects replace, they do not merge. */
export interface ParameterChange {
  readonly confidenceThreshold?: number;
  readonly classThresholds?: string;
  readonly filterOutClassIds?: readonly number[];
  readonly interval?: number;
  readonly parameters?: ModuleParameters;
}

/** `request`, where given, comes back in exactly one `reply`. */
export type ToPipeline =
  | { readonly type: "start"; readonly settings: PipelineSettings; readonly request?: number }
  | { readonly type: "addCamera"; readonly camera: CameraSettings; readonly request?: number }
  | { readonly type: "removeCamera"; readonly camera: string; readonly request?: number }
  /** Pictures of this camera are wanted, or no longer. */
  | { readonly type: "watch"; readonly camera: string; readonly on: boolean; readonly request?: number }
  /** `step`: "infer" or the name of an analytics step. */
  | {
      readonly type: "setParameters";
      readonly step: string;
      readonly change: ParameterChange;
      readonly request?: number;
    }
  | { readonly type: "stop"; readonly request?: number };

// ───────────────────────────── pipeline → supervisor ─────────────────────────────

/**
 * starting  a try is under way, no frame decoded yet
 * playing   frames are decoded
 * starved   connected, but packets stopped coming
 * stalled   packets come, but no frame comes out of the decoder
 * hung      frames are decoded, but none comes through inference (the fault is behind the camera)
 * ended     a source with an end has reached it; nothing is tried again
 * failed    the last try failed: `problem` says why, `retryAt` when the next one is due
 */
export type CameraState = "starting" | "playing" | "starved" | "stalled" | "hung" | "ended" | "failed";

/** One clear sentence for a person, and what a program needs of it. */
export interface Problem {
  /**
   * unreachable: no route, refused, time-out, unknown host. unauthorized: wrong or missing password.
   * missing: no such file, device, stream. unsupported: no decoder, not video. corrupt: damaged data.
   * silent: packets or frames stopped. internal: anything else.
   */
  readonly kind: "unreachable" | "unauthorized" | "missing" | "unsupported" | "corrupt" | "silent" | "internal";
  /** Names the camera and its address without credentials, what was expected and what to do. */
  readonly message: string;
  readonly at: number;
}

export interface CameraStatus {
  readonly camera: string;
  readonly sourceId: number;
  readonly state: CameraState;
  readonly since: number;
  /** What went wrong last; stays for reading after recovery, until the camera has played for a minute. */
  readonly problem: Problem | null;
  readonly retryAt: number | null;
  /** Tries since the camera was added, the first one included. */
  readonly tries: number;
  readonly watched: boolean;
  /** Of the decoded video; null before the first frame. */
  readonly video: { readonly width: number; readonly height: number; readonly format: string } | null;
  /** Compressed data from the network, file or device; for raw sources the frames themselves. */
  readonly lastPacketAt: number | null;
  readonly lastDecodedAt: number | null;
  /** Last frame that came out behind inference and analytics. */
  readonly lastInferredAt: number | null;
  /** Since the camera was added, over all tries. */
  readonly packets: number;
  readonly bytes: number;
  readonly decoded: number;
  readonly inferred: number;
  /** Frames dropped before the batch because inference was slower than the camera. */
  readonly dropped: number;
  /** Decoder errors that did not end the try (damaged frames). */
  readonly damaged: number;
  /** Over the last heartbeat interval, frames per second. */
  readonly decodedFps: number;
  readonly inferredFps: number;
}

export interface PipelineTotals {
  readonly uptimeMs: number;
  readonly decoded: number;
  readonly inferred: number;
  readonly dropped: number;
  readonly residentBytes: number;
  /** User and system time of this process since it started, µs. */
  readonly cpuUs: number;
  /** Configured latency of the live pipeline, ms. */
  readonly latencyMs: number;
}

/** Read-only statistics of an element, as the element gives them; keys in its own spelling. */
export type ElementStats = Readonly<Record<string, number | string | boolean>>;

export interface StatusMessage {
  readonly type: "status";
  readonly at: number;
  readonly cameras: readonly CameraStatus[];
  readonly totals: PipelineTotals;
  /** By element name: infer, the analytics steps, the payload sinks. */
  readonly elements: Readonly<Record<string, ElementStats>>;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One fact per line. */
export interface LogMessage {
  readonly type: "log";
  readonly level: LogLevel;
  readonly message: string;
  readonly camera?: string;
  readonly fields?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Why the process ends by itself. `fault` is who has to act. */
export interface FatalMessage {
  readonly type: "fatal";
  readonly fault: "input" | "environment" | "internal";
  readonly message: string;
  readonly exitCode: number;
  /** Another start with the same settings ends in the same way, also when this one got as far as `ready`. */
  readonly lasting?: boolean;
}

export type FromPipeline =
  | { readonly type: "ready"; readonly gstreamer: string; readonly profile: string; readonly pid: number }
  | StatusMessage
  /** Sent at once when a camera's state changes; `status` repeats it. */
  | { readonly type: "camera"; readonly status: CameraStatus }
  | LogMessage
  | { readonly type: "reply"; readonly request: number; readonly ok: boolean; readonly error?: string }
  | FatalMessage;

/** Exit codes of the process. 64, 69 and 70 are sysexits.h's usage, unavailable and software. */
export const exitCodes = {
  ok: 0,
  /** The settings ask for something impossible: wrong bundle, unknown profile. */
  input: 64,
  /** A plugin or a library is missing on this machine. */
  environment: 69,
  /** Our bug, or the graph broke: a restart is due. */
  internal: 70,
} as const;
