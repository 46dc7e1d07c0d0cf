// What is remembered: sources, each with the counts of its zones and with the objects that were seen in it, and what each
// object is doing in a zone. Fixed records in pools; lists by index, -1 at the end.

import { ANCHORS, NAME_BYTES } from "./zone";

export const NONE: i32 = -1;

export const MAX_SOURCES: i32 = 1024;
/** Zones of all sources together: a zone that names no source counts once for each. */
export const MAX_TALLIES: i32 = 4096;
export const MAX_OBJECTS: i32 = 8192;
export const MAX_VISITS: i32 = 16_384;

@unmanaged
export class Source {
  used: u64; // counts calls: the least recently seen source makes room for a new one
  time: u64; // ns, of its last frame
  id: u32;
  tallies: i32; // head of its list, in the order of the zones
  objects: i32; // head of its list
  ready: i32; // 1: its tallies are those of the zones at hand
}

/** The counts of one zone in one source. */
@unmanaged
export class Tally {
  private n0: u64; // char name[NAME_BYTES]: what a zone is known by when the zones change
  private n1: u64;
  private n2: u64;
  private n3: u64;
  in: u64; // crossings in, or objects that entered
  out: u64; // crossings out, or objects that left
  since: u64; // ns: the crowd has been over its threshold, or under it again, since then
  crowdedAt: u64; // ns
  type: i32;
  zone: i32; // index in the table, NONE while it is not known
  next: i32;
  members: i32; // objects inside
  loose: i32; // objects without an id that are inside in this frame
  crowd: i32; // CrowdState

  get name(): usize {
    return changetype<usize>(this);
  }

  get inside(): i32 {
    return this.members + this.loose;
  }
}

export namespace CrowdState {
  export const Calm: i32 = 0;
  export const Rising: i32 = 1; // enough objects, but not for long enough
  export const Crowded: i32 = 2;
  export const Falling: i32 = 3; // no longer enough, but not for long enough
}

@unmanaged
export class Tracked {
  id: u64;
  time: u64; // ns, seen last
  source: i32; // index
  next: i32; // of its source
  chained: i32; // of its hash
  visits: i32; // head of its list
  classId: i32;
  confidence: f32;
  // Its anchors when it was seen last, shares of the picture: f64 x, y for each.
  private a0: f64;
  private a1: f64;
  private a2: f64;
  private a3: f64;
  private a4: f64;
  private a5: f64;
  private a6: f64;
  private a7: f64;
  private a8: f64;
  private a9: f64;

  get anchors(): usize {
    return changetype<usize>(this) + offsetof<Tracked>("a0");
  }
}

export namespace VisitState {
  export const Arriving: i32 = 1; // inside, but not for long enough
  export const Inside: i32 = 2;
  export const Leaving: i32 = 3; // outside, but not for long enough
  export const Crossing: i32 = 4; // of a line: on another side than where it came from, or too near to say
}

/** What an object does in a zone; nothing is kept of zones that it is not in. */
@unmanaged
export class Visit {
  since: u64; // ns: of the state; of a line: last crossing
  enteredAt: u64; // ns
  fromX: f64; // where its last stride began, shares of the picture
  fromY: f64;
  tally: i32;
  next: i32;
  state: i32;
  net: i32; // lines: crossings in less crossings out
  wrong: i32; // strides in the wrong direction, one after the other
  told: i32; // TOLD_…
}

export const TOLD_DWELL: i32 = 1;
export const TOLD_WRONG: i32 = 2;

if (offsetof<Tally>("in") != NAME_BYTES) ERROR("the name must fill the start of Tally");
if (offsetof<Tracked>() - offsetof<Tracked>("a0") != ANCHORS * 16) ERROR("the anchors must fill the end of Tracked");

/** Records of one size, taken and given back by index. */
@final
export class Pool {
  private readonly records: usize;
  private readonly free: StaticArray<i32>;
  private freeCount: i32 = 0;

  constructor(
    private readonly capacity: i32,
    private readonly bytes: usize,
  ) {
    this.records = heap.alloc(<usize>capacity * bytes);
    this.free = new StaticArray<i32>(capacity);
    this.clear();
  }

  clear(): void {
    this.freeCount = this.capacity;
    // Taken from the end: the first record is number 0.
    for (let i = 0; i < this.capacity; i++) this.free[i] = this.capacity - 1 - i;
  }

  get used(): i32 {
    return this.capacity - this.freeCount;
  }

  /** Index of a record of zeros, NONE when all are in use. */
  take(): i32 {
    if (this.freeCount == 0) return NONE;
    const index = this.free[--this.freeCount];
    memory.fill(this.at(index), 0, this.bytes);
    return index;
  }

  release(index: i32): void {
    this.free[this.freeCount++] = index;
  }

  @inline
  at(index: i32): usize {
    return this.records + <usize>index * this.bytes;
  }
}
