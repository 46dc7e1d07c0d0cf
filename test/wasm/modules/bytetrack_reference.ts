// ByteTrack as its paper and its authors describe it, with full matrices and another way to solve the assignment, to
// compare the module with. Slow and plain on purpose.

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
  confidence: number;
  classId: number;
  /** Radians, clockwise; absent: 0. */
  angle?: number;
}

export interface Settings {
  high: number;
  low: number;
  begin: number;
  match: number;
  buffer: number;
  agnostic: boolean;
  memory: number;
}

export const DEFAULTS: Settings = {
  high: 0.5,
  low: 0.1,
  begin: 0.6,
  match: 0.8,
  buffer: 30,
  agnostic: false,
  memory: 30,
};

type Matrix = number[][];

// Centre x, centre y, aspect, height, angle; then the velocity of each.
const STEP = matrix(10, 10, (i, j) => (i === j || j === i + 5 ? 1 : 0));
const MEASURE = matrix(5, 10, (i, j) => (i === j ? 1 : 0));

interface Track {
  id: number;
  mean: number[];
  covariance: Matrix;
  classId: number;
  state: "tentative" | "tracked" | "lost";
  began: number;
  lastSeen: number;
  detection: number;
  oriented: boolean;
  /** Class and confidence of every detection so far. */
  seen: { classId: number; confidence: number }[];
}

/** One source. */
export class ReferenceTracker {
  readonly #settings: Settings;
  #tracks: Track[] = [];
  #frame = 0;
  #ids = 0;

  constructor(settings: Partial<Settings> = {}) {
    this.#settings = { ...DEFAULTS, ...settings };
  }

  /** The id of each box; undefined where it has none. */
  update(boxes: readonly Box[]): (number | undefined)[] {
    const { high, low, begin, match, buffer } = this.#settings;
    this.#frame++;
    for (const track of this.#tracks) this.#predict(track);
    const indices = boxes.map((_, i) => i);
    const strong = indices.filter((i) => boxes[i]!.confidence >= high);
    const weak = indices.filter((i) => boxes[i]!.confidence >= low && boxes[i]!.confidence < high);

    const known = this.#tracks.filter((track) => track.state !== "tentative");
    const first = this.#match(known, strong, boxes, match, true);
    const waiting = known.filter((track) => track.state === "tracked" && !first.tracks.has(track));
    const second = this.#match(waiting, weak, boxes, 0.5, false);
    for (const track of waiting) if (!second.tracks.has(track)) track.state = "lost";

    const left = strong.filter((i) => !first.boxes.has(i));
    const tentative = this.#tracks.filter((track) => track.state === "tentative");
    const third = this.#match(tentative, left, boxes, 0.7, true);
    this.#tracks = this.#tracks.filter((track) => track.state !== "tentative" || third.tracks.has(track));
    for (const i of left) {
      if (!third.boxes.has(i) && boxes[i]!.confidence >= begin) this.#tracks.push(this.#begin(boxes[i]!, i));
    }
    this.#tracks = this.#tracks.filter((track) => track.state !== "lost" || this.#frame - track.lastSeen <= buffer);
    this.#dropDuplicates();
    return indices.map((i) => this.#trackOf(i)?.id);
  }

  /** The class of the track that has detection `i` of the last frame. */
  classOf(i: number): number | undefined {
    return this.#trackOf(i)?.classId;
  }

  #trackOf(i: number): Track | undefined {
    return this.#tracks.find((t) => t.state === "tracked" && t.detection === i && t.lastSeen === this.#frame);
  }

  #predict(track: Track): void {
    if (track.state === "lost") track.mean[8] = track.mean[9] = 0;
    const height = track.mean[3]!;
    const noise = diagonal([
      p(height),
      p(height),
      1e-2,
      p(height),
      0.035,
      v(height),
      v(height),
      1e-5,
      v(height),
      0.0044,
    ]);
    track.mean = multiply(STEP, column(track.mean)).map((row) => row[0]!);
    track.covariance = add(multiply(multiply(STEP, track.covariance), transpose(STEP)), noise);
  }

