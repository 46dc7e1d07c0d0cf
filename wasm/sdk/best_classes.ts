// The best class of every anchor of a head, for float32, float16 and int8 scores, in one pass over data that may come in blocks.
//
// A head of 80 classes and 8400 anchors is 2.7 MB, of which a handful of anchors matter. The pass compares a group of
// anchors (four vectors) in four classes with the threshold; only where one reaches it, best score and class of the whole group
// are brought up to date, without branches. So a frame costs little more than reading it, and a hostile one, in
// which everything is above the threshold, costs a few times as much and no more.
//
// Scores are compared as the model gives them: halves by their bits (positive ones order as integers do), int8 as they
// are. NaN and infinities are no scores and never win.

import { DataType } from "./abi";
import { Candidates } from "./candidates";
import { HALF_INFINITY, halfAtLeast, halfToFloat } from "./half";
import { line } from "./log";
import { Tensor } from "./tensors";

/** Below every score. */
const NO_FLOAT: f32 = -Infinity;
const NO_HALF: i16 = i16.MIN_VALUE;
const NO_INT8: i8 = i8.MIN_VALUE;

@final
export class BestClasses {
  private readonly type: u32;
  private readonly scale: f32;
  private readonly zeroPoint: i32;
  /** f32, i16 (bits of a half) or i8 per anchor. */
  private readonly best: usize;
  /** i32 per anchor for float32, i16 otherwise. */
  private readonly classes: usize;
  private floatLimit: f32 = 0;
  private halfLimit: i16 = 0;
  private int8Limit: i8 = 0;
  private none: bool = false;

  /** `anchors` anchors whose scores are of the type and scale of `scores`; see `supports`. */
  constructor(
    scores: Tensor,
    private readonly anchors: i32,
  ) {
    this.type = scores.type;
    this.scale = scores.scale;
    this.zeroPoint = scores.zeroPoint;
    this.best = alignedAlloc((<usize>anchors) << 2);
    this.classes = alignedAlloc((<usize>anchors) << 2);
  }

  /** Whether there are kernels for this tensor; logs what was expected when not. */
  static supports(scores: Tensor): bool {
    const type = scores.type;
    if (type == DataType.Float32 || type == DataType.Float16) return true;
    if (type == DataType.Int8 && scores.isReal) return true;
    scores.describe(line("the model's output ")).text(" is not float32, float16 or int8 with a scale").error();
    return false;
  }

  /** Scores below `threshold` (0 or more) are of no interest from the next `begin` on. */
  setThreshold(threshold: f32): void {
    this.floatLimit = threshold;
    this.halfLimit = halfAtLeast(threshold);
    this.setInt8Limit(threshold);
    this.none = this.type == DataType.Float16 && this.halfLimit == HALF_INFINITY;
    if (this.type == DataType.Int8) this.none = !(this.int8Value(127) >= threshold);
  }

  /** Begins a frame. */
  begin(): void {
    const anchors = <usize>this.anchors;
    if (this.type == DataType.Float32) fill<f32>(this.best, anchors, NO_FLOAT);
    else if (this.type == DataType.Float16) fill<i16>(this.best, anchors, NO_HALF);
    else {
      fill<i8>(this.best, anchors, NO_INT8);
      // The lowest int8 may be a score above a threshold of 0, and no value wins over it: then it is the first class.
      memory.fill(this.classes, 0, anchors << 1);
    }
  }

  /**
   * Takes the scores of `rows` classes for all anchors, classes in ascending order from call to call.
   *
   * @param at class `first` of anchor 0; the anchors of a class are neighbours
   */
  addRows(at: usize, first: i32, rows: i32): void {
    if (this.none) return;
    const best = this.best;
    const classes = this.classes;
    const anchors = this.anchors;
    if (this.type == DataType.Float32) scanRows<f32>(at, first, rows, anchors, best, classes, this.floatLimit);
    else if (this.type == DataType.Float16) scanRows<i16>(at, first, rows, anchors, best, classes, this.halfLimit);
    else scanRows<i8>(at, first, rows, anchors, best, classes, this.int8Limit);
  }

