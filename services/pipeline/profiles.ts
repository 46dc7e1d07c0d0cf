/**
 * Which element plays which role. One graph (graph.ts), one table for each kind of machine: another profile is another
 * table here and no other code.
 */
import type { PropertyValue } from "./gst.ts";
import type {
  AnalyticsSettings,
  BatchSettings,
  InferSettings,
  MessageSettings,
  ModuleParameters,
  ParameterChange,
  PictureSettings,
} from "./messages.ts";

/** An element and its properties; undefined values are left at their default. */
export interface ElementSpec {
  readonly factory: string;
  readonly properties: Readonly<Record<string, PropertyValue | undefined>>;
}

export interface Profile {
  readonly name: string;
  readonly batch: (settings: BatchSettings) => ElementSpec;
  readonly infer: (settings: InferSettings, batch: BatchSettings) => ElementSpec;
  readonly analyze: (settings: AnalyticsSettings) => ElementSpec;
  readonly message: (settings: MessageSettings) => ElementSpec;
  readonly unbatch: () => ElementSpec;
  /** Payloads to the supervisor. */
  readonly handOver: (fd: number, settings: MessageSettings) => ElementSpec;
  /** Encoded pictures to the supervisor. */
  readonly handOverPictures: (fd: number) => ElementSpec;
  /** gst-launch text from the frames that are wanted to encoded pictures, objects drawn in. */
  readonly picture: (settings: PictureSettings) => string;
  /** What changed parameters mean as properties. */
  readonly inferChange: (change: ParameterChange) => ElementSpec["properties"];
  readonly analyzeChange: (change: ParameterChange) => ElementSpec["properties"];
}

const json = (parameters: ModuleParameters | undefined): string | undefined =>
  parameters === undefined ? undefined : JSON.stringify(parameters);

const portable: Profile = {
  name: "portable",
  batch: (settings) => ({
    factory: "njstreammux",
    properties: {
      "batch-size": settings.size,
      "batched-push-timeout": settings.timeoutUs,
      width: settings.width,
      height: settings.height,
      // Cameras drop in their own queues (and count there); recordings wait. With live-source the batch would drop of both.
      "live-source": false,
      "max-queued-frames": 2,
      "drop-pipeline-eos": true,
    },
  }),
  infer: (settings, batch) => ({
    factory: "njinfer",
    properties: {
      bundle: settings.bundle,
      "unique-id": settings.uniqueId,
      "batch-size": batch.size,
      "host-socket": settings.hostSocket,
      deadline: settings.deadlineMs,
      interval: settings.interval,
      "confidence-threshold": settings.confidenceThreshold,
      "class-thresholds": settings.classThresholds,
      "filter-out-class-ids": settings.filterOutClassIds?.join(";"),
      slots: settings.slots,
      parameters: json(settings.parameters),
    },
  }),
  analyze: (settings) => ({
    factory: "njanalytics",
    properties: {
      bundle: settings.bundle,
      "unique-id": settings.uniqueId,
      "host-socket": settings.hostSocket,
      deadline: settings.deadlineMs,
      // An enumeration: node-gtk takes its number.
      untracked: settings.untracked === undefined ? undefined : Number(settings.untracked === "remove"),
      parameters: json(settings.parameters),
    },
  }),
  message: (settings) => ({
    factory: "njmsgconv",
    properties: {
      config: settings.configFile,
      "payload-type": settings.payload === "full" ? 0 : 1,
      "comp-id": settings.componentId,
      "msg2p-newapi": true,
      "frame-interval": settings.frameInterval,
      extensions: settings.extensions,
      events: settings.events,
    },
  }),
  unbatch: () => ({ factory: "njstreamdemux", properties: {} }),
  handOver: (fd, settings) => ({
    factory: "njpayloadsink",
    properties: { fd, "component-id": settings.componentId, sync: false, async: false },
  }),
  handOverPictures: (fd) => ({
    factory: "njpayloadsink",
    properties: { fd, content: 1, "max-queue-bytes": 2 << 20, sync: false, async: false },
  }),
  picture: (settings) =>
    [
      // Its own thread: drawing and encoding must not hold up inference.
      "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0",
      "njosd",
      "videoconvertscale add-borders=false",
      `video/x-raw,width=[1,${settings.width}],pixel-aspect-ratio=1/1`,
      `jpegenc quality=${settings.quality}`,
    ].join(" ! "),
  inferChange: (change) => ({
    "confidence-threshold": change.confidenceThreshold,
    "class-thresholds": change.classThresholds,
    interval: change.interval,
    parameters: json(change.parameters),
  }),
  analyzeChange: (change) => ({ parameters: json(change.parameters) }),
};

export const profiles: Readonly<Record<string, Profile>> = { portable };
