/** What the counters of a camera mean. Pure: one look in, one verdict out. */
import type { CameraState } from "./messages.ts";

/** Times in ms; null: has not happened in this try. */
export interface Observation {
  readonly sinceStart: number;
  readonly packets: number;
  readonly packetIdle: number | null;
  readonly decodedIdle: number | null;
  readonly sinceFirstDecoded: number | null;
  /** Since the last frame of this try came through inference. */
  readonly inferredIdle: number | null;
  /** The source would give frames, but the pipeline does not take them. */
  readonly heldBack: boolean;
  readonly ended: boolean;
}

export interface Limits {
  readonly startTimeoutMs: number;
  readonly stallTimeoutMs: number;
}

/** Why a try is over without an error from GStreamer. */
export type Loss = "noPackets" | "noFrames" | "packetsStopped" | "framesStopped" | "endOfStream";

export interface Verdict {
  readonly state: CameraState;
  readonly loss: Loss | null;
}

/** Share of the stall timeout after which the state tells of the silence, before anything is done about it. */
const noticeShare = 0.5;

const verdict = (state: CameraState, loss: Loss | null = null): Verdict => ({ state, loss });

function assessStart(seen: Observation, limits: Limits): Verdict {
  if (seen.sinceStart < limits.startTimeoutMs) return verdict("starting");
  return verdict("starting", seen.packets === 0 ? "noPackets" : "noFrames");
}

function assessSilence(seen: Observation, limits: Limits, silence: number): Verdict {
  const notice = limits.stallTimeoutMs * noticeShare;
  const starved = seen.packetIdle === null || seen.packetIdle >= notice;
  const over = silence >= limits.stallTimeoutMs;
  if (starved) return verdict("starved", over ? "packetsStopped" : null);
  return verdict("stalled", over ? "framesStopped" : null);
}

function assessFlow(seen: Observation, limits: Limits): Verdict {
  const throughInference = seen.inferredIdle ?? seen.sinceFirstDecoded ?? 0;
  return verdict(throughInference >= limits.stallTimeoutMs ? "hung" : "playing");
}

export function assess(seen: Observation, limits: Limits): Verdict {
  if (seen.ended) return verdict("ended", "endOfStream");
  if (seen.decodedIdle === null) return assessStart(seen, limits);
  if (seen.heldBack || seen.decodedIdle < limits.stallTimeoutMs * noticeShare) return assessFlow(seen, limits);
  return assessSilence(seen, limits, seen.decodedIdle);
}
