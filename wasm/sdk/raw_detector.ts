// What the modules for raw heads have in common: parameters, candidates, suppression of upright boxes, objects.
//
// Parameters, all of which may change while it runs: confidence-threshold, class-thresholds, iou-threshold, class-agnostic, top-k,
// box-units, nms, soft-sigma. docs/reference/modules.md says what they mean.

import { ObjectRecord, Status } from "./abi";
import { plausible } from "./boxes";
import { Candidates } from "./candidates";
import { Frame } from "./frame";
import { ANY_CLASS, Kept } from "./nms";
import { Parameters } from "./params";
import { RawHead } from "./raw_head";
import { Setup } from "./setup";
import { Decay, SoftNms } from "./soft_nms";

/** Soft suppression is quadratic: the best of the candidates take part. */
const SOFT_CANDIDATES: i32 = 1024;
const UNITS: StaticArray<string> = ["pixels", "normalised"];
/** The first is no Decay; the others are in its order. */
const SUPPRESSIONS: StaticArray<string> = ["greedy", "linear", "gaussian"];

@final
export class RawDetector {
  readonly head: RawHead;
  readonly candidates: Candidates;
  private readonly kept: Kept;
  private readonly soft: SoftNms;
  private readonly anchors: StaticArray<i32>;
  private readonly thresholds: StaticArray<f32>;
  /** Most objects of a frame. */
  limit: i32 = 300;
  iouThreshold: f64 = 0.45;
  classAgnostic: bool = false;
  private decay: u32 = 0;
  private sigma: f64 = 0.5;
  private lowest: f32 = 0.25;
  private scaleX: f32 = 1;
  private scaleY: f32 = 1;
  // The box that `read` gave.
  x: f32 = 0;
  y: f32 = 0;
  width: f32 = 0;
  height: f32 = 0;

  constructor(
    private readonly setup: Setup,
    head: RawHead,
  ) {
    this.head = head;
    this.candidates = new Candidates(head.anchors);
    this.kept = new Kept(setup.maxObjects);
    this.soft = new SoftNms(min(head.anchors, SOFT_CANDIDATES));
    this.anchors = new StaticArray<i32>(setup.maxObjects);
    this.thresholds = new StaticArray<f32>(head.classes);
  }

  /** Module.configure. */
  configure(parameters: Parameters): i32 {
    const confidence = parameters.number("confidence-threshold", 0.25, 0, 1);
    this.iouThreshold = parameters.number("iou-threshold", 0.45, 0, 1);
    this.classAgnostic = parameters.flag("class-agnostic", false);
    this.limit = min(parameters.integer("top-k", 300, 1, i32.MAX_VALUE), this.setup.maxObjects);
    this.decay = parameters.choice("nms", SUPPRESSIONS, 0);
    this.sigma = parameters.number("soft-sigma", 0.5, 0.001, 100);
    const isNormalised = parameters.choice("box-units", UNITS, 0) == 1;
    this.scaleX = isNormalised ? <f32>this.setup.networkWidth : 1;
    this.scaleY = isNormalised ? <f32>this.setup.networkHeight : 1;
    this.setThresholds(parameters, confidence);
    return parameters.result;
  }

  /** Module.block. */
  block(index: i32, offset: u32, bytes: u32): i32 {
    this.head.block(index, offset, bytes);
    return Status.Ok;
  }

  /** Finds the candidates of a frame, best first. */
  findCandidates(): void {
    this.head.finish();
    this.candidates.clear();
    this.head.best.collect(this.candidates);
    this.candidates.sort();
  }

  /** Adds the objects of a frame, best first; `anchorOf` says which anchor each came from. */
  detect(frame: Frame): void {
    this.findCandidates();
    if (this.decay != 0) this.detectSoftly(frame);
    else this.detectGreedily(frame);
  }

  /** Anchor of object `index` of the frame. */
  anchorOf(index: i32): i32 {
    return this.anchors[index];
  }

