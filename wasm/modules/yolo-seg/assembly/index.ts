// YOLO for instance masks (v8-seg, 11-seg, 26-seg, raw head with prototypes).
//
// Input: two outputs of a frame: a raw head [4 + classes + k, anchors] or its transpose, whose last k fields are coefficients, and k
// prototypes [k, height, width] or [height, width, k]; float32, float16, or int8 with a scale. An object's mask is the sum of
// the prototypes times its coefficients, through a sigmoid.
// Output: the boxes that are left after non-maximum suppression, best first, each with its mask over its box.

import { Frame, Kind, line, Module, Parameters, RawDetector, RawHead, Setup, Status, serve } from "../../../sdk";
import { MaskMaker } from "./masks";
import { Prototypes } from "./prototypes";

export { nj_abi, nj_alloc, nj_block, nj_configure, nj_init, nj_kind, nj_process } from "../../../sdk/exports";

@final
class YoloSeg extends Module {
  private detector: RawDetector = changetype<RawDetector>(0);
  private masks: MaskMaker = changetype<MaskMaker>(0);
  private isFullReported: bool = false;

  constructor() {
    super(Kind.Detect);
  }

  init(setup: Setup): i32 {
    const prototypes = Prototypes.find(setup);
    if (!prototypes) return Status.BadTensors;
    if (setup.auxBytes < 4) {
      line("limits.aux-bytes is ").integer(setup.auxBytes).text(", too little for masks: expected some MiB").error();
      return Status.BadLimits;
    }
    const head = RawHead.find(setup, prototypes.count);
    if (!head) return Status.BadTensors;
    this.detector = new RawDetector(setup, head);
    this.masks = new MaskMaker(setup, prototypes);
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    this.masks.longestSide = parameters.integer("mask-side", 80, 1, 1024);
    return this.detector.configure(parameters);
  }

  block(_frame: Frame, tensor: i32, offset: u32, bytes: u32): i32 {
    return this.detector.block(tensor, offset, bytes);
  }

  process(frame: Frame): i32 {
    this.detector.detect(frame);
    for (let i = 0; i < frame.outCount; i++) {
      if (this.masks.add(frame, frame.outObject(i), this.detector.head.extras, this.detector.anchorOf(i))) continue;
      if (!this.isFullReported) line("limits.aux-bytes is too small for the masks of all objects of a frame").warning();
      this.isFullReported = true;
      break;
    }
    return Status.Ok;
  }
}

serve(new YoloSeg());
