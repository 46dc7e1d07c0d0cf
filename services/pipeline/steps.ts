/** Elements that are the same in every profile: those of the plugin that take their memory and metadata as they come. */
import type {
  AnalyticsSettings,
  BatchSettings,
  InferSettings,
  MessageSettings,
  ModuleParameters,
  ParameterChange,
} from "./messages.ts";
import type { ElementSpec } from "./profile.ts";

const json = (parameters: ModuleParameters | undefined): string | undefined =>
  parameters === undefined ? undefined : JSON.stringify(parameters);

/** njinfer, whatever lies around it. */
export const networkStep = (settings: InferSettings, batch: BatchSettings): ElementSpec => ({
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
});

export const moduleStep = (settings: AnalyticsSettings): ElementSpec => ({
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
});

export const handOverPayloads = (fd: number, settings: MessageSettings): ElementSpec => ({
  factory: "njpayloadsink",
  properties: { fd, "component-id": settings.componentId, sync: false, async: false },
});

export const handOverPictures = (fd: number): ElementSpec => ({
  factory: "njpayloadsink",
  properties: { fd, content: 1, "max-queue-bytes": 2 << 20, sync: false, async: false },
});

/** What changed parameters mean as properties. */
export const inferChange = (change: ParameterChange): ElementSpec["properties"] => ({
  "confidence-threshold": change.confidenceThreshold,
  "class-thresholds": change.classThresholds,
  "filter-out-class-ids": change.filterOutClassIds?.join(";"),
  interval: change.interval,
  parameters: json(change.parameters),
});

export const analyzeChange = (change: ParameterChange): ElementSpec["properties"] => ({
  parameters: json(change.parameters),
});
