/** What the pipeline process is told, made from the configuration. Pure but for secrets and bundle manifests, which are read here. */
import { deepstreamDefaults } from "../config/deepstream.ts";
import type { Camera, Config, Source } from "../config/load.ts";
import { readSecret } from "../config/secrets.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";
import type {
  AnalyticsSettings,
  CameraSettings,
  DeepStreamSettings,
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
const ZONES_ID = 3;
const FIRST_RULE_ID = 4;
const COMPONENT_ID = 1;

/** Live frames that may wait for a batch before the oldest is dropped. */
const QUEUE_FRAMES = 4;

export interface Bundles {
  readonly detector: BundleInfo;
  /** The one that serves in the detector's place, after an activation: the labels are its. */
  readonly serving?: BundleInfo | undefined;
  readonly tracker: BundleInfo | undefined;
  /** undefined: there are to be no zones. */
  readonly zones?: BundleInfo | undefined;
  /** By name of the rule, in their order. */
  readonly rules?: Readonly<Record<string, BundleInfo>>;
}

/** @throws ExpectedError that names the key when a bundle is missing or of the wrong kind. */
export function findBundles(config: Config): Bundles {
  const { bundles } = config.directories;
  return {
    detector: findBundle(config.inference.bundle, "detect", "inference.bundle", bundles),
    tracker:
      config.tracking.enabled && !tracksWithNvtracker(config)
        ? findBundle(config.tracking.bundle, "analyze", "tracking.bundle", bundles)
        : undefined,
    zones: wantsZones(config) ? findBundle(config.zones.bundle, "analyze", "zones.bundle", bundles) : undefined,
    rules: Object.fromEntries(
      config.rules.map(({ name, bundle }, i) => [name, findBundle(bundle, "analyze", `rules[${i}].bundle`, bundles)]),
    ),
  };
}

/** The first zone can also come at run time: only then is a bundle asked for that the configuration has no use for. */
function wantsZones({ zones, cameras }: Config): boolean {
  return zones.enabled ?? cameras.some((camera) => (camera.zones ?? []).length > 0);
}

/** The bundle of a first zone. @throws ExpectedError when it is not installed, or the configuration wants no zones. */
export function zonesBundle(config: Config): BundleInfo {
  if (config.zones.enabled === false) {
    const message = "zones are switched off: set zones.enabled: true in the configuration and restart Nightjar";
    throw new ExpectedError(EXIT.configuration, message);
  }
  return findBundle(config.zones.bundle, "analyze", "zones.bundle", config.directories.bundles);
}

export interface SettingsInput {
  readonly config: Config;
  readonly cameras: readonly CameraSettings[];
  readonly bundles: Bundles;
  /** Socket of the postprocess process. */
  readonly hostSocket: string;
  /** nvmsgconv configuration file with sensors and places. */
  readonly messageConfigFile: string;
  /** The parameter of the zones module; undefined: no zones run. */
  readonly zones?: string | undefined;
}

export function pipelineSettings({
  config,
  cameras,
  bundles,
  hostSocket,
  messageConfigFile,
  zones,
}: SettingsInput): PipelineSettings {
  const { pipeline, messages, console } = config;
  const profile = profileOf(config);
  return {
    profile,
    ...(profile === "deepstream" ? { deepstream: deepStreamSettings(config) } : {}),
    cameras,
    batch: {
      size: pipeline.batchSize === 0 ? Math.max(1, cameras.length) : pipeline.batchSize,
      timeoutUs: Math.round(pipeline.batchTimeout * 1000),
      width: pipeline.width,
      height: pipeline.height,
    },
    infer: inferSettings(config, bundles.detector, bundles.serving ?? bundles.detector, hostSocket),
    analytics: [
      ...(bundles.tracker === undefined || tracksWithNvtracker(config)
        ? []
        : [trackerSettings(config, bundles.tracker, hostSocket)]),
      ...(bundles.zones === undefined || zones === undefined
        ? []
        : [zonesSettings(config, bundles.zones, hostSocket, zones)]),
      ...ruleSettings(config, bundles.rules ?? {}, hostSocket),
    ],
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

/** Which table of elements runs. */
export const profileOf = ({ pipeline }: Config): string =>
  pipeline.profile === "auto" ? DEFAULT_PROFILE : pipeline.profile;

function tracksWithNvtracker(config: Config): boolean {
  return profileOf(config) === "deepstream" && config.pipeline.deepstream.tracker === "nvtracker";
}

function deepStreamSettings(config: Config): DeepStreamSettings {
  const { muxer, gpu, trackerConfig, trackerLibrary, trackerWidth, trackerHeight } = config.pipeline.deepstream;
  const tracker = {
    library: trackerLibrary ?? deepstreamDefaults.trackerLibrary,
    config: trackerConfig ?? deepstreamDefaults.trackerConfig,
    width: trackerWidth,
    height: trackerHeight,
  };
  return { muxer, gpu, tracker: config.tracking.enabled && tracksWithNvtracker(config) ? tracker : null };
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
  const { uri, transport, latency, dropOnLatency, timeout, username, password, tls } = source;
  return {
    kind: "rtsp",
    uri,
    transport,
    latencyMs: latency,
    dropOnLatency,
    timeoutMs: timeout,
    tls,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: readSecret(password, `camera ${id}: source.password`) }),
  };
}

/**
 * What the configuration says about labels, as class ids of a bundle.
 * @throws ExpectedError when the bundle has no such label
 */
export function labelSettings({ inference }: Config, bundle: BundleInfo) {
  const thresholds = Object.entries(inference.classThresholds).map(([label, value]) => {
    return `${classIdOf(label, bundle, `inference.classThresholds.${label}`)}:${value}`;
  });
  const kept = inference.classes?.map((label) => classIdOf(label, bundle, "inference.classes"));
  const dropped = kept === undefined ? [] : bundle.labels.map((_, id) => id).filter((id) => !kept.includes(id));
  return { classThresholds: thresholds.join(";"), filterOutClassIds: dropped };
}

function inferSettings(config: Config, bundle: BundleInfo, labelled: BundleInfo, hostSocket: string): InferSettings {
  const { inference } = config;
  const { classThresholds, filterOutClassIds } = labelSettings(config, labelled);
  return {
    bundle: bundle.directory,
    uniqueId: DETECTOR_ID,
    hostSocket,
    interval: inference.interval,
    deadlineMs: inference.deadline,
    slots: inference.inFlight,
    ...(inference.confidence === undefined ? {} : { confidenceThreshold: inference.confidence }),
    ...(classThresholds === "" ? {} : { classThresholds }),
    ...(filterOutClassIds.length === 0 ? {} : { filterOutClassIds }),
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

/** Name of the step that `nightjar zone` changes. */
export const ZONES_STEP = "zones";

function zonesSettings(config: Config, bundle: BundleInfo, hostSocket: string, zones: string): AnalyticsSettings {
  return {
    name: ZONES_STEP,
    bundle: bundle.directory,
    uniqueId: ZONES_ID,
    hostSocket,
    deadlineMs: config.inference.deadline,
    untracked: "keep",
    parameters: zonesParameters(config, zones),
  };
}

function ruleSettings(
  config: Config,
  bundles: Readonly<Record<string, BundleInfo>>,
  hostSocket: string,
): AnalyticsSettings[] {
  return config.rules.flatMap(({ name, parameters }, i) => {
    const bundle = bundles[name];
    if (bundle === undefined) return [];
    return {
      name,
      bundle: bundle.directory,
      uniqueId: FIRST_RULE_ID + i,
      hostSocket,
      deadlineMs: config.inference.deadline,
      untracked: "keep",
      ...parametersOf(parameters),
    };
  });
}

/** All parameters of the zones module: a change replaces them. */
export function zonesParameters(config: Config, zones: string): ModuleParameters {
  return { zones, "forget-after": config.zones.forgetAfter / 1000 };
}

/** true and false are 1 and 0 to a module. */
function parametersOf(given: Config["tracking"]["parameters"]): { parameters?: ModuleParameters } {
  const entries = Object.entries(given).map(
    ([key, value]) => [key, typeof value === "boolean" ? Number(value) : value] as const,
  );
  return entries.length === 0 ? {} : { parameters: Object.fromEntries(entries) };
}
