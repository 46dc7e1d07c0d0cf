// Oriented boxes: centre, width, height in pixels, and an angle in radians, clockwise on screen (y down), about the centre.
//
// Two measures of overlap. `polygonIou` is the exact one: the boxes' common area over their joint area. `probIou` takes the boxes
// for Gaussian distributions and compares those (Llerena, Zeni, Kristen, Jung: "Gaussian bounding boxes and probabilistic
// intersection-over-union for object detection", 2021), as the training framework of YOLO-OBB does.

/** Numbers of a box in an array of oriented boxes: x, y, width, height, angle. */
export const ORIENTED_FIELDS: i32 = 5;

const EPSILON: f64 = 1e-7;
/** A rectangle cut by four half-planes has at most eight corners. */
const MOST_CORNERS: i32 = 8;

const subject = new StaticArray<f64>(2 * MOST_CORNERS + 2);
const clipped = new StaticArray<f64>(2 * MOST_CORNERS + 2);
const window = new StaticArray<f64>(8);

/**
 * Intersection over union of two rotated rectangles, 0..1; 0 when one of them is empty.
 * The first is cut by the sides of the second (Sutherland and Hodgman, 1974), in f64, in the first's own coordinates.
 */
export function polygonIou(
  x1: f64,
  y1: f64,
  width1: f64,
  height1: f64,
  angle1: f64,
  x2: f64,
  y2: f64,
  width2: f64,
  height2: f64,
  angle2: f64,
): f64 {
  const area1 = width1 * height1;
  const area2 = width2 * height2;
  const dx = x2 - x1;
  const dy = y2 - y1;
  const reach = halfDiagonal(width1, height1) + halfDiagonal(width2, height2);
  if (!(area1 > 0 && area2 > 0) || !(dx * dx + dy * dy < reach * reach)) return 0;
  // About the first centre: small numbers keep their precision.
  corners(subject, 0, 0, width1, height1, angle1);
  corners(window, dx, dy, width2, height2, angle2);
  let count = 4;
  for (let side = 0; side < 4 && count > 0; side++) count = cut(side, count);
  const overlap = min(areaOf(count), min(area1, area2));
  return overlap / (area1 + area2 - overlap);
}

/** Half the diagonal of a rectangle: nothing of it is further from its centre. */
function halfDiagonal(width: f64, height: f64): f64 {
  return 0.5 * Math.sqrt(width * width + height * height);
}

/** Clockwise on screen, from the corner that is left above without rotation. */
function corners(to: StaticArray<f64>, x: f64, y: f64, width: f64, height: f64, angle: f64): void {
  const cos = Math.cos(angle) * 0.5;
  const sin = Math.sin(angle) * 0.5;
  const ax = width * cos;
  const ay = width * sin;
  const bx = -height * sin;
  const by = height * cos;
  corner(to, 0, x - ax - bx, y - ay - by);
  corner(to, 1, x + ax - bx, y + ay - by);
  corner(to, 2, x + ax + bx, y + ay + by);
  corner(to, 3, x - ax + bx, y - ay + by);
}

function corner(to: StaticArray<f64>, index: i32, x: f64, y: f64): void {
  unchecked((to[index << 1] = x));
  unchecked((to[(index << 1) + 1] = y));
}

/** Keeps the part of `subject` on the inner side of one side of `window`; its number of corners. */
function cut(side: i32, count: i32): i32 {
  const next = (side + 1) & 3;
  const px = unchecked(window[side << 1]);
  const py = unchecked(window[(side << 1) + 1]);
  const sx = unchecked(window[next << 1]) - px;
  const sy = unchecked(window[(next << 1) + 1]) - py;
  let kept = 0;
  let fromX = unchecked(subject[(count - 1) << 1]);
  let fromY = unchecked(subject[((count - 1) << 1) + 1]);
  let from = sx * (fromY - py) - sy * (fromX - px);
  for (let i = 0; i < count; i++) {
    const toX = unchecked(subject[i << 1]);
    const toY = unchecked(subject[(i << 1) + 1]);
    const to = sx * (toY - py) - sy * (toX - px);
    if (from >= 0 != to >= 0 && kept < MOST_CORNERS) {
      const part = from / (from - to);
      corner(clipped, kept++, fromX + part * (toX - fromX), fromY + part * (toY - fromY));
    }
    if (to >= 0 && kept < MOST_CORNERS) corner(clipped, kept++, toX, toY);
    fromX = toX;
    fromY = toY;
    from = to;
  }
  memory.copy(changetype<usize>(subject), changetype<usize>(clipped), (<usize>kept) << 4);
  return kept;
}

