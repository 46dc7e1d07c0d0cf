// How far two lists of objects of the same frame agree: each object is matched with the one of its class that overlaps it
// most, best pairs first.

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Found extends Box {
  classId: number;
  confidence: number;
}

export interface Match {
  /** Indices in the two lists. */
  a: number;
  b: number;
  iou: number;
}

/** Intersection over union, 0..1. Two boxes without area agree when they are the same point: whole-picture results. */
export function iouOf(a: Box, b: Box): number {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  const shared = Math.max(0, width) * Math.max(0, height);
  const all = a.width * a.height + b.width * b.height - shared;
  if (all <= 0) return a.left === b.left && a.top === b.top ? 1 : 0;
  return shared / all;
}

/** Pairs of one class with at least `least` overlap; each object is in one pair at most. */
export function matchObjects(a: readonly Found[], b: readonly Found[], least: number): Match[] {
  const candidates: Match[] = [];
  for (const [i, first] of a.entries()) {
    for (const [k, second] of b.entries()) {
      const iou = first.classId === second.classId ? iouOf(first, second) : 0;
      if (iou > 0 && iou >= least) candidates.push({ a: i, b: k, iou });
    }
  }
  candidates.sort((first, second) => second.iou - first.iou);
  const takenA = new Set<number>();
  const takenB = new Set<number>();
  return candidates.filter(({ a: i, b: k }) => {
    if (takenA.has(i) || takenB.has(k)) return false;
    takenA.add(i);
    takenB.add(k);
    return true;
  });
}

/** Of one class, over many frames. */
export interface ClassTally {
  live: number;
  candidate: number;
  matched: number;
  /** Sum over the matched pairs. */
  iou: number;
}

/** Adds frames up. */
export class Agreement {
  readonly classes = new Map<number, ClassTally>();
  frames = 0;

  add(live: readonly Found[], candidate: readonly Found[], least: number): void {
    this.frames++;
    for (const { classId } of live) this.#tally(classId).live++;
    for (const { classId } of candidate) this.#tally(classId).candidate++;
    for (const { a, iou } of matchObjects(live, candidate, least)) {
      const tally = this.#tally(live[a]!.classId);
      tally.matched++;
      tally.iou += iou;
    }
  }

  /** Share of all objects of both that found their partner, 0..1; 1 when neither found any. */
  get share(): number {
    let all = 0;
    let matched = 0;
    for (const tally of this.classes.values()) {
      all += tally.live + tally.candidate;
      matched += tally.matched;
    }
    return all === 0 ? 1 : (2 * matched) / all;
  }

  #tally(classId: number): ClassTally {
    const known = this.classes.get(classId);
    if (known) return known;
    const fresh = { live: 0, candidate: 0, matched: 0, iou: 0 };
    this.classes.set(classId, fresh);
    return fresh;
  }
}
