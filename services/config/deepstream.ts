/** Keys of the profile `deepstream`: they count only while that profile runs. */
import { z } from "zod";
import { integerIn, path } from "./fields.ts";

const INSTALLED = "/opt/nvidia/deepstream/deepstream";

export const deepstreamDefaults = {
  trackerLibrary: `${INSTALLED}/lib/libnvds_nvmultiobjecttracker.so`,
  trackerConfig: `${INSTALLED}/samples/configs/deepstream-app/config_tracker_NvDCF_perf.yml`,
} as const;

/** nvtracker works on pictures whose sides are multiples of this. */
const TRACKER_STEP = 32;

const side = (initial: number, meaning: string) =>
  integerIn(TRACKER_STEP, 4096)
    .multipleOf(TRACKER_STEP, { error: `a multiple of ${TRACKER_STEP}` })
    .prefault(initial)
    .meta({ description: meaning, unit: "pixels", restart: "nightjar" });

export const deepstream = z.strictObject({
  muxer: z.enum(["legacy", "new"], { error: "one of legacy, new" }).prefault("legacy").meta({
    description:
      "Which of the two elements with the name nvstreammux: legacy scales every camera to pipeline.width x pipeline.height, new leaves each at its size. Set here and not by USE_NEW_NVSTREAMMUX.",
    restart: "nightjar",
  }),
  gpu: integerIn(0, 63).prefault(0).meta({ description: "GPU that decodes, tracks and draws.", restart: "nightjar" }),
  tracker: z.enum(["nvtracker", "module"], { error: "one of nvtracker, module" }).prefault("nvtracker").meta({
    description: "What tracks, while tracking.enabled: NVIDIA's tracker, or the module of tracking.bundle.",
    restart: "nightjar",
  }),
  trackerConfig: path().optional().meta({
    description: "Configuration of nvtracker (ll-config-file): it selects the algorithm.",
    restart: "nightjar",
    defaultNote: "DeepStream's config_tracker_NvDCF_perf.yml",
    example: "config_tracker_IOU.yml",
  }),
  trackerLibrary: path().optional().meta({
    description: "Library of nvtracker (ll-lib-file).",
    restart: "nightjar",
    defaultNote: "DeepStream's libnvds_nvmultiobjecttracker.so",
    example: "/opt/nvidia/deepstream/deepstream/lib/libnvds_nvmultiobjecttracker.so",
  }),
  trackerWidth: side(960, "Width of the pictures that nvtracker works on."),
  trackerHeight: side(544, "Height of the pictures that nvtracker works on."),
});