  #correct(track: Track, box: Box): void {
    const height = track.mean[3]!;
    const projected = add(
      multiply(multiply(MEASURE, track.covariance), transpose(MEASURE)),
      diagonal([p(height), p(height), 1e-1, p(height), 0.087]),
    );
    const gain = multiply(multiply(track.covariance, transpose(MEASURE)), inverse(projected));
    const innovation = nearest(measure(box), track).map((value, i) => value - track.mean[i]!);
    track.mean = track.mean.map((value, i) => value + gain[i]!.reduce((sum, g, k) => sum + g * innovation[k]!, 0));
    track.mean[4] = track.mean[4]! - 2 * Math.PI * Math.round(track.mean[4]! / (2 * Math.PI));
    const change = multiply(multiply(gain, projected), transpose(gain));
    track.covariance = track.covariance.map((row, i) => row.map((value, k) => value - change[i]![k]!));
  }

  #begin(box: Box, detection: number): Track {
    const { height } = box;
    const deviations = [
      2 * p(height),
      2 * p(height),
      1e-2,
      2 * p(height),
      2 * 0.087,
      10 * v(height),
      10 * v(height),
      1e-5,
      10 * v(height),
      10 * 0.0044,
    ];
    const track: Track = {
      id: 0,
      mean: [...measure(box), 0, 0, 0, 0, 0],
      covariance: diagonal(deviations),
      classId: box.classId,
      state: "tentative",
      began: this.#frame,
      lastSeen: this.#frame,
      detection,
      oriented: (box.angle ?? 0) !== 0,
      seen: [{ classId: box.classId, confidence: box.confidence }],
    };
    if (this.#frame === 1) this.#confirm(track);
    return track;
  }

  #confirm(track: Track): void {
    track.id ||= ++this.#ids;
    track.state = "tracked";
  }

  #match(tracks: Track[], indices: number[], boxes: readonly Box[], threshold: number, weighted: boolean) {
    const benefits = tracks.map((track) =>
      indices.map((i) => {
        const box = boxes[i]!;
        if (!this.#settings.agnostic && box.classId !== track.classId) return 0;
        const overlap = track.oriented || box.angle ? turnedIou(boxOf(track), box) : iou(boxOf(track), box);
        const similarity = overlap * (weighted ? box.confidence : 1);
        return similarity > 0 ? threshold - (1 - similarity) : 0;
      }),
    );
    const columns = bestAssignment(benefits, indices.length);
    const matched = { tracks: new Set<Track>(), boxes: new Set<number>() };
    // In the order of the tracks: ids are given as they are confirmed.
    columns.forEach((k, row) => {
      if (k === undefined) return;
      const track = tracks[row]!;
      const i = indices[k]!;
      this.#correct(track, boxes[i]!);
      this.#confirm(track);
      const { classId, confidence, angle = 0 } = boxes[i]!;
      track.seen.push({ classId, confidence });
      track.classId = this.#settings.agnostic ? elected(track, this.#settings.memory) : classId;
      Object.assign(track, { lastSeen: this.#frame, detection: i, oriented: track.oriented || angle !== 0 });
      matched.tracks.add(track);
      matched.boxes.add(i);
    });
    return matched;
  }

  #dropDuplicates(): void {
    const gone = new Set<Track>();
    for (const a of this.#tracks.filter((track) => track.state === "tracked")) {
      for (const b of this.#tracks.filter((track) => track.state === "lost")) {
        const classes = this.#settings.agnostic || a.classId === b.classId;
        const overlap = a.oriented || b.oriented ? turnedIou : iou;
        if (!classes || gone.has(a) || gone.has(b) || overlap(boxOf(a), boxOf(b)) <= 0.85) continue;
        gone.add(a.lastSeen - a.began > b.lastSeen - b.began ? b : a);
      }
    }
    this.#tracks = this.#tracks.filter((track) => !gone.has(track));
  }
}

const p = (height: number) => height / 20;
const v = (height: number) => height / 160;

function measure({ left, top, width, height, angle = 0 }: Box): number[] {
  return [left + width / 2, top + height / 2, width / height, height, angle];
}

