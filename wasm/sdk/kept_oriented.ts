// Non-maximum suppression of oriented boxes, as nms.ts does it for upright ones. Nothing is allocated after the constructor.

import { ANY_CLASS } from "./nms";
import { Gaussian, ORIENTED_FIELDS, polygonIou, probIouAbove, probIouLimit } from "./oriented";

export namespace Overlap {
  /** probIou: as the training framework of YOLO-OBB. */
  export const Probabilistic: u32 = 1;
  /** polygonIou: the exact one. */
  export const Polygon: u32 = 2;
}

/** The kept boxes of one frame. */
@final
export class KeptOriented {
  private readonly boxes: StaticArray<f64>;
  private readonly classes: StaticArray<i32>;
  private readonly gaussians: StaticArray<Gaussian>;
  private readonly offered: Gaussian = new Gaussian();
  private overlap: u32 = Overlap.Probabilistic;
  private threshold: f64 = 0;
  private limit: f64 = 0;
  private length: i32 = 0;

  /** `capacity` boxes at most. */
  constructor(private readonly capacity: i32) {
    this.boxes = new StaticArray<f64>(capacity * ORIENTED_FIELDS);
    this.classes = new StaticArray<i32>(capacity);
    this.gaussians = new StaticArray<Gaussian>(capacity);
    for (let i = 0; i < capacity; i++) this.gaussians[i] = new Gaussian();
  }

  get count(): i32 {
    return this.length;
  }

  get full(): bool {
    return this.length >= this.capacity;
  }

  clear(): void {
    this.length = 0;
  }

  /** How overlap is measured (one of Overlap), and the overlap (0..1) above which a kept box covers another. */
  measure(overlap: u32, threshold: f64): void {
    this.overlap = overlap;
    this.threshold = threshold;
    this.limit = probIouLimit(threshold);
  }

  /** Keeps a box: pixels, radians. The caller must have looked at `full`. */
  add(x: f64, y: f64, width: f64, height: f64, angle: f64, classId: i32): void {
    const at = this.length * ORIENTED_FIELDS;
    this.boxes[at] = x;
    this.boxes[at + 1] = y;
    this.boxes[at + 2] = width;
    this.boxes[at + 3] = height;
    this.boxes[at + 4] = angle;
    this.classes[this.length] = classId;
    this.gaussians[this.length].set(x, y, width, height, angle);
    this.length++;
  }

  /** Whether a kept box of this class (ANY_CLASS: of any) overlaps this box by more than the threshold. */
  covers(x: f64, y: f64, width: f64, height: f64, angle: f64, classId: i32): bool {
    const isPolygon = this.overlap == Overlap.Polygon;
    if (!isPolygon) this.offered.set(x, y, width, height, angle);
    for (let i = 0; i < this.length; i++) {
      if (classId != ANY_CLASS && unchecked(this.classes[i]) != classId) continue;
      if (isPolygon) {
        if (this.polygonIouWith(i, x, y, width, height, angle) > this.threshold) return true;
      } else if (probIouAbove(unchecked(this.gaussians[i]), this.offered, this.limit)) return true;
    }
    return false;
  }

  private polygonIouWith(index: i32, x: f64, y: f64, width: f64, height: f64, angle: f64): f64 {
    const at = index * ORIENTED_FIELDS;
    return polygonIou(
      unchecked(this.boxes[at]),
      unchecked(this.boxes[at + 1]),
      unchecked(this.boxes[at + 2]),
      unchecked(this.boxes[at + 3]),
      unchecked(this.boxes[at + 4]),
      x,
      y,
      width,
      height,
      angle,
    );
  }
}
