/**
 * The source bin of one camera, for one try: from its source to frames that wait for the batch.
 *
 *   source ! packets ! decoder ! videoconvert [! njloop] [! clocksync] ! decoded ! waiting ! delivered ! (batch)
 *   `packets`, `decoded` and `delivered` are njprobes, `waiting` is the queue that drops when the pipeline is slow.
 *
 * A try that failed is thrown away as a whole: no element is ever used again after an error.
 */
import { Bin, type Element, type Extent, type Pad } from "./gst.ts";
import type { CameraSettings } from "./messages.ts";
import type { SourcePlan } from "./sources/plan.ts";

/** What one look at the counters of a branch shows. Times are µs since the last one; null: none yet. */
export interface BranchCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly packetIdleUs: number | null;
  readonly decoded: number;
  readonly decodedIdleUs: number | null;
  readonly delivered: number;
  /** Frames that had to make room for newer ones. */
  readonly dropped: number;
  /** The stream's end has gone through, behind its last frame. */
  readonly ended: boolean;
  readonly video: { readonly width: number; readonly height: number; readonly format: string } | null;
}

const unlimited = 0;

function describe(plan: SourcePlan): string {
  return [
    plan.description,
    plan.adapt ?? "videoconvert name=convert",
    plan.loops ? "njloop name=loop" : null,
    plan.paced ? "clocksync name=pace sync-to-first=true" : null,
    "njprobe name=decoded ! queue name=waiting ! njprobe name=delivered",
  ]
    .filter((part) => part !== null)
    .join(" ! ");
}

const idle = (probe: Element): number | null => {
  const time = probe.number("idle");
  return time < 0 ? null : time;
};

export class SourceBranch {
  readonly bin: Bin;
  readonly plan: SourcePlan;
  private readonly packets: Element;
  private readonly decoded: Element;
  private readonly delivered: Element;
  private readonly queue: Element;
  private readonly queueFrames: number;

  /** Builds the bin; nothing runs before it is put into the graph. */
  constructor(camera: CameraSettings, plan: SourcePlan, attempt: number) {
    this.plan = plan;
    this.queueFrames = camera.queueFrames;
    this.bin = Bin.parse(`source-${camera.sourceId}-${attempt}`, describe(plan));
    // A decoder that is being set up would otherwise take the whole pipeline back to PAUSED, and hold up the next camera.
    this.bin.set("async-handling", true);
    this.decoded = this.bin.element("decoded");
    this.delivered = this.bin.element("delivered");
    this.packets = plan.description.includes("name=packets") ? this.bin.element("packets") : this.decoded;
    this.queue = this.bin.element("waiting");
    this.configure();
  }

  /** The pad that gives frames to the batch. */
  output(): Pad {
    return this.bin.ghost("src", this.delivered.pad("src"));
  }

  counters(): BranchCounters {
    const width = this.decoded.number("width");
    // In this order: a frame that moves on meanwhile is then never taken for a dropped one.
    const decoded = this.decoded.number("buffers");
    const waiting = this.queue.number("current-level-buffers");
    const delivered = this.delivered.number("buffers");
    return {
      packets: this.packets.number("buffers"),
      bytes: this.packets.number("bytes"),
      packetIdleUs: idle(this.packets),
      decoded,
      decodedIdleUs: idle(this.decoded),
      delivered,
      dropped: this.plan.live ? Math.max(0, decoded - waiting - delivered) : 0,
      ended: this.delivered.boolean("eos"),
      video:
        width > 0
          ? { width, height: this.decoded.number("height"), format: this.decoded.text("format") ?? "unknown" }
          : null,
    };
  }

  /** How long the source says that it is, and how far it has come. */
  extent(): Extent {
    return this.decoded.pad("src").extent();
  }

  /** The pipeline takes frames more slowly than this source gives them, and the source waits. */
  isHeldBack(): boolean {
    return !this.plan.live && this.queue.number("current-level-buffers") >= this.queueFrames;
  }

  private configure(): void {
    for (const { element, property, value, as } of this.plan.properties) {
      const target = this.bin.element(element);
      if (as === "text") target.setFromText(property, String(value));
      else if (as === "certificates") target.setCertificates(property, String(value));
      else target.set(property, value);
    }
    this.queue
      .set("max-size-buffers", this.queueFrames)
      .set("max-size-bytes", unlimited)
      .set("max-size-time", unlimited)
      .setFromText("leaky", this.plan.live ? "downstream" : "no");
  }
}
