// Non-maximum suppression of upright boxes: candidates are offered from the best to the worst, each is compared with
// those kept so far, four at a time. Nothing is allocated after the constructor.
//
//   kept.clear();
//   for (let rank = 0; rank < candidates.count && !kept.full; rank++) {
//     if (kept.covers(left, top, right, bottom, classId, 0.45)) continue;
//     kept.add(left, top, right, bottom, classId);
//   }

/** Instead of a class: boxes of any class suppress each other. */
export const ANY_CLASS: i32 = -1;

/** Lies far from every plausible box and has no area: never overlaps. */
const NOWHERE: f32 = -1e30;

/** The kept boxes of one frame. */
@final
export class Kept {
  private readonly lefts: usize;
  private readonly tops: usize;
  private readonly rights: usize;
  private readonly bottoms: usize;
  private readonly areas: usize;
  private readonly classes: usize;
  private length: i32 = 0;

  /** `capacity` boxes at most. */
  constructor(private readonly capacity: i32) {
    const bytes = (<usize>capacity + 7) << 2;
    this.lefts = heap.alloc(bytes);
    this.tops = heap.alloc(bytes);
    this.rights = heap.alloc(bytes);
    this.bottoms = heap.alloc(bytes);
    this.areas = heap.alloc(bytes);
    this.classes = heap.alloc(bytes);
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

  /** Keeps a box (pixels) of a class. The caller must have looked at `full`. */
  add(left: f32, top: f32, right: f32, bottom: f32, classId: i32 = 0): void {
    const at = (<usize>this.length) << 2;
    this.length++;
    if ((at & 15) == 0) this.clearFour(at);
    store<f32>(this.lefts + at, left);
    store<f32>(this.tops + at, top);
    store<f32>(this.rights + at, right);
    store<f32>(this.bottoms + at, bottom);
    store<f32>(this.areas + at, (right - left) * (bottom - top));
    store<i32>(this.classes + at, classId);
  }

  /** Class of kept box `index`. */
  classOf(index: i32): i32 {
    return load<i32>(this.classes + ((<usize>index) << 2));
  }

  /** Whether a kept box of this class (ANY_CLASS: of any) has an IoU above `threshold` (0..1) with this box. */
  covers(left: f32, top: f32, right: f32, bottom: f32, classId: i32, threshold: f32): bool {
    let hit = this.overlapping(0, left, top, right, bottom, threshold);
    while (hit >= 0 && classId != ANY_CLASS && this.classOf(hit) != classId) {
      hit = this.overlapping(hit + 1, left, top, right, bottom, threshold);
    }
    return hit >= 0;
  }

  /**
   * The first kept box from `start` on whose IoU with this box is above `threshold`, -1 when there is none.
   * In f32: overlap > threshold * (area + area - overlap).
   */
  overlapping(start: i32, left: f32, top: f32, right: f32, bottom: f32, threshold: f32): i32 {
    let i = start & ~3;
    let ignore = (1 << (start & 3)) - 1;
    const l = f32x4.splat(left);
    const t = f32x4.splat(top);
    const r = f32x4.splat(right);
    const b = f32x4.splat(bottom);
    const area = f32x4.splat((right - left) * (bottom - top));
    const limit = f32x4.splat(threshold);
    const zero = f32x4.splat(0);
    // In locals: nobody else takes the loads of fields out of the loop.
    const length = this.length;
    const lefts = this.lefts;
    const tops = this.tops;
    const rights = this.rights;
    const bottoms = this.bottoms;
    const areas = this.areas;
    for (; i < length; i += 4) {
      const at = (<usize>i) << 2;
      const width = f32x4.sub(f32x4.pmin(v128.load(rights + at), r), f32x4.pmax(v128.load(lefts + at), l));
      const height = f32x4.sub(f32x4.pmin(v128.load(bottoms + at), b), f32x4.pmax(v128.load(tops + at), t));
      const overlap = f32x4.mul(f32x4.pmax(zero, width), f32x4.pmax(zero, height));
      const union = f32x4.sub(f32x4.add(v128.load(areas + at), area), overlap);
      const hits = i32x4.bitmask(f32x4.gt(overlap, f32x4.mul(limit, union))) & ~ignore;
      if (hits) return i + ctz(hits);
      ignore = 0;
    }
    return -1;
  }

  private clearFour(at: usize): void {
    const nowhere = f32x4.splat(NOWHERE);
    v128.store(this.lefts + at, nowhere);
    v128.store(this.tops + at, nowhere);
    v128.store(this.rights + at, nowhere);
    v128.store(this.bottoms + at, nowhere);
    v128.store(this.areas + at, f32x4.splat(0));
  }
}
