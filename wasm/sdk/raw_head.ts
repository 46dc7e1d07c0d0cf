// The raw head of an anchor-free detector: for each anchor a box, a score for each class, and what else the model says of it
// (an angle, mask coefficients, keypoints).
//
// One output [4 + classes + extra, anchors], or its transpose, or (without extra) two: [4, anchors] and [classes, anchors], as
// quantised models have them, for boxes and scores then have scales of their own. Large outputs with the anchors side
// by side are taken in blocks: classes are looked at as they pass, boxes and extra fields are kept.

import { BestClasses } from "./best_classes";
import { FieldView } from "./field_view";
import { Line, line } from "./log";
import { Setup } from "./setup";
import { Tensor } from "./tensors";

export const BOX_FIELDS: i32 = 4;
/** What stays in the second-level cache while it passes, and the size from which on blocks are worth their calls. */
const BLOCK_BYTES: u32 = 192 * 1024;
const STREAM_FROM: u32 = 256 * 1024;

@final
export class RawHead {
  /** x, y, width, height of an anchor's box: centre and size, as the model gives them. */
  readonly boxes: FieldView;
  /** The fields behind the classes. */
  readonly extras: FieldView;
  readonly best: BestClasses;
  private readonly scores: FieldView;

  private constructor(
    private readonly setup: Setup,
    boxTensor: i32,
    private readonly scoreTensor: i32,
    readonly classes: i32,
    readonly anchors: i32,
    extra: i32,
    isRows: bool,
  ) {
    const firstScore = boxTensor == scoreTensor ? BOX_FIELDS : 0;
    const box = setup.tensors[boxTensor];
    const score = setup.tensors[scoreTensor];
    this.boxes = new FieldView(box, boxTensor, 0, BOX_FIELDS, anchors, isRows);
    this.scores = new FieldView(score, scoreTensor, firstScore, classes, anchors, isRows);
    this.extras = new FieldView(box, boxTensor, BOX_FIELDS + classes, extra, anchors, isRows);
    this.best = new BestClasses(score, anchors);
    if (isRows) {
      this.boxes.keep();
      this.extras.keep();
      this.stream(boxTensor);
      if (scoreTensor != boxTensor) this.stream(scoreTensor);
    }
  }

  /**
   * The head among a model's outputs of two axes; null after a message that says what was expected.
   *
   * @param extra fields of an anchor behind its classes
   */
  static find(setup: Setup, extra: i32): RawHead | null {
    let first = -1;
    let second = -1;
    for (let i = 0; i < setup.tensors.length; i++) {
      if (setup.tensors[i].rank != 2) continue;
      if (first < 0) first = i;
      else if (second < 0) second = i;
      else return refuse(setup, extra);
    }
    if (first < 0 || (second >= 0 && extra > 0)) return refuse(setup, extra);
    if (second >= 0) return RawHead.split(setup, first, second);
    const tensor = setup.tensors[first];
    if (!BestClasses.supports(tensor)) return null;
    return RawHead.orient(setup, first, extra);
  }

  /** The labels tell the field axis from the anchor axis; without labels it is the shorter one. */
  private static orient(setup: Setup, index: i32, extra: i32): RawHead | null {
    const tensor = setup.tensors[index];
    const rows = tensor.dim(0);
    const columns = tensor.dim(1);
    const own = BOX_FIELDS + extra;
    const labels = setup.labelCount;
    const fields = labels + own;
    if (labels > 0 ? rows == fields : rows <= columns && rows > own) {
      return new RawHead(setup, index, index, rows - own, columns, extra, true);
    }
    if (labels > 0 ? columns == fields : columns < rows && columns > own) {
      return new RawHead(setup, index, index, columns - own, rows, extra, false);
    }
    const message = tensor.describe(line("the model's output "));
    if (labels > 0) message.text(" has no axis of ").integer(fields).text(" (4 + ").integer(labels).text(" labels");
    else message.text(" has no axis of 4 + classes");
    if (extra > 0) message.text(" + ").integer(extra);
    message.text(labels > 0 ? ")" : "").error();
    return null;
  }

  /** Boxes and scores in outputs of their own, in either order, both in the same orientation. */
  private static split(setup: Setup, first: i32, second: i32): RawHead | null {
    const labels = setup.labelCount;
    for (let turn = 0; turn < 2; turn++) {
      const boxIndex = turn == 0 ? first : second;
      const scoreIndex = turn == 0 ? second : first;
      const boxes = setup.tensors[boxIndex];
      const scores = setup.tensors[scoreIndex];
      for (let axis = 0; axis < 2; axis++) {
        const anchors = boxes.dim(1 - axis);
        const classes = scores.dim(axis);
        if (boxes.dim(axis) != BOX_FIELDS || scores.dim(1 - axis) != anchors) continue;
        if (labels > 0 ? classes != labels : classes > anchors) continue;
        if (!BestClasses.supports(scores) || !isReadable(boxes)) return null;
        return new RawHead(setup, boxIndex, scoreIndex, classes, anchors, 0, axis == 0);
      }
    }
    return refuse(setup, 0);
  }

  /** Takes a block of an output (Module.block). */
  block(index: i32, offset: u32, bytes: u32): void {
    this.boxes.take(index, offset, bytes);
    this.extras.take(index, offset, bytes);
    if (index != this.scoreTensor) return;
    if (offset == 0) this.best.begin();
    const scores = this.scores;
    const first = scores.firstIn(offset, bytes);
    const count = scores.countIn(offset, bytes);
    if (count > 0) this.best.addRows(scores.addressIn(offset, first), first, count);
  }

  /** Once all blocks of a frame were taken, and before anything is read: looks at outputs that came whole. */
  finish(): void {
    if (!this.scores.isRows) {
      this.boxes.lookAt();
      this.extras.lookAt();
      this.scores.lookAt();
      this.best.begin();
      this.best.addColumns(this.scores.base, this.scores.anchorStride, this.classes);
      return;
    }
    this.takeWhole(this.boxes.index);
    if (this.scoreTensor != this.boxes.index) this.takeWhole(this.scoreTensor);
  }

  private takeWhole(index: i32): void {
    const tensor = this.setup.tensors[index];
    if (!tensor.isInBlocks) this.block(index, 0, tensor.bytes);
  }

  /** In whole rows, four of them when they fit: classes are looked at four at a time. */
  private stream(index: i32): void {
    const tensor = this.setup.tensors[index];
    if (tensor.bytes < STREAM_FROM) return;
    const rowBytes = <u32>this.anchors * tensor.valueBytes;
    const rows = BLOCK_BYTES / rowBytes;
    this.setup.stream(index, rowBytes * (rows >= 4 ? rows & ~3 : max(rows, 1)));
  }
}

function isReadable(boxes: Tensor): bool {
  if (boxes.isReal) return true;
  boxes.describe(line("the model's output ")).text(" is not float32, float16, or int8 or uint8 with a scale").error();
  return false;
}

function refuse(setup: Setup, extra: i32): RawHead | null {
  let message: Line = line("the model gives");
  for (let i = 0; i < setup.tensors.length; i++) {
    message = setup.tensors[i].describe(message.text(i > 0 ? ", " : " "));
  }
  message.text("; expected one output [4 + classes");
  if (extra > 0) message.text(" + ").integer(extra).text(", anchors]").error();
  else message.text(", anchors], or two: [4, anchors] and [classes, anchors]").error();
  return null;
}
