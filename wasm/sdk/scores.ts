// Which anchors may be objects: the best class score of every anchor, four anchors per vector.
//
// A head of 80 classes and 8400 anchors is 2.7 MB, read once. Classes are rows ("raw" layout) and anchors are
// neighbours, so the running maximum of a block of anchors stays in the first-level cache while the rows of all classes
// pass over it. Whose score it was is looked up afterwards, for the few anchors that matter.

/** Anchors whose running maxima are kept in cache at a time: 4 KiB. */
const BLOCK: i32 = 1024;

/**
 * Best finite-or-infinite score of each anchor, NaN ignored; at least 0.
 *
 * @param scores f32[classes][anchors]: class 0 of anchor 0
 * @param stride bytes from a class to the next
 * @param maxima f32[anchors], 16-byte aligned, written
 */
export function maximaOfRows(scores: usize, stride: usize, classes: i32, anchors: i32, maxima: usize): void {
  for (let first = 0; first < anchors; first += BLOCK) {
    const count = min(BLOCK, anchors - first);
    const offset = (<usize>first) << 2;
    blockMaxima(scores + offset, stride, classes, count, maxima + offset);
  }
}

function blockMaxima(scores: usize, stride: usize, classes: i32, count: i32, maxima: usize): void {
  memory.fill(maxima, 0, (<usize>count) << 2);
  let row = scores;
  let left = classes;
  for (; left >= 4; left -= 4, row += stride << 2) fourRows(row, stride, count, maxima);
  for (; left > 0; left--, row += stride) oneRow(row, count, maxima);
}

// pmax(a, b) is b only where a < b: a NaN in b never wins.
function fourRows(row0: usize, stride: usize, count: i32, maxima: usize): void {
  const row1 = row0 + stride;
  const row2 = row1 + stride;
  const row3 = row2 + stride;
  const bytes = (<usize>count) << 2;
  const whole = bytes & ~15;
  let i: usize = 0;
  for (; i < whole; i += 16) {
    let best = v128.load(maxima + i);
    best = f32x4.pmax(best, v128.load(row0 + i));
    best = f32x4.pmax(best, v128.load(row1 + i));
    best = f32x4.pmax(best, v128.load(row2 + i));
    best = f32x4.pmax(best, v128.load(row3 + i));
    v128.store(maxima + i, best);
  }
  for (; i < bytes; i += 4) {
    let best = load<f32>(maxima + i);
    best = larger(best, load<f32>(row0 + i));
    best = larger(best, load<f32>(row1 + i));
    best = larger(best, load<f32>(row2 + i));
    best = larger(best, load<f32>(row3 + i));
    store<f32>(maxima + i, best);
  }
}

function oneRow(row: usize, count: i32, maxima: usize): void {
  const bytes = (<usize>count) << 2;
  const whole = bytes & ~15;
  let i: usize = 0;
  for (; i < whole; i += 16) v128.store(maxima + i, f32x4.pmax(v128.load(maxima + i), v128.load(row + i)));
  for (; i < bytes; i += 4) store<f32>(maxima + i, larger(load<f32>(maxima + i), load<f32>(row + i)));
}

/**
 * The same for a head with the classes of an anchor side by side ("transposed" layout).
 *
 * @param scores f32: class 0 of anchor 0
 * @param stride bytes from an anchor to the next
 */
export function maximaOfColumns(scores: usize, stride: usize, classes: i32, anchors: i32, maxima: usize): void {
  const bytes = (<usize>classes) << 2;
  const whole = bytes & ~15;
  for (let anchor = 0; anchor < anchors; anchor++, scores += stride) {
    let four = f32x4.splat(0);
    let i: usize = 0;
    for (; i < whole; i += 16) four = f32x4.pmax(four, v128.load(scores + i));
    let best = larger(
      larger(f32x4.extract_lane(four, 0), f32x4.extract_lane(four, 1)),
      larger(f32x4.extract_lane(four, 2), f32x4.extract_lane(four, 3)),
    );
    for (; i < bytes; i += 4) best = larger(best, load<f32>(scores + i));
    store<f32>(maxima + ((<usize>anchor) << 2), best);
  }
}

/**
 * The first class with the best finite score of one anchor, -1 when it has none.
 *
 * @param scores f32: class 0 of the anchor
 * @param stride bytes from a class to the next
 */
export function bestClass(scores: usize, stride: usize, classes: i32): i32 {
  let best: f32 = -Infinity;
  let found = -1;
  for (let c = 0; c < classes; c++, scores += stride) {
    const score = load<f32>(scores);
    if (score > best && score < Infinity) {
      best = score;
      found = c;
    }
  }
  return found;
}

function larger(a: f32, b: f32): f32 {
  return a < b ? b : a;
}
