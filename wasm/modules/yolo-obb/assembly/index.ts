// YOLO for oriented boxes (v8-obb, 11-obb, 26-obb, raw head).
//
// Input: one output of a frame, [4 + classes + 1, anchors] or its transpose; float32, float16, or int8 with a scale. The first four
// are centre x, centre y, width, height of the un-rotated box in pixels of the network, the last is the angle in radians,
// clockwise on screen, about the centre.
// Output: the boxes that are left after rotated non-maximum suppression, best first.

import {
  ANY_CLASS,
  Frame,
  KeptOriented,
  Kind,
  Module,
  Overlap,
  Parameters,
  RawDetector,
  RawHead,
  Setup,
  Status,
  serve,
} from "../../../sdk";

export { nj_abi, nj_alloc, nj_block, nj_configure, nj_init, nj_kind, nj_process } from "../../../sdk/exports";

const ANGLE_FIELDS: i32 = 1;
const OVERLAPS: StaticArray<string> = ["probabilistic", "polygon"];
const SUPPRESSIONS: StaticArray<string> = ["matrix", "greedy"];
/** The best ones that matrix suppression compares, each with each before it: a bound for hostile tensors. */
const MATRIX_CANDIDATES: i32 = 1024;
/** An angle is bounded by a few turns; anything else is no number that a model means. */
const LARGEST_ANGLE: f32 = 100;

@final
class YoloObb extends Module {
  private detector: RawDetector = changetype<RawDetector>(0);
  /** What a candidate is compared with: the boxes that were kept, or with matrix suppression all better ones. */
  private rivals: KeptOriented = changetype<KeptOriented>(0);
  private isMatrix: bool = true;

  constructor() {
    super(Kind.Detect);
  }

  init(setup: Setup): i32 {
    const head = RawHead.find(setup, ANGLE_FIELDS);
    if (!head) return Status.BadTensors;
    this.detector = new RawDetector(setup, head);
    this.rivals = new KeptOriented(max(setup.maxObjects, MATRIX_CANDIDATES));
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    const overlap = parameters.choice("overlap", OVERLAPS, 0) == 0 ? Overlap.Probabilistic : Overlap.Polygon;
    this.isMatrix = parameters.choice("suppression", SUPPRESSIONS, 0) == 0;
    const status = this.detector.configure(parameters);
    this.rivals.measure(overlap, this.detector.iouThreshold);
    return status;
  }

  block(_frame: Frame, tensor: i32, offset: u32, bytes: u32): i32 {
    return this.detector.block(tensor, offset, bytes);
  }

  process(frame: Frame): i32 {
    const detector = this.detector;
    detector.findCandidates();
    this.rivals.clear();
    for (let rank = 0; rank < detector.candidates.count && frame.outCount < detector.limit; rank++) {
      if (this.rivals.full) return Status.Ok;
      this.consider(detector.candidates.index(rank), detector.candidates.score(rank), frame);
    }
    return Status.Ok;
  }

  private consider(anchor: i32, score: f32, frame: Frame): void {
    const detector = this.detector;
    const classId = detector.head.best.classOf(anchor);
    const angle = detector.head.extras.at(anchor, 0);
    if (!detector.isWanted(classId, score) || !detector.read(anchor) || !(abs(angle) <= LARGEST_ANGLE)) return;
    const among = detector.classAgnostic ? ANY_CLASS : classId;
    const isCovered = this.rivals.covers(detector.x, detector.y, detector.width, detector.height, angle, among);
    if (isCovered && !this.isMatrix) return;
    this.rivals.add(detector.x, detector.y, detector.width, detector.height, angle, classId);
    if (isCovered) return;
    detector.add(frame, anchor, classId, score).angle = angle;
  }
}

serve(new YoloObb());
