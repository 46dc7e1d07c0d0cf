// What is asked of one zone, as it was read from the parameter, and the table of all of them.

export namespace ZoneType {
  export const Region: i32 = 1;
  export const Line: i32 = 2;
}

/** The point of an object's box that counts. */
export namespace Anchor {
  export const Bottom: i32 = 0; // middle of the lower edge: where it stands
  export const Centre: i32 = 1;
  export const Top: i32 = 2;
  export const Left: i32 = 3;
  export const Right: i32 = 4;
}
export const ANCHORS: i32 = 5;

/** Which crossings of a line count. */
export namespace Way {
  export const Both: i32 = 3;
  export const In: i32 = 1;
  export const Out: i32 = 2;
}

/** Every source that is seen has the zone. */
export const ALL_SOURCES: i32 = -1;
export const NAME_BYTES: i32 = 32; // with the NUL
export const MAX_POINTS: i32 = 64;
export const MAX_CLASSES: i32 = 32;
export const MAX_ZONES: i32 = 2048;

@unmanaged
export class Zone {
  private n0: u64; // char name[NAME_BYTES]
  private n1: u64;
  private n2: u64;
  private n3: u64;
  type: i32;
  source: i32;
  anchor: i32;
  way: i32; // lines
  points: usize; // f64 x, y
  classes: usize; // i32
  pointCount: i32;
  classCount: i32; // 0: all
  // What is the same in every frame's metadata: the zone's JSON up to its counts, and its name as a JSON text.
  textAt: usize;
  textBytes: i32;
  nameTextAt: usize;
  nameTextBytes: i32;
  left: f64; // bounds of the points
  top: f64;
  right: f64;
  bottom: f64;
  settle: u64; // ns
  margin: f64; // lines: heights
  dwell: u64; // regions, ns; 0: no such rule
  crowd: i32; // regions, objects; 0: no such rule
  hasDirection: i32;
  crowdTime: u64; // ns
  direction: f64; // radians, clockwise from the right
  tolerance: f64; // radians
  stride: f64; // heights

  get name(): usize {
    return changetype<usize>(this);
  }

  /** Whether objects of a class are meant. */
  takes(classId: i32): bool {
    if (this.classCount == 0) return true;
    for (let i = 0; i < this.classCount; i++) if (load<i32>(this.classes + ((<usize>i) << 2)) == classId) return true;
    return false;
  }
}

const ZONE_BYTES: usize = offsetof<Zone>();
const ZONE_ALIGNED: usize = (ZONE_BYTES + 7) & ~7;
/** For points, classes and texts: a parameter's text is larger than what is kept of it, but for long fractions. */
const ARENA_BYTES: usize = 1 << 20;

/** All zones of one value of the parameter. */
@final
export class ZoneTable {
  count: i32 = 0;
  private readonly zones: usize = heap.alloc(<usize>MAX_ZONES * ZONE_ALIGNED);
  private readonly arena: usize = heap.alloc(ARENA_BYTES);
  private used: usize = 0;

  clear(): void {
    this.count = 0;
    this.used = 0;
  }

  @inline
  at(index: i32): Zone {
    return changetype<Zone>(this.zones + <usize>index * ZONE_ALIGNED);
  }

  /** A zone of zeros; the caller has looked at `full`. */
  add(): Zone {
    const zone = this.at(this.count++);
    memory.fill(changetype<usize>(zone), 0, ZONE_BYTES);
    return zone;
  }

  get full(): bool {
    return this.count >= MAX_ZONES;
  }

  /** Room at a multiple of 8, 0 when there is none. */
  reserve(bytes: usize): usize {
    const begin = (this.used + 7) & ~7;
    if (begin + bytes > ARENA_BYTES) return 0;
    this.used = begin + bytes;
    return this.arena + begin;
  }
}

/** Whether two names are equal. */
export function sameName(a: usize, b: usize): bool {
  return memory.compare(a, b, <usize>NAME_BYTES) == 0;
}
