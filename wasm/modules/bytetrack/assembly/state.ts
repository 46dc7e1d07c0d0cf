// The tracker's state as bytes, so that another instance goes on with the same ids.
//
//   u32 magic, u32 version, u64 next id, u32 sources, u32 tracks
//   Source[sources], each followed by its Track[count], in order
//
// Version 1 had tracks without angle and votes (state_v1.ts); it is still taken over.

import { Status } from "../../../sdk";
import { SOURCE_BYTES, Source } from "./sources";
import { TRACK_BYTES_V1, takeOverV1 } from "./state_v1";
import { State, TRACK_BYTES } from "./track";
import { ALL_TRACKS, MAX_SOURCES, SOURCE_TRACKS, Tracker } from "./tracker";

const MAGIC: u32 = 0x54424a4e; // "NJBT"
const VERSION: u32 = 2;
const HEADER_BYTES: usize = 24;

/** The bytes used, or Status.BadLimits. */
export function saveTracker(tracker: Tracker, at: usize, capacity: i32): i32 {
  const sources = tracker.sources;
  const tracks = ALL_TRACKS - tracker.pool.available;
  const bytes = HEADER_BYTES + <usize>sources.count * SOURCE_BYTES + <usize>tracks * TRACK_BYTES;
  if (bytes > <usize>capacity) return Status.BadLimits;
  store<u32>(at, MAGIC);
  store<u32>(at + 4, VERSION);
  store<u64>(at + 8, tracker.nextId);
  store<u32>(at + 16, sources.count);
  store<u32>(at + 20, tracks);
  let to = at + HEADER_BYTES;
  for (let i = 0; i < sources.count; i++) to = saveSource(tracker, sources.at(i), to);
  return <i32>bytes;
}

function saveSource(tracker: Tracker, source: Source, at: usize): usize {
  memory.copy(at, changetype<usize>(source), SOURCE_BYTES);
  let to = at + SOURCE_BYTES;
  for (let index = source.head; index >= 0; index = tracker.pool.at(index).next) {
    memory.copy(to, changetype<usize>(tracker.pool.at(index)), TRACK_BYTES);
    to += TRACK_BYTES;
  }
  return to;
}

/** Status.BadState, with the tracker as new, when the bytes are not a state. */
export function restoreTracker(tracker: Tracker, at: usize, bytes: i32): i32 {
  if (!isState(at, <usize>bytes)) return Status.BadState;
  tracker.pool.clear();
  tracker.sources.clear();
  const version = load<u32>(at + 4);
  const sources = load<i32>(at + 16);
  const end = at + <usize>bytes;
  let from = at + HEADER_BYTES;
  for (let i = 0; i < sources; i++) {
    from = restoreSource(tracker, version, from, end);
    if (from != 0) continue;
    tracker.pool.clear();
    tracker.sources.clear();
    return Status.BadState;
  }
  // Never back: an id that was given stays given.
  tracker.nextId = max(tracker.nextId, load<u64>(at + 8));
  return Status.Ok;
}

function isState(at: usize, bytes: usize): bool {
  if (bytes < HEADER_BYTES || load<u32>(at) != MAGIC) return false;
  const version = load<u32>(at + 4);
  const sources = load<u32>(at + 16);
  const tracks = load<u32>(at + 20);
  if (version < 1 || version > VERSION || sources > <u32>MAX_SOURCES || tracks > <u32>ALL_TRACKS) return false;
  return bytes == HEADER_BYTES + <usize>sources * SOURCE_BYTES + <usize>tracks * trackBytes(version);
}

function trackBytes(version: u32): usize {
  return version == 1 ? TRACK_BYTES_V1 : TRACK_BYTES;
}

/** The address after the source, 0 when it is damaged. */
function restoreSource(tracker: Tracker, version: u32, at: usize, end: usize): usize {
  const each = trackBytes(version);
  if (end - at < SOURCE_BYTES) return 0;
  const saved = changetype<Source>(at);
  const count = saved.count;
  if (<u32>count > <u32>SOURCE_TRACKS || <usize>count * each > end - at - SOURCE_BYTES) return 0;
  const source = tracker.sources.add(saved.id);
  source.frames = saved.frames;
  // From the last to the first, so that each can point to the next.
  for (let i = count - 1; i >= 0; i--) {
    const index = tracker.pool.take();
    if (index < 0) return 0;
    const track = tracker.pool.at(index);
    const from = at + SOURCE_BYTES + <usize>i * each;
    if (version == 1) takeOverV1(track, from);
    else memory.copy(changetype<usize>(track), from, TRACK_BYTES);
    if (track.state <= State.Free || track.state > State.Leaving) return 0;
    track.next = source.head;
    source.head = index;
    source.count++;
  }
  return at + SOURCE_BYTES + <usize>count * each;
}
