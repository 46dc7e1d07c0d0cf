/**
 * One camera: tries to get frames from it, watches how it does, and tries again when it fails, for as long as it is
 * configured. Everything that goes wrong with it stays in here.
 *
 *            ┌──────────────────────────── wait (back-off) ◄──────────────┐
 *            ▼                                                            │
 *   ──► starting ──► playing ◄──► starved, stalled ──► (try given up) ──► failed
 *            │           ├──► hung (nothing to be done here)
 *            └───────────┴──► ended (a file's end)
 *
 * Nothing waits in here: `tick` is called several times a second and looks at counters.
 */
import { assess, type Loss, type Observation } from "./assess.ts";
import { provenAfterMs, waitBeforeRetry } from "./backoff.ts";
import type { Graph } from "./graph.ts";
import { type Fault, GstError } from "./gst.ts";
import type { CameraSettings, CameraState, CameraStatus, Problem } from "./messages.ts";
import {
  hide,
  isDamage,
  isWorthRetrying,
  problemOfFault,
  problemOfLoss,
  problemOfSettings,
  problemOfShortFile,
} from "./problems.ts";
import { type BranchCounters, SourceBranch } from "./source-branch.ts";
import { parseAddress } from "./sources/address.ts";
import { BadSource, type SourcePlan } from "./sources/plan.ts";
import { CameraTotals } from "./totals.ts";
import type { ViewBranch } from "./view-branch.ts";

/** A camera that has played so long has no problem any more. */
const problemForgottenAfterMs = 60_000;
/** How long the last frames of a file may take through the pipeline after its end. */
const drainMs = 10_000;
const damageReportMs = 10_000;

export interface CameraEvents {
  /** The state changed, or a new problem is known. */
  changed(status: CameraStatus): void;
  log(
    level: "debug" | "info" | "warn",
    message: string,
    fields?: Record<string, string | number | boolean | null>,
  ): void;
}

/** What exists during one try. */
interface Try {
  readonly plan: SourcePlan;
  readonly branch: SourceBranch;
  readonly startedAt: number;
  firstDecodedAt: number | null;
  endedAt: number | null;
  /** Frames that had come through inference before this try. */
  readonly passedBefore: number;
  readonly inferredBefore: number;
}

export class Camera {
  readonly settings: CameraSettings;
  private readonly graph: Graph;
  private readonly events: CameraEvents;
  private readonly inferring: boolean;
  private readonly view: ViewBranch;
  private readonly totals = new CameraTotals();
  private state: CameraState = "starting";
  private since = Date.now();
  private problem: Problem | null = null;
  private current: Try | null = null;
  private retryAt: number | null = Date.now();
  private tries = 0;
  private failures = 0;
  private provenTransport: string | null = null;
  private watched = false;
  private damageReportedAt = 0;

  /** `inferring`: frames are expected to be looked at by a detector. The first try begins with the first tick. */
  constructor(settings: CameraSettings, graph: Graph, inferring: boolean, events: CameraEvents) {
    this.settings = settings;
    this.graph = graph;
    this.inferring = inferring;
    this.events = events;
    this.view = graph.addView(settings.sourceId);
  }

  /** Looks at the counters and does what is due. `now`: ms, wall clock. */
  tick(now: number): void {
    if (this.current === null) {
      if (this.retryAt !== null && now >= this.retryAt) this.begin(now);
      return;
    }
    const counters = this.current.branch.counters();
    this.noteVideo(counters);
    this.totals.update(counters, this.view.counters());
    if (this.current.firstDecodedAt === null && counters.decoded > 0) this.noteFirstFrame(now, this.current);
    this.judge(this.observe(now, this.current, counters), now, this.current);
    this.forgetOldProblem(now);
  }

  /** An error message from inside this camera's source. */
  fail(branch: string, fault: Fault, now: number): void {
    if (this.current === null || branch !== this.current.branch.bin.name) return;
    this.giveUp(problemOfFault(this.settings, this.current.plan, fault, this.secrets(), now), now);
  }

