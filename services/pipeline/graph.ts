/**
 * The GStreamer graph of one profile: the part that all cameras share, and the places where cameras come and go.
 *
 *   source-N ─► batch ─► infer ─► analyze… ─► message ─► split ─┬─► payloads          (fd 4)
 *   source-M ─┘                                                 └─► unbatch ─► view-N ─► pictures ─► picture-sink (fd 5)
 *
 * The shared part is started with no camera in it; cameras are added while it plays, at the start as later, so that one
 * which cannot start has no say in whether the pipeline does.
 */

import { factoriesOf, type GraphPlan, type PlannedElement, planGraph } from "./graph-plan.ts";
import { type BusMessage, collectSoon, Element, GstError, hasElement, type Pad, Pipeline } from "./gst.ts";
import type { CameraSettings, ElementStats, ParameterChange, PipelineSettings } from "./messages.ts";
import type { ElementSpec, Profile } from "./profile.ts";
import type { SourceBranch } from "./source-branch.ts";
import type { PlanContext, SourcePlan } from "./sources/plan.ts";
import { parseStats } from "./stats.ts";
import { analyzeChange, inferChange } from "./steps.ts";
import { ViewBranch } from "./view-branch.ts";

interface Input {
  readonly branch: SourceBranch;
  readonly output: Pad;
  readonly batchPad: Pad;
}

interface View {
  readonly branch: ViewBranch;
  readonly unbatchPad: Pad;
  readonly picturePad: Pad | null;
}

/** An element that the profile needs is not installed. */
export class MissingElement extends Error {
  override readonly name = "MissingElement";
}

/** There is no such step, or it has no such parameter. */
export class NoSuchParameter extends Error {
  override readonly name = "NoSuchParameter";
}

/** Throws MissingElement with all that are missing. */
function requireElements(factories: readonly string[], profile: Profile): void {
  const missing = factories.filter((factory) => !hasElement(factory));
  if (missing.length === 0) return;
  const names = missing.map((factory) => `"${factory}"`).join(", ");
  const which = missing.length === 1 ? `element ${names} is` : `elements ${names} are`;
  const remedy = profile.installHint ?? "expected in GST_PLUGIN_PATH or among the system's plugins";
  throw new MissingElement(
    `GStreamer ${which} not installed, which profile "${profile.name}" needs; ${remedy}. ` +
      `Look with: gst-inspect-1.0 ${missing[0]}`,
  );
}

function make({ name, spec }: PlannedElement): Element {
  const element = Element.make(spec.factory, name);
  applyProperties(element, spec.properties);
  return element;
}

function applyProperties(element: Element, properties: ElementSpec["properties"]): void {
  for (const [property, value] of Object.entries(properties)) {
    if (value !== undefined) element.set(property, value);
  }
}

export class Graph {
  private readonly profile: Profile;
  private readonly settings: PipelineSettings;
  private readonly pipeline = new Pipeline("nightjar");
  private readonly batch: Element;
  private readonly unbatch: Element;
  private readonly pictures: Element | null;
  /** Elements of the shared part by name, in the order of the stream. */
  private readonly shared = new Map<string, Element>();
  private readonly inputs = new Map<number, Input>();
  private readonly views = new Map<number, View>();
  private latencyNs = 0;

  /** Builds the shared part. Throws MissingElement, or GstError for what is our own fault. */
  constructor(profile: Profile, settings: PipelineSettings) {
    this.profile = profile;
    this.settings = settings;
    const plan = planGraph(profile, settings);
    requireElements(factoriesOf(plan), profile);
    this.batch = this.chain(plan.chain);
    const split = this.shared.get("split")!;
    this.linkPayloads(split, plan);
    this.unbatch = this.insert(plan.unbatch);
    split.requestPad("src_%u").link(this.unbatch.pad("sink"));
    this.pictures = this.makePictureSink(plan);
  }

  /** False: some element refused; the reason is the next error on the bus. */
  play(): boolean {
    return this.pipeline.setState("playing");
  }

  /** Ends all streaming threads. The graph is of no use afterwards. */
  stop(): void {
    for (const sourceId of [...this.inputs.keys()]) this.disconnect(sourceId);
    this.pipeline.setState("null");
  }

  nextMessage(): BusMessage | null {
    return this.pipeline.nextMessage();
  }

  recalculateLatency(): void {
    this.pipeline.recalculateLatency();
    // Not of the pipeline: its sinks do not wait for the clock, and so call themselves not live.
    this.latencyNs = this.batch.pad("src").latency();
  }

  /** Of the slowest live source and the batch together, as last calculated. */
  latencyMs(): number {
    return this.latencyNs / 1e6;
  }

  /** How the frames of a source are made in this profile. Throws BadSource. */
  plan(source: CameraSettings["source"], context: PlanContext): SourcePlan {
    return this.profile.plan(source, context);
  }

  /** Name of an element of the shared part, for telling its errors from a camera's. */
  isShared(branch: string): boolean {
    return this.shared.has(branch);
  }

