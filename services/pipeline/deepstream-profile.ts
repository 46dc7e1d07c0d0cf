/**
 * The profile `deepstream`: NVIDIA's elements around njinfer, on a Jetson or a PC with DeepStream.
 *
 *   nvurisrcbin ─► nvstreammux ─► njinfer ─► nvtracker ─► njanalytics… ─► nvmsgconv ─► njmsgconv ─► tee ─┬─► njpayloadsink
 *                                                                    (objects)    (events)          └─► nvstreamdemux
 *                                                                                                          └─► nvdsosd …
 * nvdsosd draws everything that is in a batch: it must stand behind the demuxer.
 */
import type { DeepStreamSettings, InferSettings, MessageSettings, PipelineSettings } from "./messages.ts";
import type { ElementSpec, Profile } from "./profile.ts";
import { planForDeepStream } from "./sources/deepstream.ts";
import { handOverPayloads, handOverPictures, moduleStep, networkStep } from "./steps.ts";

/** Buffers that nvstreammux keeps for elements behind it, besides those that njinfer holds. */
const buffersBehind = 4;
const defaultSlots = 3;

export function deepStreamProfile(settings: DeepStreamSettings): Profile {
  const gpu = settings.gpu;
  return {
    name: "deepstream",
    plan: (source, context) => planForDeepStream(source, context, gpu),
    batch: (batch, all) => muxer(settings, batch, all.infer),
    leaves: "source",
    infer: (infer, batch) => {
      const step = networkStep(infer, batch);
      return { ...step, properties: { ...step.properties, "gpu-id": gpu } };
    },
    track: () => tracker(settings),
    analyze: moduleStep,
    message: messages,
    unbatch: () => ({ factory: "nvstreamdemux", properties: {} }),
    handOver: handOverPayloads,
    handOverPictures,
    picture: ({ width, quality }) =>
      [
        "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0",
        `nvvideoconvert gpu-id=${gpu}`,
        "video/x-raw(memory:NVMM),format=RGBA",
        `nvdsosd gpu-id=${gpu}`,
        `nvvideoconvert gpu-id=${gpu}`,
        "video/x-raw,format=I420",
        // In system memory: nvvideoconvert does not choose a width from a range. Not videoconvertscale, which JetPack 6 has not.
        "videoscale add-borders=false",
        `video/x-raw,width=[1,${width}],pixel-aspect-ratio=1/1`,
        `jpegenc quality=${quality}`,
      ].join(" ! "),
    pictureElements: ["nvvideoconvert", "nvdsosd", "videoscale", "jpegenc"],
    sourceElements: ["nvurisrcbin", "nvvideoconvert"],
    installHint:
      "DeepStream provides it: install DeepStream for this machine (docs/jetson.md), and delete " +
      "~/.cache/gstreamer-1.0 after installing it",
  };
}

function muxer(
  { muxer, gpu }: DeepStreamSettings,
  batch: PipelineSettings["batch"],
  infer: InferSettings | null,
): ElementSpec {
  const common = {
    "batch-size": batch.size,
    "batched-push-timeout": batch.timeoutUs,
    "drop-pipeline-eos": true,
    "attach-sys-ts": true,
  };
  if (muxer === "new") return { factory: "nvstreammux", properties: common };
  return {
    factory: "nvstreammux",
    properties: {
      ...common,
      width: batch.width,
      height: batch.height,
      // Cameras come and go: a batch goes on without those that are away.
      "live-source": true,
      "gpu-id": gpu,
      "buffer-pool-size": (infer?.slots ?? defaultSlots) + 1 + buffersBehind,
    },
  };
}

function tracker({ tracker, gpu }: DeepStreamSettings): ElementSpec | null {
  if (tracker === null) return null;
  return {
    factory: "nvtracker",
    properties: {
      "ll-lib-file": tracker.library,
      "ll-config-file": tracker.config,
      "tracker-width": tracker.width,
      "tracker-height": tracker.height,
      "gpu-id": gpu,
      "display-tracking-id": true,
    },
  };
}

/**
 * nvmsgconv knows neither our extension fields nor events of modules: with extensions njmsgconv writes all payloads,
 * without them the events only (it finds no event messages of applications to convert).
 */
function messages(settings: MessageSettings): ElementSpec[] {
  const common = {
    config: settings.configFile,
    "payload-type": settings.payload === "full" ? 0 : 1,
    "comp-id": settings.componentId,
  };
  const ours = { ...common, "frame-interval": settings.frameInterval, events: settings.events };
  if (settings.extensions) {
    return [{ factory: "njmsgconv", properties: { ...ours, "msg2p-newapi": true, extensions: true } }];
  }
  const theirs = { ...common, "msg2p-newapi": true, "frame-interval": settings.frameInterval };
  return [
    { factory: "nvmsgconv", properties: theirs },
    ...(settings.events ? [{ factory: "njmsgconv", properties: { ...ours, "msg2p-newapi": false } }] : []),
  ];
}