  /** A warning from inside this camera's source. */
  warn(fault: Fault, now: number): void {
    const plan = this.current?.plan;
    if (plan === undefined) return;
    if (!isDamage(fault)) {
      this.events.log("debug", `camera "${this.settings.id}": ${hide(fault.text, this.secrets())}`);
      return;
    }
    this.totals.addDamage();
    if (now - this.damageReportedAt < damageReportMs) return;
    this.damageReportedAt = now;
    const { message } = problemOfFault(this.settings, plan, fault, this.secrets(), now);
    this.events.log("warn", message, { damaged: this.totals.damaged });
  }

  /** False: no pictures are made. */
  watch(on: boolean): boolean {
    const possible = this.view.watch(on);
    this.watched = on && possible;
    return possible;
  }

  /** Takes the camera out of the graph. */
  remove(): void {
    this.end();
    this.graph.removeView(this.settings.sourceId);
  }

  ownsBranch(branch: string): boolean {
    return branch === this.current?.branch.bin.name || branch === this.view.bin.name;
  }

  /** `intervalMs`: since the last call with an interval, for rates; without one the rates of that call are repeated. */
  status(intervalMs?: number): CameraStatus {
    this.totals.update(this.current?.branch.counters() ?? null, this.view.counters());
    return {
      camera: this.settings.id,
      sourceId: this.settings.sourceId,
      state: this.state,
      since: this.since,
      problem: this.problem,
      retryAt: this.retryAt,
      tries: this.tries,
      watched: this.watched,
      ...this.totals.report(this.inferring, intervalMs),
    };
  }

  private begin(now: number): void {
    this.retryAt = null;
    this.tries++;
    const context = { retry: this.failures, provenTransport: this.provenTransport };
    try {
      const plan = this.graph.plan(this.settings.source, context);
      const branch = new SourceBranch(this.settings, plan, this.tries);
      const { passed, inferred } = this.view.counters();
      this.current = {
        plan,
        branch,
        startedAt: now,
        firstDecodedAt: null,
        endedAt: null,
        passedBefore: passed,
        inferredBefore: inferred,
      };
      this.totals.beginTry();
      this.enter("starting", now);
      this.graph.connect(this.settings, branch);
    } catch (error) {
      if (!(error instanceof BadSource || error instanceof GstError)) throw error;
      const reason = error instanceof BadSource ? error.message : `GStreamer refuses its settings (${error.message})`;
      this.refuse(problemOfSettings(this.settings, reason, now), now);
    }
  }

  /** The settings of the source are no good: nothing is tried again until they change. */
  private refuse(problem: Problem, now: number): void {
    this.end();
    this.problem = problem;
    this.enter("failed", now);
    this.events.log("warn", problem.message, { problem: problem.kind });
  }

  private noteFirstFrame(now: number, current: Try): void {
    current.firstDecodedAt = now;
    this.graph.recalculateLatency();
    if ("transport" in current.plan) this.provenTransport = String(current.plan.transport);
  }

  private noteVideo({ video }: BranchCounters): void {
    const before = this.totals.video;
    if (video === null || before === null) return;
    if (video.width === before.width && video.height === before.height && video.format === before.format) return;
    const text = `camera "${this.settings.id}" changed its video to ${video.width}x${video.height} ${video.format}`;
    this.events.log("info", text, { width: video.width, height: video.height, format: video.format });
  }

  private observe(now: number, current: Try, counters: BranchCounters): Observation {
    const view = this.view.counters();
    const through = this.inferring
      ? { some: view.inferred > current.inferredBefore, idleUs: view.inferredIdleUs }
      : { some: view.passed > current.passedBefore, idleUs: view.passedIdleUs };
    const ms = (us: number | null): number | null => (us === null ? null : us / 1000);
    return {
      sinceStart: now - current.startedAt,
      packets: counters.packets,
      packetIdle: ms(counters.packetIdleUs),
      decodedIdle: ms(counters.decodedIdleUs),
      sinceFirstDecoded: current.firstDecodedAt === null ? null : now - current.firstDecodedAt,
      inferredIdle: through.some ? ms(through.idleUs) : null,
      heldBack: current.branch.isHeldBack(),
      ended: counters.ended,
    };
  }

