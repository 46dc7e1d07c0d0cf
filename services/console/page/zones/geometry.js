/**
 * Points of zones, as pure functions. A point is [x, y] in shares of the picture, 0 to 1, x to the right and y down
 * (docs/reference/zones.md).
 */

/** @typedef {readonly [x: number, y: number]} Point */
/** @typedef {"line" | "region"} ZoneType */

/** As many as the configuration takes. */
export const MOST_POINTS = 64;

/**
 * Fewest points of a type.
 * @param {ZoneType} type
 */
export function fewest(type) {
  return type === "region" ? 3 : 2;
}

/** @param {number} value */
function share(value) {
  return Math.round(Math.min(1, Math.max(0, value)) * 10_000) / 10_000;
}

/**
 * Inside of the picture, and no finer than a tenth of a thousandth: below a pixel of any stream.
 * @param {Point} point
 * @returns {Point}
 */
export function inPicture([x, y]) {
  return [share(x), share(y)];
}

/**
 * @param {readonly Point[]} points
 * @param {number} at
 * @param {Point} point
 * @returns {Point[]}
 */
export function withPoint(points, at, point) {
  return points.with(at, inPicture(point));
}

/**
 * Moves the whole without changing its shape: it stops at the border of the picture.
 * @param {readonly Point[]} points
 * @param {number} dx
 * @param {number} dy
 * @returns {Point[]}
 */
export function moved(points, dx, dy) {
  const within = (/** @type {number} */ by, /** @type {number[]} */ values) =>
    Math.min(1 - Math.max(...values), Math.max(-Math.min(...values), by));
  const x = within(
    dx,
    points.map((point) => point[0]),
  );
  const y = within(
    dy,
    points.map((point) => point[1]),
  );
  return points.map((point) => inPicture([point[0] + x, point[1] + y]));
}

/**
 * The middles of the sides, where a point can be put in: entry i lies between points i and i + 1.
 * @param {readonly Point[]} points
 * @param {ZoneType} type a region has a side from its last point to its first
 * @returns {Point[]}
 */
export function middles(points, type) {
  const sides = type === "region" ? points.length : points.length - 1;
  return Array.from({ length: Math.max(0, sides) }, (_, i) => {
    const [a, b] = [/** @type {Point} */ (points[i]), /** @type {Point} */ (points[(i + 1) % points.length])];
    return inPicture([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
  });
}

/**
 * The points without one; unchanged when a type needs them all.
 * @param {readonly Point[]} points
 * @param {number} at
 * @param {ZoneType} type
 * @returns {readonly Point[]}
 */
export function withoutPoint(points, at, type) {
  return points.length > fewest(type) ? points.toSpliced(at, 1) : points;
}

/**
 * Where a new zone lies that nobody drew: in the middle.
 * @param {ZoneType} type
 * @returns {Point[]}
 */
export function inTheMiddle(type) {
  if (type === "line")
    return [
      [0.3, 0.6],
      [0.7, 0.6],
    ];
  return [
    [0.35, 0.4],
    [0.65, 0.4],
    [0.65, 0.7],
    [0.35, 0.7],
  ];
}

/**
 * The arrow that says which way is "in": from the middle of the line's way to its right, looking along its points.
 * @param {readonly Point[]} points in pixels
 * @param {number} length pixels
 * @returns {{ from: Point, to: Point } | undefined} undefined: the line has no length
 */
export function inArrow(points, length) {
  const sides = points.slice(1).map((to, i) => {
    const from = /** @type {Point} */ (points[i]);
    return { from, dx: to[0] - from[0], dy: to[1] - from[1], length: Math.hypot(to[0] - from[0], to[1] - from[1]) };
  });
  const whole = sides.reduce((sum, side) => sum + side.length, 0);
  let left = whole / 2;
  for (const side of sides) {
    if (left > side.length || side.length === 0) {
      left -= side.length;
      continue;
    }
    const [ux, uy] = [side.dx / side.length, side.dy / side.length];
    const x = side.from[0] + ux * left;
    const y = side.from[1] + uy * left;
    return { from: [x, y], to: [x - uy * length, y + ux * length] };
  }
  return undefined;
}

/**
 * The middle of a shape's box: a place for its name.
 * @param {readonly Point[]} points
 * @returns {Point}
 */
export function centre(points) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}

/**
 * A name that the camera's zones do not have yet: "line 1", "region 2".
 * @param {ZoneType} type
 * @param {readonly string[]} names
 */
export function freshName(type, names) {
  let number = 1;
  while (names.includes(`${type} ${number}`)) number += 1;
  return `${type} ${number}`;
}