  /** Takes an anchor's box into x, y, width, height (pixels of the network, centre); false when it is none. */
  read(anchor: i32): bool {
    const boxes = this.head.boxes;
    this.x = boxes.at(anchor, 0) * this.scaleX;
    this.y = boxes.at(anchor, 1) * this.scaleY;
    this.width = boxes.at(anchor, 2) * this.scaleX;
    this.height = boxes.at(anchor, 3) * this.scaleY;
    return plausible(this.x, this.y, this.width, this.height);
  }

  /** Network pixels of one unit of the model's boxes and keypoints. */
  get unitX(): f32 {
    return this.scaleX;
  }

  get unitY(): f32 {
    return this.scaleY;
  }

  /** Whether a candidate reaches the threshold of its class. */
  isWanted(classId: i32, score: f32): bool {
    return score >= unchecked(this.thresholds[classId]);
  }

  /** Adds the box that `read` gave as an object. */
  add(frame: Frame, anchor: i32, classId: i32, score: f32): ObjectRecord {
    unchecked((this.anchors[frame.outCount] = anchor));
    const object = frame.addObject();
    object.left = this.x - this.width * 0.5;
    object.top = this.y - this.height * 0.5;
    object.width = this.width;
    object.height = this.height;
    object.confidence = min<f32>(score, 1);
    object.classId = classId;
    return object;
  }

  private detectGreedily(frame: Frame): void {
    const candidates = this.candidates;
    const kept = this.kept;
    const best = this.head.best;
    kept.clear();
    for (let rank = 0; rank < candidates.count && frame.outCount < this.limit; rank++) {
      const anchor = candidates.index(rank);
      const score = candidates.score(rank);
      const classId = best.classOf(anchor);
      if (!this.isWanted(classId, score) || !this.read(anchor)) continue;
      const left = this.x - this.width * 0.5;
      const top = this.y - this.height * 0.5;
      const rivals = this.classAgnostic ? ANY_CLASS : classId;
      if (kept.covers(left, top, left + this.width, top + this.height, rivals, <f32>this.iouThreshold)) continue;
      kept.add(left, top, left + this.width, top + this.height, classId);
      this.add(frame, anchor, classId, score);
    }
  }

  private detectSoftly(frame: Frame): void {
    const soft = this.soft;
    const head = this.head;
    this.offerSoftly();
    while (frame.outCount < this.limit) {
      const place = soft.best(this.lowest);
      if (place < 0) return;
      const anchor = soft.index(place);
      const score = soft.score(place);
      const classId = head.best.classOf(anchor);
      soft.take(place, this.decay, this.decay == Decay.Linear ? this.iouThreshold : this.sigma, this.classAgnostic);
      if (this.isWanted(classId, score) && this.read(anchor)) this.add(frame, anchor, classId, score);
    }
  }

  private offerSoftly(): void {
    const soft = this.soft;
    const candidates = this.candidates;
    soft.clear();
    for (let rank = 0; rank < candidates.count && !soft.full; rank++) {
      const anchor = candidates.index(rank);
      const classId = this.head.best.classOf(anchor);
      if (!this.isWanted(classId, candidates.score(rank)) || !this.read(anchor)) continue;
      const left = this.x - this.width * 0.5;
      const top = this.y - this.height * 0.5;
      soft.add(anchor, candidates.score(rank), left, top, left + this.width, top + this.height, classId);
    }
  }

  private setThresholds(parameters: Parameters, confidence: f64): void {
    parameters.count("class-thresholds"); // complains when it is no list
    this.lowest = Infinity;
    for (let c = 0; c < this.thresholds.length; c++) {
      const own = parameters.at("class-thresholds", c);
      this.thresholds[c] = <f32>(isNaN(own) ? confidence : own);
      this.lowest = min(this.lowest, this.thresholds[c]);
    }
    this.head.best.setThreshold(this.lowest);
  }
}
