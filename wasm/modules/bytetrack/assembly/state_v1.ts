// Tracks as version 1 of the module saved them: four filtered values in place of five, the angle of the last detection
// beside them, no votes.

import { initiateAngle, KALMAN_BYTES, KINDS, VALUES } from "./kalman";
import { Track } from "./track";
import { firstVote } from "./votes";

const VALUES_V1: i32 = 4;
const FILTER_BYTES_V1: usize = 5 * 4 * 8;
/** From the id to `similarity`: the same fields in the same order. */
const SAME_BYTES: usize = offsetof<Track>("oriented") - KALMAN_BYTES;
const ANGLE_V1: usize = FILTER_BYTES_V1 + SAME_BYTES; // f32
const SHOWN_V1: usize = ANGLE_V1 + 8; // i32

export const TRACK_BYTES_V1: usize = 240;

if (SHOWN_V1 + 8 != TRACK_BYTES_V1) ERROR("a track of version 1 had 240 bytes");

/** Fills a track of zeros from the bytes of an old one. */
export function takeOverV1(track: Track, from: usize): void {
  for (let kind = 0; kind < KINDS; kind++) {
    const to = track.filter + <usize>(kind * VALUES * 8);
    memory.copy(to, from + <usize>(kind * VALUES_V1 * 8), <usize>VALUES_V1 * 8);
  }
  memory.copy(track.filter + KALMAN_BYTES, from + FILTER_BYTES_V1, SAME_BYTES);
  const angle = <f64>load<f32>(from + ANGLE_V1);
  initiateAngle(track.filter, isFinite(angle) ? angle : 0);
  track.oriented = angle != 0 ? 1 : 0;
  track.shown = load<i32>(from + SHOWN_V1);
  firstVote(track.votes, track.classId, track.confidence);
}
