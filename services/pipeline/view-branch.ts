/**
 * What happens to one camera's frames behind inference: they are counted, and while somebody watches, drawn and encoded.
 *
 *   (one camera's frames) ! passed ! gate ! … profile.picture … ! (pictures of all cameras)
 *
 * The branch lives as long as the camera, over all tries of its source.
 */
import { Bin, type Element, type Pad } from "./gst.ts";
import type { PictureSettings } from "./messages.ts";
import type { Profile } from "./profile.ts";

export interface ViewCounters {
  /** Frames that came out behind inference and analytics, inferred or not. */
  readonly passed: number;
  readonly passedIdleUs: number | null;
  /** Those of them that a detector looked at. */
  readonly inferred: number;
  readonly inferredIdleUs: number | null;
}

const time = (probe: Element, property: string): number | null => {
  const value = probe.number(property);
  return value < 0 ? null : value;
};

export class ViewBranch {
  readonly bin: Bin;
  readonly input: Pad;
  /** Encoded pictures; null when this pipeline makes none. */
  readonly output: Pad | null;
  private readonly passed: Element;
  private readonly gate: Element | null;

  constructor(sourceId: number, profile: Profile, pictures: PictureSettings | null) {
    const picture =
      pictures === null
        ? null
        : `njgate name=gate open=false max-rate=${pictures.maxFps} ! ${profile.picture(pictures)} ! identity name=last silent=true`;
    this.bin = Bin.parse(
      `view-${sourceId}`,
      `njprobe name=passed ! ${picture ?? "fakesink name=last sync=false async=false"}`,
    );
    this.passed = this.bin.element("passed");
    this.gate = picture === null ? null : this.bin.element("gate");
    this.input = this.bin.ghost("sink", this.passed.pad("sink"));
    this.output = picture === null ? null : this.bin.ghost("src", this.bin.element("last").pad("src"));
  }

  /** False: this pipeline makes no pictures. */
  watch(on: boolean): boolean {
    this.gate?.set("open", on);
    return this.gate !== null;
  }

  counters(): ViewCounters {
    return {
      passed: this.passed.number("buffers"),
      passedIdleUs: time(this.passed, "idle"),
      inferred: this.passed.number("inferred"),
      inferredIdleUs: time(this.passed, "inferred-idle"),
    };
  }
}