  /**
   * Takes all scores of a head with the classes of an anchor side by side.
   *
   * @param at class 0 of anchor 0
   * @param stride bytes from an anchor to the next
   */
  addColumns(at: usize, stride: usize, count: i32): void {
    if (this.none) return;
    const best = this.best;
    const classes = this.classes;
    const anchors = this.anchors;
    if (this.type == DataType.Float32) scanColumns<f32>(at, stride, count, anchors, best, classes, this.floatLimit);
    else if (this.type == DataType.Float16) scanColumns<i16>(at, stride, count, anchors, best, classes, this.halfLimit);
    else scanColumns<i8>(at, stride, count, anchors, best, classes, this.int8Limit);
  }

  /** Adds every anchor whose best score is at least the threshold, in their order. */
  collect(candidates: Candidates): void {
    if (this.none) return;
    if (this.type == DataType.Float32) candidates.addAbove(this.best, this.anchors, this.floatLimit);
    else if (this.type == DataType.Float16) this.collectFrom<i16>(candidates, this.halfLimit);
    else this.collectFrom<i8>(candidates, this.int8Limit);
  }

  /** The first class with the best score. Only for anchors that `collect` gave. */
  classOf(anchor: i32): i32 {
    if (this.type == DataType.Float32) return load<i32>(this.classes + ((<usize>anchor) << 2));
    return <i32>load<u16>(this.classes + ((<usize>anchor) << 1));
  }

  private collectFrom<T>(candidates: Candidates, limit: T): void {
    const step = <i32>(16 / sizeof<T>());
    const limits = v128.splat<T>(limit);
    const whole = this.anchors - (this.anchors % step);
    for (let i = 0; i < whole; i += step) {
      let hits = v128.bitmask<T>(v128.ge<T>(v128.load(this.best + <usize>i * sizeof<T>()), limits));
      for (; hits; hits &= hits - 1) this.offer<T>(candidates, i + ctz(hits));
    }
    for (let i = whole; i < this.anchors; i++) {
      if (load<T>(this.best + <usize>i * sizeof<T>()) >= limit) this.offer<T>(candidates, i);
    }
  }

  private offer<T>(candidates: Candidates, anchor: i32): void {
    const value = load<T>(this.best + <usize>anchor * sizeof<T>());
    if (sizeof<T>() == 2) candidates.add(halfToFloat(<u16>value), anchor);
    else candidates.add(this.int8Value(<i32>value), anchor);
  }

  private int8Value(value: i32): f32 {
    return this.scale * <f32>(value - this.zeroPoint);
  }

  private setInt8Limit(threshold: f32): void {
    let limit = 127;
    while (limit > -128 && this.int8Value(limit - 1) >= threshold) limit--;
    this.int8Limit = <i8>limit;
  }
}

function alignedAlloc(bytes: usize): usize {
  return (heap.alloc(bytes + 64) + 63) & ~63;
}

function fill<T>(at: usize, count: usize, value: T): void {
  const values = v128.splat<T>(value);
  // The arrays have room for four bytes an anchor and 64 more: whole vectors never pass their end.
  for (let i: usize = 0; i < count * sizeof<T>(); i += 16) v128.store(at + i, values);
}

// ---- Rows: the anchors of a class are neighbours.

/** Bytes that are compared at a time: four vectors. */
const GROUP: usize = 64;