  private judge(seen: Observation, now: number, current: Try): void {
    const { state, loss } = assess(seen, this.settings);
    if (loss === "endOfStream") this.finish(now, current);
    else if (loss !== null) this.lose(loss, now, current);
    else if (state !== this.state) this.enter(state, now);
  }

  /** The stream has ended: as it should, to be played again, or by surprise. */
  private finish(now: number, current: Try): void {
    if (current.plan.ends) {
      current.endedAt ??= now;
      if (this.state !== "ended") {
        this.noteShortFile(now, current);
        this.enter("ended", now);
      }
      if (this.isDrained(current) || now - current.endedAt >= drainMs) this.end();
      return;
    }
    if (!current.plan.loops) {
      this.lose("endOfStream", now, current);
      return;
    }
    // njloop could not seek: a new try plays it from the start. One that brought no frame would go round for ever.
    if (current.firstDecodedAt === null) this.lose("noFrames", now, current);
    else {
      this.end();
      this.retryAt = now;
    }
  }

  /** A recording that was cut off ends like a whole one, but earlier than it says itself. */
  private noteShortFile(now: number, { branch, plan }: Try): void {
    this.problem = problemOfShortFile(this.settings, plan.address, branch.extent(), now);
    if (this.problem !== null) this.events.log("warn", this.problem.message, { problem: this.problem.kind });
  }

  private isDrained(current: Try): boolean {
    const { delivered } = current.branch.counters();
    return this.view.counters().passed - current.passedBefore >= delivered;
  }

  private lose(loss: Loss, now: number, current: Try): void {
    this.giveUp(problemOfLoss(this.settings, current.plan.address, loss, now), now);
  }

  private giveUp(problem: Problem, now: number): void {
    const current = this.current;
    if (current === null) return;
    const played = current.firstDecodedAt === null ? 0 : now - current.firstDecodedAt;
    const known = this.problem?.message === problem.message;
    this.end();
    this.failures = played >= Math.min(provenAfterMs, this.settings.reconnect.maxMs) ? 1 : this.failures + 1;
    this.problem = problem;
    const worthIt = played > 0 || isWorthRetrying(problem, current.plan.remote);
    this.retryAt = worthIt ? now + this.nextWait(problem) : null;
    this.enter("failed", now);
    // The same news every few seconds for a night would hide all other.
    const again =
      this.retryAt === null
        ? "not tried again until its settings change"
        : `next try in ${Math.round((this.retryAt - now) / 100) / 10} s`;
    this.events.log(known ? "debug" : "warn", `${problem.message} (${again})`, {
      problem: problem.kind,
      tries: this.tries,
    });
  }

  /** A refused password is tried at the longest wait only: cameras lock accounts. */
  private nextWait(problem: Problem): number {
    const { reconnect } = this.settings;
    const failures = problem.kind === "unauthorized" ? Number.MAX_SAFE_INTEGER : this.failures;
    return waitBeforeRetry(reconnect, failures, Math.random());
  }

  private end(): void {
    if (this.current === null) return;
    this.totals.update(this.current.branch.counters(), this.view.counters());
    this.totals.endTry();
    this.current = null;
    this.graph.disconnect(this.settings.sourceId);
  }

  private enter(state: CameraState, now: number): void {
    const before = this.state;
    this.state = state;
    this.since = now;
    if (state === "playing") this.events.log("info", `camera "${this.settings.id}" is playing`, { tries: this.tries });
    if (state === "hung")
      this.events.log("warn", `camera "${this.settings.id}": frames are decoded, but none comes through inference`);
    if (before !== state || state === "failed") this.events.changed(this.status());
  }

  private forgetOldProblem(now: number): void {
    if (this.problem === null || this.state !== "playing" || now - this.since < problemForgottenAfterMs) return;
    this.problem = null;
    this.failures = 0;
  }

  private secrets(): string[] {
    const { source } = this.settings;
    if (source.kind !== "rtsp") return [];
    const password = source.password ?? parseAddress(source.uri).password;
    return password === null || password === undefined ? [] : [password, encodeURIComponent(password)];
  }
}
