// Soft non-maximum suppression: a box that overlaps a better one loses score instead of going at once, so that objects
// that stand close together survive. After Bodla, Singh, Chellappa, Davis: "Soft-NMS: improving object detection with
// one line of code", 2017. The scores that come out are the lowered ones.

import { iou } from "./boxes";
import { ANY_CLASS } from "./nms";

export namespace Decay {
  /** score × (1 - IoU) where the IoU is above the threshold. */
  export const Linear: u32 = 1;
  /** score × exp(-IoU² / sigma), always. */
  export const Gaussian: u32 = 2;
}

/** A pool of boxes, from which the best is taken again and again. Work: boxes offered × boxes taken. */
@final
export class SoftNms {
  private readonly boxes: StaticArray<f32>; // left, top, right, bottom
  private readonly scores: StaticArray<f32>;
  private readonly classes: StaticArray<i32>;
  private readonly indices: StaticArray<i32>;
  private length: i32 = 0;

  /** `capacity` boxes at most: offer the best ones. */
  constructor(private readonly capacity: i32) {
    this.boxes = new StaticArray<f32>(capacity << 2);
    this.scores = new StaticArray<f32>(capacity);
    this.classes = new StaticArray<i32>(capacity);
    this.indices = new StaticArray<i32>(capacity);
  }

  get full(): bool {
    return this.length >= this.capacity;
  }

  clear(): void {
    this.length = 0;
  }

  /** Offers a box (pixels). `index` is the caller's. The caller must have looked at `full`. */
  add(index: i32, score: f32, left: f32, top: f32, right: f32, bottom: f32, classId: i32): void {
    const at = this.length++;
    this.put(at, index, score, classId);
    this.boxes[at << 2] = left;
    this.boxes[(at << 2) + 1] = top;
    this.boxes[(at << 2) + 2] = right;
    this.boxes[(at << 2) + 3] = bottom;
  }

  /** Place of the best box that is left, the earliest among equals; -1 when none has at least `threshold`. */
  best(threshold: f32): i32 {
    let found = -1;
    let score = threshold;
    for (let i = 0; i < this.length; i++) {
      const own = unchecked(this.scores[i]);
      if (found < 0 ? own >= score : own > score) {
        found = i;
        score = own;
      }
    }
    return found;
  }

  /** Of the box at a place, as `best` gives it: until the next `take`. */
  index(place: i32): i32 {
    return this.indices[place];
  }

  score(place: i32): f32 {
    return this.scores[place];
  }

  /**
   * Takes the box at a place out and lowers the scores of those that are left, of its class only unless `agnostic`.
   *
   * @param decay one of Decay
   * @param amount Linear: the IoU from which scores fall; Gaussian: sigma, above 0
   */
  take(place: i32, decay: u32, amount: f64, agnostic: bool): void {
    const classId = agnostic ? ANY_CLASS : this.classes[place];
    const left = this.boxes[place << 2];
    const top = this.boxes[(place << 2) + 1];
    const right = this.boxes[(place << 2) + 2];
    const bottom = this.boxes[(place << 2) + 3];
    this.remove(place);
    for (let i = 0; i < this.length; i++) {
      if (classId != ANY_CLASS && unchecked(this.classes[i]) != classId) continue;
      const at = i << 2;
      const overlap = iou(
        left,
        top,
        right,
        bottom,
        unchecked(this.boxes[at]),
        unchecked(this.boxes[at + 1]),
        unchecked(this.boxes[at + 2]),
        unchecked(this.boxes[at + 3]),
      );
      if (overlap > 0) this.scores[i] = <f32>(<f64>this.scores[i] * factor(overlap, decay, amount));
    }
  }

  /** Keeps the order of the others: the earliest among equals stays the earliest. */
  private remove(place: i32): void {
    this.length--;
    const after = this.length - place;
    if (after <= 0) return;
    shift(changetype<usize>(this.boxes), place, after, 4);
    shift(changetype<usize>(this.scores), place, after, 2);
    shift(changetype<usize>(this.classes), place, after, 2);
    shift(changetype<usize>(this.indices), place, after, 2);
  }

  private put(at: i32, index: i32, score: f32, classId: i32): void {
    this.indices[at] = index;
    this.scores[at] = score;
    this.classes[at] = classId;
  }
}

/** What a score is multiplied with for this overlap. */
function factor(overlap: f64, decay: u32, amount: f64): f64 {
  if (decay == Decay.Gaussian) return Math.exp(-(overlap * overlap) / amount);
  return overlap > amount ? 1 - overlap : 1;
}

/** Moves `count` entries after `place` one place down; an entry has 1 << `log` bytes. */
function shift(array: usize, place: i32, count: i32, log: usize): void {
  const at = array + ((<usize>place) << log);
  memory.copy(at, at + ((<usize>1) << log), (<usize>count) << log);
}
