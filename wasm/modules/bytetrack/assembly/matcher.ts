// One matching of ByteTrack: some tracks against some detections, by how much their boxes overlap.

import { Frame, iou, ObjectRecord, polygonIou } from "../../../sdk";
import { Assignment } from "./assignment";
import { Track, TrackPool } from "./track";

@final
export class Matcher {
  /** Indices of tracks and of detections that take part. */
  readonly tracks: StaticArray<i32>;
  readonly detections: StaticArray<i32>;
  trackCount: i32 = 0;
  detectionCount: i32 = 0;
  private readonly assignment: Assignment;
  // The detections' boxes and scores, one after the other.
  private readonly lefts: StaticArray<f64>;
  private readonly tops: StaticArray<f64>;
  private readonly rights: StaticArray<f64>;
  private readonly bottoms: StaticArray<f64>;
  private readonly scores: StaticArray<f64>;
  private readonly classes: StaticArray<i32>;
  /** One of the detections has an angle. */
  private turned: bool = false;

  constructor(
    private readonly pool: TrackPool,
    maxTracks: i32,
    maxDetections: i32,
  ) {
    this.tracks = new StaticArray<i32>(maxTracks);
    this.detections = new StaticArray<i32>(maxDetections);
    this.assignment = new Assignment(maxTracks, maxDetections);
    this.lefts = new StaticArray<f64>(maxDetections);
    this.tops = new StaticArray<f64>(maxDetections);
    this.rights = new StaticArray<f64>(maxDetections);
    this.bottoms = new StaticArray<f64>(maxDetections);
    this.scores = new StaticArray<f64>(maxDetections);
    this.classes = new StaticArray<i32>(maxDetections);
  }

  addTrack(index: i32): void {
    this.tracks[this.trackCount++] = index;
  }

  addDetection(index: i32, object: ObjectRecord): void {
    const i = this.detectionCount++;
    this.detections[i] = index;
    this.lefts[i] = <f64>object.left;
    this.tops[i] = <f64>object.top;
    this.rights[i] = <f64>object.left + <f64>object.width;
    this.bottoms[i] = <f64>object.top + <f64>object.height;
    this.scores[i] = <f64>object.confidence;
    this.classes[i] = object.classId;
    if (object.angle != 0) this.turned = true;
  }

  clear(): void {
    this.trackCount = 0;
    this.detectionCount = 0;
    this.turned = false;
  }

  /**
   * Finds the best pairs. The distance of a pair is 1 - IoU, or 1 - IoU x score when `weighted`; a pair must be nearer
   * than `threshold`, and of one class unless `classAgnostic`.
   */
  match(frame: Frame, threshold: f64, weighted: bool, classAgnostic: bool): void {
    this.assignment.begin(this.trackCount, this.detectionCount);
    for (let row = 0; row < this.trackCount; row++) this.compare(row, frame, threshold, weighted, classAgnostic);
    this.assignment.solve();
  }

  /** After match(): the detection of the track in this row, -1 for none. */
  detectionOf(row: i32): i32 {
    const column = this.assignment.columnOf[row];
    return column < 0 ? -1 : this.detections[column];
  }

  private compare(row: i32, frame: Frame, threshold: f64, weighted: bool, classAgnostic: bool): void {
    const track = this.pool.at(this.tracks[row]);
    const left = track.left;
    const top = track.top;
    const right = left + track.width;
    const bottom = top + track.height;
    const oriented = this.turned || track.oriented != 0;
    for (let column = 0; column < this.detectionCount; column++) {
      const l = unchecked(this.lefts[column]);
      const r = unchecked(this.rights[column]);
      // Most pairs are nowhere near each other. A turned box reaches out of its upright one.
      if (!oriented && (l >= right || r <= left)) continue;
      if (!classAgnostic && unchecked(this.classes[column]) != track.classId) continue;
      let similarity = oriented
        ? similarityOf(track, frame.object(unchecked(this.detections[column])))
        : iou(left, top, right, bottom, l, unchecked(this.tops[column]), r, unchecked(this.bottoms[column]));
      if (weighted) similarity *= unchecked(this.scores[column]);
      const benefit = threshold - (1 - similarity);
      if (similarity > 0 && benefit > 0) this.assignment.set(row, column, benefit);
    }
  }
}

/** IoU of a track, where it is expected, and an object. */
export function similarityOf(track: Track, object: ObjectRecord): f64 {
  if (track.oriented || object.angle != 0) return turnedSimilarityOf(track, object);
  const l = <f64>object.left;
  const t = <f64>object.top;
  return iou(
    track.left,
    track.top,
    track.left + track.width,
    track.top + track.height,
    l,
    t,
    l + <f64>object.width,
    t + <f64>object.height,
  );
}

function turnedSimilarityOf(track: Track, object: ObjectRecord): f64 {
  const width = <f64>object.width;
  const height = <f64>object.height;
  const x = <f64>object.left + width / 2;
  const y = <f64>object.top + height / 2;
  return polygonIou(track.x, track.y, track.width, track.height, track.angle, x, y, width, height, <f64>object.angle);
}

/** IoU of two tracks. */
export function overlapOf(a: Track, b: Track): f64 {
  if (a.oriented || b.oriented) {
    return polygonIou(a.x, a.y, a.width, a.height, a.angle, b.x, b.y, b.width, b.height, b.angle);
  }
  return iou(a.left, a.top, a.left + a.width, a.top + a.height, b.left, b.top, b.left + b.width, b.top + b.height);
}