/** Of all descriptions of the measured box (half turns, and quarter turns with swapped sides) the one most like the track's. */
function nearest(measured: number[], { mean, oriented }: Track): number[] {
  const [x, y, aspect, height, angle] = measured as [number, number, number, number, number];
  if (!oriented && angle === 0) return measured;
  const unlikeness = ([, , a, , t]: number[]) => ((t! - mean[4]!) / (Math.PI / 4)) ** 2 + Math.log2(a! / mean[2]!) ** 2;
  return Array.from({ length: 17 }, (_, i) => i - 8)
    .map((turns) =>
      turns % 2 === 0
        ? [x, y, aspect, height, angle + (turns * Math.PI) / 2]
        : [x, y, 1 / aspect, aspect * height, angle + (turns * Math.PI) / 2],
    )
    .reduce((best, other) => (unlikeness(other) < unlikeness(best) ? other : best));
}

/** The class with the most votes, but for the one that the track has, which leads until another one is a quarter ahead. */
function elected({ seen, classId }: Track, memory: number): number {
  const votes = new Map<number, number>();
  seen.forEach((one, i) => {
    const weight = one.confidence * (1 - 1 / memory) ** (seen.length - 1 - i);
    votes.set(one.classId, (votes.get(one.classId) ?? 0) + weight);
  });
  const challenger = seen.at(-1)!.classId;
  return votes.get(challenger)! > 1.25 * (votes.get(classId) ?? 0) ? challenger : classId;
}

function boxOf({ mean }: Track): Omit<Box, "confidence" | "classId"> {
  const [x, y, aspect, height, angle] = mean as [number, number, number, number, number];
  return { left: x - (aspect * height) / 2, top: y - height / 2, width: aspect * height, height, angle };
}

type Point = [number, number];

/** Corners inside of the other box and crossings of the sides, put in order about their middle. */
export function turnedIou(a: Omit<Box, "confidence" | "classId">, b: Omit<Box, "confidence" | "classId">): number {
  const [first, second] = [cornersOf(a), cornersOf(b)];
  const points = [
    ...first.filter((corner) => isIn(corner, second)),
    ...second.filter((corner) => isIn(corner, first)),
    ...sidesOf(first).flatMap((side) => sidesOf(second).flatMap((other) => meeting(side, other))),
  ];
  if (points.length < 3) return 0;
  const middle = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis]!, 0) / points.length);
  const angleOf = ([x, y]: Point) => Math.atan2(y - middle[1]!, x - middle[0]!);
  const ring = points.sort((p1, p2) => angleOf(p1) - angleOf(p2));
  const overlap = Math.abs(sidesOf(ring).reduce((sum, [[ax, ay], [bx, by]]) => sum + ax * by - bx * ay, 0)) / 2;
  return overlap / (a.width * a.height + b.width * b.height - overlap);
}

function cornersOf({ left, top, width, height, angle = 0 }: Omit<Box, "confidence" | "classId">): Point[] {
  const [x, y] = [left + width / 2, top + height / 2];
  return [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ].map(([across, down]) => {
    const [dx, dy] = [(across! * width) / 2, (down! * height) / 2];
    return [x + dx * Math.cos(angle) - dy * Math.sin(angle), y + dx * Math.sin(angle) + dy * Math.cos(angle)];
  });
}

function sidesOf(corners: readonly Point[]): [Point, Point][] {
  return corners.map((corner, i) => [corner, corners[(i + 1) % corners.length]!]);
}

function isIn([x, y]: Point, corners: readonly Point[]): boolean {
  return sidesOf(corners).every(([[ax, ay], [bx, by]]) => (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0);
}

function meeting([[ax, ay], [bx, by]]: [Point, Point], [[cx, cy], [dx, dy]]: [Point, Point]): Point[] {
  const determinant = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx);
  if (determinant === 0) return [];
  const t = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / determinant;
  const u = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / determinant;
  return t >= 0 && t <= 1 && u >= 0 && u <= 1 ? [[ax + t * (bx - ax), ay + t * (by - ay)]] : [];
}

