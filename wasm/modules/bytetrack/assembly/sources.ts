// What is known of each source: the list of its tracks.

import { TrackPool } from "./track";

@unmanaged
export class Source {
  used: u64; // counts calls: the least recently seen source makes room for a new one
  id: u32;
  frames: i32; // with detections, since the start or the last discontinuity
  head: i32; // index of its first track, -1 for none
  count: i32; // tracks
}

export const SOURCE_BYTES: usize = offsetof<Source>();

@final
export class Sources {
  private readonly table: usize;
  private length: i32 = 0;
  private calls: u64 = 0;

  constructor(
    private readonly capacity: i32,
    private readonly pool: TrackPool,
  ) {
    this.table = heap.alloc(<usize>capacity * SOURCE_BYTES);
  }

  get count(): i32 {
    return this.length;
  }

  clear(): void {
    this.length = 0;
  }

  at(index: i32): Source {
    return changetype<Source>(this.table + <usize>index * SOURCE_BYTES);
  }

  /** The source, a new one when it was not seen before. */
  find(id: u32): Source {
    this.calls++;
    for (let i = 0; i < this.length; i++) {
      if (this.at(i).id != id) continue;
      this.at(i).used = this.calls;
      return this.at(i);
    }
    return this.add(id);
  }

  /** A source without tracks; the least recently seen one gives way when the table is full. */
  add(id: u32): Source {
    const source = this.length < this.capacity ? this.at(this.length++) : this.evict();
    source.used = this.calls;
    source.id = id;
    source.frames = 0;
    source.head = -1;
    source.count = 0;
    return source;
  }

  private evict(): Source {
    let oldest = this.at(0);
    for (let i = 1; i < this.length; i++) if (this.at(i).used < oldest.used) oldest = this.at(i);
    for (let track = oldest.head; track >= 0; ) {
      const next = this.pool.at(track).next;
      this.pool.release(track);
      track = next;
    }
    return oldest;
  }
}
