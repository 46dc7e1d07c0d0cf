// YOLO for keypoints (v8-pose, 11-pose, 26-pose, raw head).
//
// Input: one output of a frame, [4 + classes + n × d, anchors] or its transpose; float32, float16, or int8 with a scale: the fields of a
// raw head, then for each of n keypoints x and y in pixels of the network and, when d is 3, a confidence 0..1.
// Output: the boxes that are left after non-maximum suppression, best first, each with its keypoints.

import {
  BOX_FIELDS,
  Frame,
  Kind,
  line,
  Module,
  Parameters,
  RawDetector,
  RawHead,
  Setup,
  Status,
  serve,
} from "../../../sdk";

export { nj_abi, nj_alloc, nj_block, nj_configure, nj_init, nj_kind, nj_process } from "../../../sdk/exports";

/** x, y, confidence as the record has them. */
const FLOATS: usize = 3;
const KEYPOINT_BYTES: i32 = 12;
const LARGEST: f32 = 1e6;

@final
class YoloPose extends Module {
  private detector: RawDetector = changetype<RawDetector>(0);
  private fields: i32 = 0;
  private perPoint: i32 = 3;
  private isFullReported: bool = false;

  constructor() {
    super(Kind.Detect);
  }

  init(setup: Setup): i32 {
    if (setup.tensors.length != 1 || setup.tensors[0].rank != 2) return refuse(setup);
    const tensor = setup.tensors[0];
    const classes = max(setup.labelCount, 1);
    // Anchors outnumber fields, so the shorter axis has the fields.
    this.fields = min(tensor.dim(0), tensor.dim(1)) - BOX_FIELDS - classes;
    if (this.fields < 2) return refuse(setup);
    if (setup.auxBytes < KEYPOINT_BYTES * (this.fields / 3)) {
      line("limits.aux-bytes is ")
        .integer(setup.auxBytes)
        .text(", too little for keypoints: expected 12 bytes for each of them, times limits.objects")
        .error();
      return Status.BadLimits;
    }
    const head = RawHead.find(setup, this.fields);
    if (!head) return Status.BadTensors;
    this.detector = new RawDetector(setup, head);
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    this.perPoint = parameters.integer("keypoint-fields", 3, 2, 3);
    const status = this.detector.configure(parameters);
    if (status != Status.Ok) return status;
    if (this.fields % this.perPoint == 0) return Status.Ok;
    line("the model has ")
      .integer(this.fields)
      .text(" fields behind its classes, which are no keypoints of ")
      .integer(this.perPoint)
      .text(": set keypoint-fields, or the labels")
      .error();
    return Status.BadParameter;
  }

  block(_frame: Frame, tensor: i32, offset: u32, bytes: u32): i32 {
    return this.detector.block(tensor, offset, bytes);
  }

  process(frame: Frame): i32 {
    this.detector.detect(frame);
    for (let i = 0; i < frame.outCount; i++) if (!this.addKeypoints(frame, i)) break;
    return Status.Ok;
  }

  /** False when the arena is full: objects from here on have none. */
  private addKeypoints(frame: Frame, index: i32): bool {
    const count = this.fields / this.perPoint;
    let at = frame.addKeypoints(frame.outObject(index), count);
    if (at == 0) {
      if (!this.isFullReported)
        line("limits.aux-bytes is too small for the keypoints of all objects of a frame").warning();
      this.isFullReported = true;
      return false;
    }
    const anchor = this.detector.anchorOf(index);
    for (let i = 0; i < count; i++, at += FLOATS << 2) this.writeKeypoint(at, anchor, i * this.perPoint);
    return true;
  }

  /** A point with a number that is none stays at 0, 0 with confidence 0. */
  private writeKeypoint(at: usize, anchor: i32, field: i32): void {
    const extras = this.detector.head.extras;
    const x = extras.at(anchor, field) * this.detector.unitX;
    const y = extras.at(anchor, field + 1) * this.detector.unitY;
    const confidence: f32 = this.perPoint == 3 ? extras.at(anchor, field + 2) : 1;
    if (!(abs(x) <= LARGEST && abs(y) <= LARGEST && confidence >= 0 && confidence < Infinity)) return;
    store<f32>(at, x);
    store<f32>(at + 4, y);
    store<f32>(at + 8, min<f32>(confidence, 1));
  }
}

function refuse(setup: Setup): i32 {
  const message = line("the model gives");
  for (let i = 0; i < setup.tensors.length; i++) setup.tensors[i].describe(message.text(i > 0 ? ", " : " "));
  message.text("; expected one output [4 + classes + keypoints x 3, anchors]").error();
  return Status.BadTensors;
}

serve(new YoloPose());
