// User metadata: what an analyze module says about a frame or an object beyond the fields of the records, as bytes in a form
// of its own. Downstream elements find it as NJ_MODULE_META; in messages it is a member `user`: JSON (UTF-8, an object or
// array) as it is, everything else as base64. It lies in the frame's arena out, which `limits.aux-bytes` of the bundle
// bounds; without that there is no room for any.

import { FrameBlock, ObjectRecord } from "./abi";
import { Frame } from "./frame";

/**
 * Copies `bytes` at `at` as the frame's user metadata; a second call replaces the first. False when the arena is full:
 * the frame then has what it had.
 */
export function setFrameUser(frame: Frame, at: usize, bytes: i32): bool {
  const block = frame.raw;
  const room = reserve(frame, bytes);
  if (room < 0) return false;
  memory.copy(block.auxOutAt + <usize>room, at, bytes);
  block.user = <u32>room;
  block.userBytes = <u32>bytes;
  return true;
}

/**
 * Copies `bytes` at `at` as the user metadata of an object out, behind its mask, keypoints and attributes, which must be
 * complete. Once for each object. False when the arena is full: the object is then as it was.
 */
export function setObjectUser(frame: Frame, object: ObjectRecord, at: usize, bytes: i32): bool {
  const block = frame.raw;
  const before = <i32>object.auxBytes;
  if (before > 0 && object.aux + object.auxBytes != block.auxOut) return moveBehind(frame, object, at, bytes);
  const room = before > 0 ? extend(frame, bytes) : reserve(frame, bytes);
  if (room < 0) return false;
  memory.copy(block.auxOutAt + <usize>room, at, bytes);
  if (before == 0) object.aux = <u32>room;
  object.auxBytes += <u32>bytes;
  object.userBytes = <u32>bytes;
  return true;
}

/** Something else was written behind the object's data: both parts go to the end. */
function moveBehind(frame: Frame, object: ObjectRecord, at: usize, bytes: i32): bool {
  const block = frame.raw;
  const before = <i32>object.auxBytes;
  const room = reserve(frame, before + bytes);
  if (room < 0) return false;
  const to = block.auxOutAt + <usize>room;
  memory.copy(to, block.auxOutAt + object.aux, before);
  memory.copy(to + <usize>before, at, bytes);
  object.aux = <u32>room;
  object.auxBytes = <u32>(before + bytes);
  object.userBytes = <u32>bytes;
  return true;
}

/** Room at a multiple of 4; its offset in the arena, -1 when there is too little. */
function reserve(frame: Frame, bytes: i32): i32 {
  const begin = (<i32>frame.raw.auxOut + 3) & ~3;
  return take(frame.raw, begin, bytes, frame.auxCapacity);
}

/** Room right behind what was written last. */
function extend(frame: Frame, bytes: i32): i32 {
  return take(frame.raw, <i32>frame.raw.auxOut, bytes, frame.auxCapacity);
}

function take(block: FrameBlock, begin: i32, bytes: i32, capacity: i32): i32 {
  if (bytes < 0 || bytes > capacity - begin) return -1;
  block.auxOut = <u32>(begin + bytes);
  return begin;
}