function scanRows<T>(at: usize, first: i32, rows: i32, anchors: i32, best: usize, classes: usize, limit: T): void {
  const bytes = <usize>anchors * sizeof<T>();
  if (bytes < GROUP) {
    scanFewAnchors<T>(at, first, rows, bytes, best, classes, limit);
    return;
  }
  let row = at;
  let classId = first;
  let left = rows;
  for (; left >= 4; left -= 4, classId += 4, row += bytes << 2) fourRows<T>(row, classId, bytes, best, classes, limit);
  for (; left > 0; left--, classId++, row += bytes) oneRow<T>(row, classId, bytes, best, classes, limit);
}

function fourRows<T>(row: usize, classId: i32, bytes: usize, best: usize, classes: usize, limit: T): void {
  const limits = v128.splat<T>(limit);
  const none = v128.splat<T>(lowest<T>());
  const end = row + bytes - GROUP;
  for (let at = row; ; ) {
    const second = at + bytes;
    const third = second + bytes;
    const fourth = third + bytes;
    // For each vector of anchors the largest of the four rows; begun with the lowest, so that a NaN never wins.
    let a = larger<T>(none, v128.load(at));
    a = larger<T>(larger<T>(a, v128.load(second)), v128.load(third));
    a = larger<T>(a, v128.load(fourth));
    let b = larger<T>(none, v128.load(at, 16));
    b = larger<T>(larger<T>(b, v128.load(second, 16)), v128.load(third, 16));
    b = larger<T>(b, v128.load(fourth, 16));
    let c = larger<T>(none, v128.load(at, 32));
    c = larger<T>(larger<T>(c, v128.load(second, 32)), v128.load(third, 32));
    c = larger<T>(c, v128.load(fourth, 32));
    let d = larger<T>(none, v128.load(at, 48));
    d = larger<T>(larger<T>(d, v128.load(second, 48)), v128.load(third, 48));
    d = larger<T>(d, v128.load(fourth, 48));
    a = v128.ge<T>(a, limits);
    b = v128.ge<T>(b, limits);
    c = v128.ge<T>(c, limits);
    d = v128.ge<T>(d, limits);
    if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) {
      if (v128.any_true(a)) updateVector<T>(at, bytes, 4, classId, best, classes, at - row);
      if (v128.any_true(b)) updateVector<T>(at + 16, bytes, 4, classId, best, classes, at - row + 16);
      if (v128.any_true(c)) updateVector<T>(at + 32, bytes, 4, classId, best, classes, at - row + 32);
      if (v128.any_true(d)) updateVector<T>(at + 48, bytes, 4, classId, best, classes, at - row + 48);
    }
    if (at == end) break;
    // The last group overlaps the one before it: bringing anchors up to date twice changes nothing.
    at = min(at + GROUP, end);
  }
}

function oneRow<T>(row: usize, classId: i32, bytes: usize, best: usize, classes: usize, limit: T): void {
  const limits = v128.splat<T>(limit);
  const end = bytes - 16;
  for (let i: usize = 0; ; ) {
    const hits = v128.ge<T>(v128.load(row + i), limits);
    if (v128.any_true(hits)) updateVector<T>(row + i, bytes, 1, classId, best, classes, i);
    if (i == end) break;
    i = min(i + 16, end);
  }
}

/** Best score and class of a vector of anchors, at byte `i` of their row, after `rows` more classes. Without branches. */
function updateVector<T>(
  at: usize,
  bytes: usize,
  rows: i32,
  classId: i32,
  bestOfAll: usize,
  classesOfAll: usize,
  i: usize,
): void {
  const best = bestOfAll + i;
  const classes = classesOfAll + classOffset<T>(i);
  let scores = v128.load(best);
  let winners = v128.load(classes);
  let moreWinners = winners;
  if (sizeof<T>() == 1) moreWinners = v128.load(classes, 16);
  let from = at;
  for (let row = 0; row < rows; row++, from += bytes) {
    const values = v128.load(from);
    let wins = v128.gt<T>(values, scores);
    if (sizeof<T>() > 1) wins = v128.and(wins, v128.lt<T>(values, v128.splat<T>(beyond<T>())));
    scores = v128.bitselect(values, scores, wins);
    if (sizeof<T>() == 4) {
      winners = v128.bitselect(i32x4.splat(classId + row), winners, wins);
    } else if (sizeof<T>() == 2) {
      winners = v128.bitselect(i16x8.splat(<i16>(classId + row)), winners, wins);
    } else {
      const winner = i16x8.splat(<i16>(classId + row));
      winners = v128.bitselect(winner, winners, i16x8.extend_low_i8x16_s(wins));
      moreWinners = v128.bitselect(winner, moreWinners, i16x8.extend_high_i8x16_s(wins));
    }
  }
  v128.store(best, scores);
  v128.store(classes, winners);
  if (sizeof<T>() == 1) v128.store(classes, moreWinners, 16);
}

