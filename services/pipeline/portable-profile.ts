/** The profile `portable`: stock GStreamer and the plugin, on any Linux machine. */
import type { Profile } from "./profile.ts";
import { planSource } from "./sources/index.ts";
import { handOverPayloads, handOverPictures, moduleStep, networkStep } from "./steps.ts";

export const portable: Profile = {
  name: "portable",
  plan: planSource,
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
  leaves: "pad",
  infer: networkStep,
  track: () => null,
  analyze: moduleStep,
  message: (settings) => [
    {
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
    },
  ],
  unbatch: () => ({ factory: "njstreamdemux", properties: {} }),
  handOver: handOverPayloads,
  handOverPictures,
  picture: (settings) =>
    [
      // Its own thread: drawing and encoding must not hold up inference.
      "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0",
      "njosd",
      "videoconvertscale add-borders=false",
      `video/x-raw,width=[1,${settings.width}],pixel-aspect-ratio=1/1`,
      `jpegenc quality=${settings.quality}`,
    ].join(" ! "),
  pictureElements: ["njosd", "videoconvertscale", "jpegenc"],
  sourceElements: ["videoconvert"],
};
