// YOLO, anchor-free, raw head (v8, v9, 11, 26 and those who export like them).
//
// Input: one output of a frame, [4 + classes, anchors] or its transpose, or two, [4, anchors] and [classes, anchors]; float32,
// float16, or int8 with a scale. The first four are centre x, centre y, width, height in pixels of the network (or in parts of it:
// box-units), the others are scores 0..1 of the classes.
// Output: the boxes that are left after non-maximum suppression, best first.

import { Frame, Kind, Module, Parameters, RawDetector, RawHead, Setup, Status, serve } from "../../../sdk";

export { nj_abi, nj_alloc, nj_block, nj_configure, nj_init, nj_kind, nj_process } from "../../../sdk/exports";

@final
class Yolo extends Module {
  private detector: RawDetector = changetype<RawDetector>(0);

  constructor() {
    super(Kind.Detect);
  }

  init(setup: Setup): i32 {
    const head = RawHead.find(setup, 0);
    if (!head) return Status.BadTensors;
    this.detector = new RawDetector(setup, head);
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    return this.detector.configure(parameters);
  }

  block(_frame: Frame, tensor: i32, offset: u32, bytes: u32): i32 {
    return this.detector.block(tensor, offset, bytes);
  }

  process(frame: Frame): i32 {
    this.detector.detect(frame);
    return Status.Ok;
  }
}

serve(new Yolo());
