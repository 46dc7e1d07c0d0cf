/**
 * Whether the service makes progress, for the watchdog. All durations are measured here with a clock that never jumps: a device
 * without a battery for its clock starts in 1970 and is moved by decades when it finds the time.
 */
import type { CameraView, Status } from "../supervisor/status.ts";
import type { UpdateStatus } from "../updater/types.ts";

/** Frames decoded, but none through inference: the pipeline process mends that within seconds where it can. */
const HUNG_MS = 60_000;
/** An attempt to open a source is given up and explained long before. */
const STARTING_MS = 5 * 60_000;
/** A playing camera without a new frame, beyond the time after which it counts as stalled. */
const QUIET_MS = 30_000;
/** The write of a commit; a disk that fails says so, and then messages wait in memory. */
const COMMIT_MS = 60_000;
/** A step of the updater without news. The longest that is right is the watch over a new model, and it has limits of its own. */
const UPDATE_MS = 60 * 60_000;
/** The slowest hundredth of the event loop's turns. */
const LOOP_DELAY_MS = 500;

export interface ProgressFacts {
  readonly cameras: readonly Pick<CameraView, "id" | "state" | "reason" | "frames">[];
  readonly outbox: Pick<Status["broker"]["outbox"], "commitMs" | "problem">;
  /** Delay of the event loop since the last look, 99th percentile, milliseconds. */
  readonly loopDelayMs: number;
  /** What the updater does, as a text that changes with every step and every piece fetched; undefined while it rests. */
  readonly update: string | undefined;
}

export interface ProgressOptions {
  /** After how long without a frame the camera counts as stalled, milliseconds. */
  readonly stallMs: (camera: string) => number;
}

/** Something that should change, and since when it has not. */
interface Mark {
  readonly value: string | number;
  readonly at: number;
}

export class Progress {
  readonly #options: ProgressOptions;
  readonly #marks = new Map<string, Mark>();

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /**
   * @param now of a clock that never jumps, milliseconds
   * @returns why the watchdog is not to be fed: one sentence for people; undefined while all is well or explained
   */
  stuck(facts: ProgressFacts, now: number): string | undefined {
    this.#forgetOthers(facts);
    if (facts.loopDelayMs > LOOP_DELAY_MS) {
      return `the event loop is ${Math.round(facts.loopDelayMs)} ms late (limit ${LOOP_DELAY_MS} ms)`;
    }
    for (const camera of facts.cameras) {
      const reason = this.#stuckCamera(camera, now);
      if (reason !== undefined) return `camera ${camera.id}: ${reason}`;
    }
    const { commitMs, problem } = facts.outbox;
    if (problem === "" && commitMs > COMMIT_MS) return `the outbox has been writing for ${seconds(commitMs)}`;
    const updating = facts.update === undefined ? 0 : this.#unchanged("update", facts.update, now);
    return updating > UPDATE_MS
      ? `the updater has been at one step (${facts.update}) for ${seconds(updating)}`
      : undefined;
  }

  /** A state other than these says what is wrong with the camera, and it is not ours to mend. */
  #stuckCamera({ id, state, reason, frames }: ProgressFacts["cameras"][number], now: number): string | undefined {
    const inState = this.#unchanged(`state ${id}`, state, now);
    const quiet = this.#unchanged(`frames ${id}`, `${state} ${frames}`, now);
    if (state === "hung" && inState > HUNG_MS) return reason;
    if (state === "starting" && inState > STARTING_MS) return `starting for ${seconds(inState)} (${reason})`;
    const limit = this.#options.stallMs(id) + QUIET_MS;
    if (state === "playing" && quiet > limit) return `no new frame for ${seconds(quiet)}, and nobody says why`;
    return undefined;
  }

  /** For how long the value has been the same, milliseconds. */
  #unchanged(name: string, value: Mark["value"], now: number): number {
    const mark = this.#marks.get(name);
    if (mark?.value === value) return now - mark.at;
    this.#marks.set(name, { value, at: now });
    return 0;
  }

  #forgetOthers({ cameras, update }: ProgressFacts): void {
    const known = new Set(cameras.flatMap(({ id }) => [`state ${id}`, `frames ${id}`]));
    if (update !== undefined) known.add("update");
    for (const name of this.#marks.keys()) if (!known.has(name)) this.#marks.delete(name);
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

/** What the updater does, for ProgressFacts; undefined while it rests or is not configured. */
export function updateStep({
  enabled,
  state,
  progress,
}: Pick<UpdateStatus, "enabled" | "state" | "progress">): string | undefined {
  if (!enabled || state === "idle") return undefined;
  return progress === null ? state : `${state} ${progress.done} of ${progress.of} bytes`;
}

/**
 * Whether the service has come to its work: a camera delivers, or every one of them has a reason not to that is not ours.
 * A box whose cameras are all switched off is not to be restarted for ever.
 */
export function isReady({ cameras, processes }: Pick<Status, "cameras" | "processes">): boolean {
  const wanted = cameras.filter(({ state }) => state !== "disabled");
  if (wanted.some(({ everPlayed }) => everPlayed)) return true;
  const isUp = processes.every(({ name, state }) =>
    name === "pipeline" || name === "postprocess" ? state === "running" : true,
  );
  return isUp && wanted.every(({ state }) => state !== "starting" && state !== "hung");
}

/** "3 of 4 cameras play; broker connected, 12 messages wait" */
export function statusLine({ cameras, broker }: Pick<Status, "cameras" | "broker">): string {
  const wanted = cameras.filter(({ state }) => state !== "disabled");
  const playing = wanted.filter(({ state }) => state === "playing" || state === "ended");
  const others = wanted.filter((camera) => !playing.includes(camera)).map(({ id, state }) => `${id} ${state}`);
  const parts = [
    wanted.length === 0 ? "no camera is configured" : `${playing.length} of ${wanted.length} cameras play`,
    ...(others.length === 0 ? [] : [others.join(", ")]),
    `broker ${broker.state}${broker.queued === 0 ? "" : `, ${broker.queued} messages wait`}`,
    ...(broker.outbox.problem === "" ? [] : [broker.outbox.problem]),
  ];
  return parts.join("; ");
}