/** Where the class of the anchor at byte `i` of a row lies. */
function classOffset<T>(i: usize): usize {
  return sizeof<T>() == 1 ? i << 1 : i;
}

/** Heads with fewer anchors than a group. */
function scanFewAnchors<T>(
  at: usize,
  first: i32,
  rows: i32,
  bytes: usize,
  best: usize,
  classes: usize,
  limit: T,
): void {
  for (let row = 0; row < rows; row++) {
    for (let i: usize = 0; i < bytes; i += sizeof<T>()) {
      update<T>(load<T>(at + <usize>row * bytes + i), first + row, best + i, classes + classOffset<T>(i), limit);
    }
  }
}

// ---- Columns: the classes of an anchor are neighbours.

function scanColumns<T>(
  at: usize,
  stride: usize,
  count: i32,
  anchors: i32,
  best: usize,
  classes: usize,
  limit: T,
): void {
  const bytes = <usize>count * sizeof<T>();
  let from = at;
  for (let anchor: usize = 0; anchor < <usize>anchors; anchor++, from += stride) {
    if (!reaches<T>(from, bytes, limit)) continue;
    const i = anchor * sizeof<T>();
    for (let c: usize = 0; c < bytes; c += sizeof<T>()) {
      update<T>(load<T>(from + c), <i32>(c / sizeof<T>()), best + i, classes + classOffset<T>(i), limit);
    }
  }
}

/** Whether a score of one anchor is at least `limit`. */
function reaches<T>(from: usize, bytes: usize, limit: T): bool {
  const limits = v128.splat<T>(limit);
  const whole = bytes & ~15;
  let hits = v128.ge<T>(v128.splat<T>(lowest<T>()), limits);
  let i: usize = 0;
  for (; i < whole; i += 16) hits = v128.or(hits, v128.ge<T>(v128.load(from + i), limits));
  if (v128.any_true(hits)) return true;
  for (; i < bytes; i += sizeof<T>()) if (load<T>(from + i) >= limit) return true;
  return false;
}

function update<T>(value: T, classId: i32, best: usize, classes: usize, limit: T): void {
  if (!(value >= limit) || !(value > load<T>(best))) return;
  if (sizeof<T>() > 1) if (!(value < beyond<T>())) return;
  store<T>(best, value);
  if (sizeof<T>() == 4) store<i32>(classes, classId);
  else store<i16>(classes, <i16>classId);
}

// ---- What differs between the types.

function larger<T>(a: v128, b: v128): v128 {
  // pmax(a, b) is b only where a < b: a NaN in b never wins.
  if (isFloat<T>()) return v128.pmax<f32>(a, b);
  return v128.max<T>(a, b);
}

/** Below every score, or equal to the lowest. */
function lowest<T>(): T {
  if (sizeof<T>() == 4) return <T>NO_FLOAT;
  if (sizeof<T>() == 2) return <T>NO_HALF;
  return <T>NO_INT8;
}

/** From here on values are no scores: infinities, and the NaN of halves. */
function beyond<T>(): T {
  if (sizeof<T>() == 4) return <T>Infinity;
  return <T>HALF_INFINITY;
}
