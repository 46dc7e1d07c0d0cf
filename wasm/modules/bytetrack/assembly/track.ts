// One track and the pool that all sources share.

import { A, H, KALMAN_BYTES, T, valueOf, X, Y } from "./kalman";
import { VOTES_BYTES } from "./votes";

/** What a track is. */
export namespace State {
  export const Free: i32 = 0;
  export const Tentative: i32 = 1; // one detection so far: no id yet
  export const Tracked: i32 = 2; // had a detection in the last frame with detections
  export const Lost: i32 = 3; // waits for its object to come back
  export const Leaving: i32 = 4; // over, but "left" found no place among the frame's events
}

@unmanaged
export class Track {
  // The filter: kalman.ts knows what is in it.
  private k0: f64;
  private k1: f64;
  private k2: f64;
  private k3: f64;
  private k4: f64;
  private k5: f64;
  private k6: f64;
  private k7: f64;
  private k8: f64;
  private k9: f64;
  private k10: f64;
  private k11: f64;
  private k12: f64;
  private k13: f64;
  private k14: f64;
  private k15: f64;
  private k16: f64;
  private k17: f64;
  private k18: f64;
  private k19: f64;
  private k20: f64;
  private k21: f64;
  private k22: f64;
  private k23: f64;
  private k24: f64;
  id: u64; // 0 while tentative
  firstTime: u64; // ns, of the first and the last detection
  lastTime: u64;
  state: i32;
  classId: i32; // as voted
  hits: i32; // detections
  age: i32; // frames since the first detection
  missed: i32; // frames with detections since the last one of its own
  next: i32; // index of the source's next track, -1 at the end
  detection: i32; // index of this frame's detection, -1 for none
  appeared: i32; // 1: "appeared" was reported
  confidence: f32; // of the last detection
  similarity: f32; // IoU of the last detection and its prediction
  oriented: i32; // 1: a detection had an angle
  out: i32; // this frame's index among the objects out
  shown: i32; // 1: was given out with its id
  componentId: u32; // of the last detection
  // The votes: votes.ts knows what is in them.
  private v0: u64;
  private v1: u64;
  private v2: u64;
  private v3: u64;

  get filter(): usize {
    return changetype<usize>(this);
  }

  get votes(): usize {
    return changetype<usize>(this) + offsetof<Track>("v0");
  }

  get x(): f64 {
    return valueOf(this.filter, X);
  }

  get y(): f64 {
    return valueOf(this.filter, Y);
  }

  /** Radians. */
  get angle(): f64 {
    return valueOf(this.filter, T);
  }

  get width(): f64 {
    return valueOf(this.filter, A) * valueOf(this.filter, H);
  }

  get height(): f64 {
    return valueOf(this.filter, H);
  }

  get left(): f64 {
    return valueOf(this.filter, X) - this.width / 2;
  }

  get top(): f64 {
    return valueOf(this.filter, Y) - this.height / 2;
  }
}

if (offsetof<Track>("id") != KALMAN_BYTES) ERROR("the filter must fill the start of Track");
if (offsetof<Track>("v0") + VOTES_BYTES != offsetof<Track>()) ERROR("the votes must fill the end of Track");

export const TRACK_BYTES: usize = offsetof<Track>();

@final
export class TrackPool {
  private readonly tracks: usize;
  private readonly free: StaticArray<i32>;
  private freeCount: i32;

  constructor(private readonly capacity: i32) {
    this.tracks = heap.alloc(<usize>capacity * TRACK_BYTES);
    this.free = new StaticArray<i32>(capacity);
    this.freeCount = 0;
    this.clear();
  }

  clear(): void {
    memory.fill(this.tracks, 0, <usize>this.capacity * TRACK_BYTES);
    this.freeCount = this.capacity;
    // Taken from the end: the first track is number 0.
    for (let i = 0; i < this.capacity; i++) this.free[i] = this.capacity - 1 - i;
  }

  get available(): i32 {
    return this.freeCount;
  }

  /** Index of a track of zeros, -1 when all are in use. */
  take(): i32 {
    if (this.freeCount == 0) return -1;
    const index = this.free[--this.freeCount];
    memory.fill(changetype<usize>(this.at(index)), 0, TRACK_BYTES);
    return index;
  }

  release(index: i32): void {
    this.at(index).state = State.Free;
    this.free[this.freeCount++] = index;
  }

  @inline
  at(index: i32): Track {
    return changetype<Track>(this.tracks + <usize>index * TRACK_BYTES);
  }
}
