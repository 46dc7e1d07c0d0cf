/** What a profile is: which element plays which role in the one graph (graph-plan.ts). */
import type { PropertyValue } from "./gst.ts";
import type {
  AnalyticsSettings,
  BatchSettings,
  InferSettings,
  MessageSettings,
  PictureSettings,
  PipelineSettings,
  SourceSettings,
} from "./messages.ts";
import type { PlanContext, SourcePlan } from "./sources/plan.ts";

/** An element and its properties; undefined values are left at their default. */
export interface ElementSpec {
  readonly factory: string;
  readonly properties: Readonly<Record<string, PropertyValue | undefined>>;
}

export interface Profile {
  readonly name: string;
  /** How the frames of a camera are made. Throws BadSource. */
  readonly plan: (source: SourceSettings, context: PlanContext) => SourcePlan;
  readonly batch: (settings: BatchSettings, all: PipelineSettings) => ElementSpec;
  /**
   * How a source leaves the muxer. pad: its pad goes first, which wakes a thread that waits in the muxer. source: it is
   * stopped first, then its pad is flushed and goes, as nvstreammux wants it (deepstream's runtime_source_add_delete).
   */
  readonly leaves: "pad" | "source";
  readonly infer: (settings: InferSettings, batch: BatchSettings) => ElementSpec;
  /** Stands between inference and the modules; null: a module tracks, or nothing does. */
  readonly track: () => ElementSpec | null;
  readonly analyze: (settings: AnalyticsSettings) => ElementSpec;
  /** In the order of the stream; the first is called "message". */
  readonly message: (settings: MessageSettings) => readonly ElementSpec[];
  readonly unbatch: () => ElementSpec;
  /** Payloads to the supervisor. */
  readonly handOver: (fd: number, settings: MessageSettings) => ElementSpec;
  /** Encoded pictures to the supervisor. */
  readonly handOverPictures: (fd: number) => ElementSpec;
  /** gst-launch text from the frames that are wanted to encoded pictures, objects drawn in. */
  readonly picture: (settings: PictureSettings) => string;
  /** Elements of `picture` and of the plans that belong to the profile: their absence is told at the start. */
  readonly pictureElements: readonly string[];
  readonly sourceElements: readonly string[];
  /** What to do about an element that is missing; undefined: nothing more than for any other. */
  readonly installHint?: string;
}
