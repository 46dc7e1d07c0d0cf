// YOLO, anchor-free, raw head (v8, v9, 11 and those who export like them).
//
// Input: one float32 tensor of a frame, [4 + classes, anchors] or its transpose [anchors, 4 + classes]. The first four are
// centre x, centre y, width, height in pixels of the network, the others are scores 0..1 of the classes.
// Output: the boxes that are left after non-maximum suppression, best first.

import {
  bestClass,
  Candidates,
  Frame,
  Kept,
  Kind,
  Module,
  maximaOfColumns,
  maximaOfRows,
  Parameters,
  plausible,
  Setup,
  Status,
  serve,
  Tensor,
} from "../../../sdk";
import { Head } from "./head";

export { nj_abi, nj_alloc, nj_configure, nj_init, nj_kind, nj_process } from "../../../sdk/exports";

@final
class Yolo extends Module {
  private head: Head = changetype<Head>(0);
  private maxima: usize = 0;
  private candidates: Candidates = changetype<Candidates>(0);
  private kept: Kept = changetype<Kept>(0);
  private keptClasses: StaticArray<i32> = changetype<StaticArray<i32>>(0);
  private thresholds: StaticArray<f32> = changetype<StaticArray<f32>>(0);
  private lowestThreshold: f32 = 0.25;
  private iouThreshold: f32 = 0.45;
  private classAgnostic: bool = false;
  private topK: i32 = 300;

  constructor() {
    super(Kind.Detect);
  }

  init(setup: Setup): i32 {
    const head = Head.find(setup);
    if (!head) return Status.BadTensors;
    this.head = head;
    this.maxima = (heap.alloc(((<usize>head.anchors) << 2) + 16) + 15) & ~15;
    this.candidates = new Candidates(head.anchors);
    this.kept = new Kept(setup.maxObjects);
    this.keptClasses = new StaticArray<i32>(setup.maxObjects);
    this.thresholds = new StaticArray<f32>(head.classes);
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    const confidence = parameters.number("confidence-threshold", 0.25, 0, 1);
    this.iouThreshold = <f32>parameters.number("iou-threshold", 0.45, 0, 1);
    this.classAgnostic = parameters.flag("class-agnostic", false);
    this.topK = parameters.integer("top-k", 300, 1, i32.MAX_VALUE);
    this.setThresholds(parameters, confidence);
    return parameters.result;
  }

  process(frame: Frame): i32 {
    this.findCandidates();
    this.kept.clear();
    const limit = min(this.topK, this.keptClasses.length);
    for (let rank = 0; rank < this.candidates.count && this.kept.count < limit; rank++) this.consider(rank, frame);
    return Status.Ok;
  }

  private setThresholds(parameters: Parameters, confidence: f64): void {
    parameters.count("class-thresholds"); // complains when it is no list
    this.lowestThreshold = Infinity;
    for (let c = 0; c < this.thresholds.length; c++) {
      const own = parameters.at("class-thresholds", c);
      this.thresholds[c] = <f32>(isNaN(own) ? confidence : own);
      this.lowestThreshold = min(this.lowestThreshold, this.thresholds[c]);
    }
  }

  private findCandidates(): void {
    const head = this.head;
    if (head.transposed) maximaOfColumns(head.scores(0), head.anchorStride, head.classes, head.anchors, this.maxima);
    else maximaOfRows(head.scores(0), head.fieldStride, head.classes, head.anchors, this.maxima);
    this.candidates.clear();
    this.candidates.addAbove(this.maxima, head.anchors, this.lowestThreshold);
    this.dropInfinities();
    this.candidates.sort();
  }

  /** An infinite score is no score: such an anchor counts with its best finite one. */
  private dropInfinities(): void {
    const candidates = this.candidates;
    for (let i = 0; i < candidates.count; i++) {
      if (candidates.score(i) < Infinity) continue;
      const anchor = candidates.index(i);
      const best = bestClass(this.head.scores(anchor), this.head.fieldStride, this.head.classes);
      candidates.rescore(i, best < 0 ? 0 : max<f32>(0, this.head.score(anchor, best)));
    }
  }

  /** Turns a candidate into an object, unless a better one covers it. */
  private consider(rank: i32, frame: Frame): void {
    const head = this.head;
    const anchor = this.candidates.index(rank);
    const score = this.candidates.score(rank);
    const x = head.field(anchor, 0);
    const y = head.field(anchor, 1);
    const width = head.field(anchor, 2);
    const height = head.field(anchor, 3);
    if (!plausible(x, y, width, height)) return;
    const left = x - width * 0.5;
    const top = y - height * 0.5;
    if (this.suppressed(anchor, score, left, top, left + width, top + height)) return;

    const classId = bestClass(head.scores(anchor), head.fieldStride, head.classes);
    if (classId < 0 || score < unchecked(this.thresholds[classId])) return;
    unchecked((this.keptClasses[this.kept.count] = classId));
    this.kept.add(left, top, left + width, top + height);
    const object = frame.addObject();
    object.left = left;
    object.top = top;
    object.width = width;
    object.height = height;
    object.confidence = min<f32>(score, 1);
    object.classId = classId;
  }

  /**
   * Whether a kept box of the same class covers this one. The class is not looked up for it: that a candidate's best score
   * is its score for the kept box's class says the same, at one load instead of one per class.
   */
  private suppressed(anchor: i32, score: f32, left: f32, top: f32, right: f32, bottom: f32): bool {
    let hit = this.kept.overlapping(0, left, top, right, bottom, this.iouThreshold);
    if (this.classAgnostic) return hit >= 0;
    while (hit >= 0) {
      if (this.head.score(anchor, unchecked(this.keptClasses[hit])) == score) return true;
      hit = this.kept.overlapping(hit + 1, left, top, right, bottom, this.iouThreshold);
    }
    return false;
  }
}

serve(new Yolo());