/** Area of `subject` (shoelace formula). */
function areaOf(count: i32): f64 {
  let twice: f64 = 0;
  for (let i = 0; i < count; i++) {
    const next = i + 1 < count ? i + 1 : 0;
    twice += unchecked(subject[i << 1]) * unchecked(subject[(next << 1) + 1]);
    twice -= unchecked(subject[next << 1]) * unchecked(subject[(i << 1) + 1]);
  }
  return Math.abs(twice) * 0.5;
}

/** A box as a Gaussian: centre, and the covariance a, b on the diagonal and c beside it. */
@final
export class Gaussian {
  x: f64 = 0;
  y: f64 = 0;
  a: f64 = 0;
  b: f64 = 0;
  c: f64 = 0;

  /** Becomes the Gaussian of a box. */
  set(x: f64, y: f64, width: f64, height: f64, angle: f64): void {
    const along = (width * width) / 12;
    const across = (height * height) / 12;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    this.x = x;
    this.y = y;
    this.a = along * cos * cos + across * sin * sin;
    this.b = along * sin * sin + across * cos * cos;
    this.c = (along - across) * cos * sin;
  }
}

/** Probabilistic IoU of two boxes, 0..1: 1 - the Hellinger distance of their Gaussians. */
export function probIou(one: Gaussian, other: Gaussian): f64 {
  const distance = shift(one, other) + spread(one, other);
  const bhattacharyya = min(max(distance, EPSILON), 100);
  return 1 - Math.sqrt(1 - Math.exp(-bhattacharyya) + EPSILON);
}

/** Whether probIou is above `threshold`; `limit` is probIouLimit(threshold). Faster: far boxes need no logarithm. */
export function probIouAbove(one: Gaussian, other: Gaussian, limit: f64): bool {
  const far = shift(one, other);
  return far < limit && far + spread(one, other) < limit;
}

/** The Bhattacharyya distance below which probIou is above `threshold` (0..1). */
export function probIouLimit(threshold: f64): f64 {
  const hellinger = 1 - threshold;
  const inner = 1 + EPSILON - hellinger * hellinger;
  if (inner >= 1) return EPSILON;
  // Distances are cut at 100: a threshold of 0 is passed by all pairs that are nearer.
  return inner <= 0 ? 100 : min(-Math.log(inner), 100);
}

/** The part of the Bhattacharyya distance that comes from the centres: 0 or more. */
function shift(one: Gaussian, other: Gaussian): f64 {
  const a = one.a + other.a;
  const b = one.b + other.b;
  const c = one.c + other.c;
  const dx = one.x - other.x;
  const dy = one.y - other.y;
  const determinant = a * b - c * c + EPSILON;
  return (0.25 * (a * dy * dy + b * dx * dx) - 0.5 * c * dx * dy) / determinant;
}

/** The part that comes from size and angle. */
function spread(one: Gaussian, other: Gaussian): f64 {
  const a = one.a + other.a;
  const b = one.b + other.b;
  const c = one.c + other.c;
  const own = max(one.a * one.b - one.c * one.c, 0);
  const others = max(other.a * other.b - other.c * other.c, 0);
  return 0.5 * Math.log((a * b - c * c) / (4 * Math.sqrt(own * others) + EPSILON) + EPSILON);
}