export function iou(a: Omit<Box, "confidence" | "classId">, b: Omit<Box, "confidence" | "classId">): number {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (a.width * a.height + b.width * b.height - width * height);
}

/**
 * The column of each row with the highest sum of positive benefits: begins with nobody paired and improves along the
 * best alternating path (Bellman-Ford) as long as there is one.
 */
export function bestAssignment(benefits: readonly (readonly number[])[], columns: number): (number | undefined)[] {
  const ofRow: (number | undefined)[] = benefits.map(() => undefined);
  for (;;) {
    const path = bestPath(benefits, columns, ofRow);
    if (!path) return ofRow;
    for (const { row, column } of path) ofRow[row] = column;
  }
}

/** Rows that change their column so that one more pair is made; undefined when that gains nothing. */
function bestPath(benefits: readonly (readonly number[])[], columns: number, ofRow: readonly (number | undefined)[]) {
  const gain = benefits.map((_, row) => (ofRow[row] === undefined ? 0 : Number.NEGATIVE_INFINITY));
  const before: ({ row: number; column: number } | undefined)[] = benefits.map(() => undefined);
  const owners = Array.from({ length: columns }, (_, column) => ofRow.indexOf(column));
  const owner = (column: number) => owners[column]!;
  for (let changed = true; changed; ) {
    changed = false;
    benefits.forEach((line, row) => {
      line.forEach((benefit, column) => {
        const next = owner(column);
        if (!(benefit > 0) || next < 0 || next === row || gain[row] === Number.NEGATIVE_INFINITY) return;
        const value = gain[row]! + benefit - benefits[next]![column]!;
        if (value <= gain[next]! + 1e-12) return;
        gain[next] = value;
        before[next] = { row, column };
        changed = true;
      });
    });
  }
  let best: { row: number; column: number; value: number } | undefined;
  benefits.forEach((line, row) => {
    // A row may also give its column up and stay alone at the end of the path.
    if (before[row] && gain[row]! > (best?.value ?? 1e-12)) best = { row, column: -1, value: gain[row]! };
    for (let column = 0; column < columns; column++) {
      if (!(line[column]! > 0) || owner(column) >= 0) continue;
      const value = gain[row]! + line[column]!;
      if (value > (best?.value ?? 1e-12)) best = { row, column, value };
    }
  });
  if (!best) return undefined;
  const path: { row: number; column: number | undefined }[] = [];
  let step: { row: number; column: number } | undefined = best;
  while (step) {
    path.push({ row: step.row, column: step.column < 0 ? undefined : step.column });
    step = before[step.row];
  }
  return path;
}

function matrix(rows: number, columns: number, value: (i: number, j: number) => number): Matrix {
  return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => value(i, j)));
}

function diagonal(deviations: readonly number[]): Matrix {
  return matrix(deviations.length, deviations.length, (i, j) => (i === j ? deviations[i]! ** 2 : 0));
}

function column(values: readonly number[]): Matrix {
  return values.map((value) => [value]);
}

function multiply(a: Matrix, b: Matrix): Matrix {
  return matrix(a.length, b[0]!.length, (i, j) => a[i]!.reduce((sum, value, k) => sum + value * b[k]![j]!, 0));
}

function add(a: Matrix, b: Matrix): Matrix {
  return matrix(a.length, a[0]!.length, (i, j) => a[i]![j]! + b[i]![j]!);
}

function transpose(a: Matrix): Matrix {
  return matrix(a[0]!.length, a.length, (i, j) => a[j]![i]!);
}

/** Gauss-Jordan with pivots. */
function inverse(a: Matrix): Matrix {
  const n = a.length;
  const work = a.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i; k < n; k++) if (Math.abs(work[k]![i]!) > Math.abs(work[pivot]![i]!)) pivot = k;
    [work[i], work[pivot]] = [work[pivot]!, work[i]!];
    const scale = work[i]![i]!;
    work[i] = work[i]!.map((value) => value / scale);
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const factor = work[k]![i]!;
      work[k] = work[k]!.map((value, j) => value - factor * work[i]![j]!);
    }
  }
  return work.map((row) => row.slice(n));
}