  addView(sourceId: number): ViewBranch {
    const branch = new ViewBranch(sourceId, this.profile, this.pictures === null ? null : this.settings.pictures);
    this.pipeline.add(branch.bin);
    const picturePad = this.linkPictures(branch);
    branch.bin.syncStateWithParent();
    const unbatchPad = this.unbatch.requestPad(`src_${sourceId}`);
    unbatchPad.link(branch.input);
    this.views.set(sourceId, { branch, unbatchPad, picturePad });
    return branch;
  }

  removeView(sourceId: number): void {
    const view = this.views.get(sourceId);
    if (view === undefined) return;
    this.views.delete(sourceId);
    view.unbatchPad.unlink();
    this.unbatch.releasePad(view.unbatchPad);
    this.pipeline.remove(view.branch.bin);
    if (view.picturePad !== null) this.pictures?.releasePad(view.picturePad);
    collectSoon();
  }

  /**
   * False: the source refused to start; the reason is on the bus. The branch is in the graph either way, also after a throw
   * (GstError, when its video cannot be linked to the batch): `disconnect` takes it out.
   */
  connect(camera: CameraSettings, branch: SourceBranch): boolean {
    this.pipeline.add(branch.bin);
    const batchPad = this.batch.requestPad(`sink_${camera.sourceId}`);
    if (batchPad.has("sensor-id")) batchPad.set("sensor-id", camera.id);
    const output = branch.output();
    this.inputs.set(camera.sourceId, { branch, output, batchPad });
    output.link(batchPad);
    return branch.bin.syncStateWithParent();
  }

  /**
   * Takes the source out, in the order of the profile. With the pad of the batch first, a thread that waits in the batch for
   * room wakes, and the state change does not wait for it.
   */
  disconnect(sourceId: number): void {
    const input = this.inputs.get(sourceId);
    if (input === undefined) return;
    this.inputs.delete(sourceId);
    if (this.profile.leaves === "source") {
      input.branch.bin.setState("null");
      input.batchPad.flushStop();
    }
    input.output.unlink();
    this.batch.releasePad(input.batchPad);
    this.pipeline.remove(input.branch.bin);
    collectSoon();
  }

  /** Changes a step while it runs. `step`: "infer" or the name of an analytics step. Throws NoSuchParameter. */
  change(step: string, change: ParameterChange): void {
    const element = this.shared.get(step);
    const isInfer = step === "infer";
    const isAnalytics = this.settings.analytics.some(({ name }) => name === step);
    if (element === undefined || !(isInfer || isAnalytics)) {
      const steps = [
        ...(this.settings.infer === null ? [] : ["infer"]),
        ...this.settings.analytics.map(({ name }) => name),
      ];
      throw new NoSuchParameter(`no step "${step}"; there is ${steps.join(", ") || "none"}`);
    }
    const properties = isInfer ? inferChange(change) : analyzeChange(change);
    this.refuseUnknown(step, change, properties);
    applyProperties(element, properties);
  }

  /** Statistics of the shared elements that keep some. */
  stats(): Record<string, ElementStats> {
    const all: Record<string, ElementStats> = {};
    for (const [name, element] of this.shared) {
      const stats = element.has("stats") ? element.structureText("stats") : null;
      if (element.has("written")) all[name] = sinkStats(element);
      else if (stats !== null) all[name] = parseStats(stats);
    }
    return all;
  }

  private refuseUnknown(step: string, change: ParameterChange, properties: ElementSpec["properties"]): void {
    const wanted = Object.values(change).filter((value) => value !== undefined).length;
    const understood = Object.values(properties).filter((value) => value !== undefined).length;
    if (wanted === understood) return;
    throw new NoSuchParameter(
      `step "${step}" does not take ${Object.keys(change).join(", ")}; it takes ${Object.keys(properties).join(", ")}`,
    );
  }

  /** Makes and links the elements; returns the first. */
  private chain(planned: readonly PlannedElement[]): Element {
    const elements = planned.map((element) => this.insert(element));
    elements.reduce((from, to) => {
      from.pad("src").link(to.pad("sink"));
      return to;
    });
    return elements[0]!;
  }

  private linkPayloads(split: Element, { payloads }: GraphPlan): void {
    if (payloads === null) return;
    split.requestPad("src_%u").link(this.insert(payloads).pad("sink"));
  }

  /** Pictures of all cameras meet here, for a descriptor has one writer. */
  private makePictureSink({ pictures }: GraphPlan): Element | null {
    return pictures.length === 0 ? null : this.chain(pictures);
  }

  private linkPictures(branch: ViewBranch): Pad | null {
    if (this.pictures === null || branch.output === null) return null;
    const pad = this.pictures.requestPad("sink_%u");
    branch.output.link(pad);
    return pad;
  }

  private insert(planned: PlannedElement): Element {
    if (this.shared.has(planned.name)) throw new GstError(`two steps have the name "${planned.name}"`);
    const element = make(planned);
    this.pipeline.add(element);
    this.shared.set(planned.name, element);
    return element;
  }
}

function sinkStats(sink: Element): ElementStats {
  return {
    written: sink.number("written"),
    dropped: sink.number("dropped"),
    "queued-bytes": sink.number("queued-bytes"),
  };
}
