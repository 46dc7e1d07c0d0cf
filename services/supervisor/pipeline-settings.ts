/** What the pipeline process is told, made from the configuration. Pure but for secrets and bundle manifests, which are read here. */
import type { Camera, Config, Source } from "../config/load.ts";
import { readSecret } from "../config/secrets.ts";
import type {
  AnalyticsSettings,
  CameraSettings,
  InferSettings,
  ModuleParameters,
  PipelineSettings,
  SourceSettings,
} from "../pipeline/messages.ts";
import { type BundleInfo, classIdOf, findBundle } from "./bundles.ts";
import type { RegisteredCamera } from "./camera-registry.ts";

/** File descriptors of the two pipes in the child; 3 is the IPC channel. */
export const PAYLOAD_FD = 4;
export const PICTURE_FD = 5;

/** The only one that works on every machine. */
const DEFAULT_PROFILE = "portable";

const DETECTOR_ID = 1;
const TRACKER_ID = 2;
const COMPONENT_ID = 1;

/** Live frames that may wait for a batch before the oldest is dropped. */
const QUEUE_FRAMES = 4;

export interface Bundles {
  readonly detector: BundleInfo;
  readonly tracker: BundleInfo | undefined;
}

/** @throws ExpectedError that names the key when a bundle is missing or of the wrong kind. */
export function findBundles(config: Config): Bundles {
  const { bundles } = config.directories;
  return {
    detector: findBundle(config.inference.bundle, "detect", "inference.bundle", bundles),
    tracker: config.tracking.enabled
      ? findBundle(config.tracking.bundle, "analyze", "tracking.bundle", bundles)
      : undefined,
  };
}

export interface SettingsInput {
  readonly config: Config;
  readonly cameras: readonly CameraSettings[];
  readonly bundles: Bundles;
  /** Socket of the postprocess process. */
  readonly hostSocket: string;
  /** nvmsgconv configuration file with sensors and places. */
  readonly messageConfigFile: string;
}

export function pipelineSettings({
  config,
  cameras,
  bundles,
  hostSocket,
  messageConfigFile,
}: SettingsInput): PipelineSettings {
  const { pipeline, messages, console } = config;
  return {
    profile: pipeline.profile === "auto" ? DEFAULT_PROFILE : pipeline.profile,
    cameras,
    batch: {
      size: pipeline.batchSize === 0 ? Math.max(1, cameras.length) : pipeline.batchSize,
      timeoutUs: Math.round(pipeline.batchTimeout * 1000),
      width: pipeline.width,
      height: pipeline.height,
    },
    infer: inferSettings(config, bundles.detector, hostSocket),
    analytics: bundles.tracker === undefined ? [] : [trackerSettings(config, bundles.tracker, hostSocket)],
    messages: {
      payload: messages.format,
      extensions: messages.extensions,
      events: messages.events,
      frameInterval: messages.frameInterval,
      componentId: COMPONENT_ID,
      configFile: messageConfigFile,
    },
    pictures: {
      width: console.pictureWidth,
      maxFps: console.pictureRate,
      quality: Math.max(1, Math.round(console.pictureQuality * 100)),
    },
    payloadFd: PAYLOAD_FD,
    pictureFd: PICTURE_FD,
  };
}

/** @throws ExpectedError when the camera's password cannot be read. */
export function cameraSettings({ camera, sourceId }: RegisteredCamera, config: Config): CameraSettings {
  return {
    id: camera.id,
    sourceId,
    source: sourceSettings(camera),
    reconnect: { initialMs: camera.reconnect.delay, maxMs: camera.reconnect.maxDelay, factor: 2, jitter: 0.2 },
    startTimeoutMs: camera.reconnect.startTimeout,
    stallTimeoutMs: camera.stallTimeout ?? config.pipeline.stallTimeout,
    queueFrames: QUEUE_FRAMES,
  };
}

function sourceSettings(camera: Camera): SourceSettings {
  const { source } = camera;
  switch (source.type) {
    case "rtsp":
      return rtspSettings(source, camera.id);
    case "uri":
      return { kind: "file", uri: source.uri, loop: false, realtime: true };
    case "file":
      return { kind: "file", uri: source.path, loop: source.loop, realtime: source.realtime };
    case "v4l2": {
      const { device, format, width = 0, height = 0, framerate = 0 } = source;
      return { kind: "v4l2", device, width, height, framerate, format };
    }
    case "test": {
      const { pattern, width, height, framerate, realtime, frames } = source;
      return { kind: "test", pattern, width, height, framerate, realtime, frames };
    }
    case "images": {
      const { path: location, framerate, start: firstIndex, loop, realtime } = source;
      return { kind: "images", location, framerate, firstIndex, loop, realtime };
    }
  }
}

function rtspSettings(source: Extract<Source, { type: "rtsp" }>, id: string): SourceSettings {
  const { uri, transport, latency, dropOnLatency, timeout, username, password } = source;
  return {
    kind: "rtsp",
    uri,
    transport,
    latencyMs: latency,
    dropOnLatency,
    timeoutMs: timeout,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: readSecret(password, `camera ${id}: source.password`) }),
  };
}

function inferSettings(config: Config, bundle: BundleInfo, hostSocket: string): InferSettings {
  const { inference } = config;
  const thresholds = Object.entries(inference.classThresholds).map(([label, value]) => {
    return `${classIdOf(label, bundle, `inference.classThresholds.${label}`)}:${value}`;
  });
  const kept = inference.classes?.map((label) => classIdOf(label, bundle, "inference.classes"));
  const dropped = kept === undefined ? [] : bundle.labels.map((_, id) => id).filter((id) => !kept.includes(id));
  return {
    bundle: bundle.directory,
    uniqueId: DETECTOR_ID,
    hostSocket,
    interval: inference.interval,
    deadlineMs: inference.deadline,
    slots: inference.inFlight,
    ...(inference.confidence === undefined ? {} : { confidenceThreshold: inference.confidence }),
    ...(thresholds.length === 0 ? {} : { classThresholds: thresholds.join(";") }),
    ...(dropped.length === 0 ? {} : { filterOutClassIds: dropped }),
    ...parametersOf(inference.parameters),
  };
}

function trackerSettings(config: Config, bundle: BundleInfo, hostSocket: string): AnalyticsSettings {
  return {
    name: "tracker",
    bundle: bundle.directory,
    uniqueId: TRACKER_ID,
    hostSocket,
    deadlineMs: config.inference.deadline,
    untracked: config.tracking.untracked,
    ...parametersOf(config.tracking.parameters),
  };
}

/** true and false are 1 and 0 to a module. */
function parametersOf(given: Config["tracking"]["parameters"]): { parameters?: ModuleParameters } {
  const entries = Object.entries(given).map(
    ([key, value]) => [key, typeof value === "boolean" ? Number(value) : value] as const,
  );
  return entries.length === 0 ? {} : { parameters: Object.fromEntries(entries) };
}
