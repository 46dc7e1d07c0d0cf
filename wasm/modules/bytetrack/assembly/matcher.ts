// One matching of ByteTrack: some tracks against some detections, by how much their boxes overlap.

import { Frame, iou, ObjectRecord } from "../../../sdk";
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

  constructor(
    private readonly pool: TrackPool,
    maxTracks: i32,
    maxDetections: i32,
  ) {
    this.tracks = new StaticArray<i32>(maxTracks);
    this.detections = new StaticArray<i32>(maxDetections);
    this.assignment = new Assignment(maxTracks, maxDetections);
  }

  addTrack(index: i32): void {
    this.tracks[this.trackCount++] = index;
  }

  addDetection(index: i32): void {
    this.detections[this.detectionCount++] = index;
  }

  clear(): void {
    this.trackCount = 0;
    this.detectionCount = 0;
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
    for (let column = 0; column < this.detectionCount; column++) {
      const object = frame.object(unchecked(this.detections[column]));
      if (!classAgnostic && object.classId != track.classId) continue;
      const l = <f64>object.left;
      const t = <f64>object.top;
      let similarity = iou(left, top, right, bottom, l, t, l + <f64>object.width, t + <f64>object.height);
      if (weighted) similarity *= <f64>object.confidence;
      const benefit = threshold - (1 - similarity);
      if (similarity > 0 && benefit > 0) this.assignment.set(row, column, benefit);
    }
  }
}

/** IoU of a track, where it is expected, and an object. */
export function similarityOf(track: Track, object: ObjectRecord): f64 {
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

/** IoU of two tracks. */
export function overlapOf(a: Track, b: Track): f64 {
  return iou(a.left, a.top, a.left + a.width, a.top + a.height, b.left, b.top, b.left + b.width, b.top + b.height);
}
