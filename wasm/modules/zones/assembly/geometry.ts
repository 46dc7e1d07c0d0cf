// Points, lines and polygons. Coordinates are shares of the picture, 0 to 1, x to the right and y down; points lie as
// f64 x, f64 y one after the other.

const POINT: usize = 16;

/**
 * Whether a point lies in a polygon, by counting the edges to its right (Shimrat, 1962; Franklin's half-open form: a point
 * on an edge that two polygons share is in one of them).
 */
export function isInside(points: usize, count: i32, x: f64, y: f64): bool {
  let inside = false;
  let before = points + <usize>(count - 1) * POINT;
  let beforeX = load<f64>(before);
  let beforeY = load<f64>(before, 8);
  for (let i = 0, at = points; i < count; i++, at += POINT) {
    const hereX = load<f64>(at);
    const hereY = load<f64>(at, 8);
    if (hereY > y != beforeY > y && x < ((beforeX - hereX) * (y - hereY)) / (beforeY - hereY) + hereX) inside = !inside;
    beforeX = hereX;
    beforeY = hereY;
  }
  return inside;
}

/**
 * How often, on balance, the way from (fromX, fromY) to (toX, toY) crosses a line of some points from its left to its right, seen
 * from the first point to the last: +1, -1, 0, and more for a line that bends.
 *
 * Two segments cross when each has its ends on both sides of the other (O'Rourke, Computational Geometry in C, 1.5). A point on
 * the line counts as right of it, everywhere alike: however an object trembles on the line, the sum of its crossings says on
 * which side it is.
 */
export function crossings(points: usize, count: i32, fromX: f64, fromY: f64, toX: f64, toY: f64): i32 {
  let sum = 0;
  let ax = load<f64>(points);
  let ay = load<f64>(points, 8);
  let isRight = isRightOf(fromX, fromY, toX, toY, ax, ay);
  for (let i = 1, at = points + POINT; i < count; i++, at += POINT) {
    const bx = load<f64>(at);
    const by = load<f64>(at, 8);
    const wasRight = isRight;
    isRight = isRightOf(fromX, fromY, toX, toY, bx, by);
    if (wasRight != isRight) {
      const after = isRightOf(ax, ay, bx, by, toX, toY);
      if (after != isRightOf(ax, ay, bx, by, fromX, fromY)) sum += after ? 1 : -1;
    }
    ax = bx;
    ay = by;
  }
  return sum;
}

/** Whether a point is right of the line from a to b, or on it. */
function isRightOf(ax: f64, ay: f64, bx: f64, by: f64, x: f64, y: f64): bool {
  return (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0;
}

/** How far a point is from a line of some points, in heights of the picture. `aspect`: its width / height. */
export function distanceTo(points: usize, count: i32, x: f64, y: f64, aspect: f64): f64 {
  let nearest = Infinity;
  for (let i = 1, at = points + POINT; i < count; i++, at += POINT) {
    const ax = load<f64>(at - POINT) * aspect;
    const ay = load<f64>(at - POINT, 8);
    const dx = load<f64>(at) * aspect - ax;
    const dy = load<f64>(at, 8) - ay;
    const length = dx * dx + dy * dy;
    const along = length > 0 ? ((x * aspect - ax) * dx + (y - ay) * dy) / length : 0;
    const share = Math.min(1, Math.max(0, along));
    const offX = x * aspect - ax - share * dx;
    const offY = y - ay - share * dy;
    nearest = Math.min(nearest, offX * offX + offY * offY);
  }
  return Math.sqrt(nearest);
}
