/** The state of a camera as a pure function of facts and clock. */
import type { CameraState } from "../pipeline/messages.ts";

export type { CameraState } from "../pipeline/messages.ts";

/** What is known of a camera. Times are milliseconds since 1970; null means never. */
export interface CameraFacts {
  /** The pipeline process is up and has taken the camera. */
  readonly pipelineUp: boolean;
  /** The pipeline process has been given up. */
  readonly pipelineFailed: boolean;
  /** The postprocess process is up. */
  readonly postprocessUp: boolean;
  /** What the pipeline said last, and its reason. */
  readonly reported: CameraState;
  readonly problem: string | null;
  readonly lastPacketAt: number | null;
  readonly lastDecodedAt: number | null;
  readonly lastInferredAt: number | null;
  readonly lastPublishedAt: number | null;
}

export interface HealthLimits {
  /** A step without news for longer than this has stopped, milliseconds. */
  readonly stallMs: number;
}

export interface CameraHealth {
  readonly state: CameraState;
  /** One sentence for a person; empty when there is nothing to say. */
  readonly reason: string;
}

/**
 * Looks at the steps in the order of the frames' way (packets, decoder, inference), so that the first one that stopped gets the
 * blame and not those that only wait for it. Publishing does not decide the state: a broker that is away is not the camera's fault.
 */
export function cameraHealth(facts: CameraFacts, now: number, limits: HealthLimits): CameraHealth {
  if (facts.pipelineFailed) return { state: "failed", reason: "the pipeline process has been given up" };
  if (facts.reported === "ended") return { state: "ended", reason: facts.problem ?? "the source has reached its end" };
  if (!facts.pipelineUp) return { state: "starting", reason: "the pipeline process is starting" };
  if (facts.reported === "failed") return { state: "failed", reason: facts.problem ?? "the source cannot be played" };
  if (facts.reported === "starting" || facts.lastDecodedAt === null) {
    // A new try of a source that failed is not yet better: else a dead camera would go to and fro with each try.
    if (facts.problem !== null) return { state: "failed", reason: facts.problem };
    return { state: "starting", reason: "waiting for the first frame" };
  }
  return flowHealth(facts, now, limits);
}

function flowHealth(facts: CameraFacts, now: number, limits: HealthLimits): CameraHealth {
  const late = (at: number | null) => at !== null && now - at > limits.stallMs;
  const ago = (at: number | null) => `${((now - (at ?? now)) / 1000).toFixed(1)} s`;
  if (late(facts.lastPacketAt) || facts.reported === "starved") {
    return { state: "starved", reason: facts.problem ?? `no data from the camera for ${ago(facts.lastPacketAt)}` };
  }
  if (late(facts.lastDecodedAt) || facts.reported === "stalled") {
    const words = `data comes, but no frame out of the decoder for ${ago(facts.lastDecodedAt)}`;
    return { state: "stalled", reason: facts.problem ?? words };
  }
  if (!facts.postprocessUp)
    return { state: "playing", reason: "frames pass without objects: the postprocess process is starting" };
  if (late(facts.lastInferredAt) || facts.reported === "hung") {
    return {
      state: "hung",
      reason: facts.problem ?? `frames come, but none through inference for ${ago(facts.lastInferredAt)}`,
    };
  }
  if (late(facts.lastPublishedAt))
    return { state: "playing", reason: `nothing published for ${ago(facts.lastPublishedAt)}` };
  return { state: "playing", reason: "" };
}

/** Whether frames of this camera come through, for /readyz and the end of a run. */
export function isDelivering(state: CameraState): boolean {
  return state === "playing" || state === "ended";
}
