// The module of one link: the instance that serves, and the next one when that fails (in a thread that stands by, see
// module_threads.ts). Decides what happens then.
//
//   served slot overruns batch-ms ─┐
//   trap, worker dies ─────────────┴─► slot FAILED with the reason ─► the next one starts (first failure: at once;
//                                      again within 10 s: after 100 ms, doubled, at most 5 s) and serves
//   more than `reloads` failures within `windowMs` ─► given up: whoever listens may go back to another bundle; until
//                                      then frames pass, and one more instance is tried each `retryMs`
//   while nobody serves, slots that come are FAILED at once, so that the element never waits.

import { ringBell } from "../../firmware/link/addon.ts";
import { Bell, LinkError, SlotState } from "../../firmware/link/protocol.ts";
import type { LinkMemory, Slot } from "../../firmware/link/slots.ts";
import { BackOff } from "./backoff.ts";
import type { Parameters } from "./bundle_schema.ts";
import { ModuleFailure, ModuleHandle, type ModuleRecipe } from "./module_handle.ts";
import { Samples } from "./samples.ts";
import { framesOf, takeOldest } from "./serve_slots.ts";

export interface PairLink {
  memory: LinkMemory;
  fd: number;
  bytes: number;
}

/** What an instance goes on from. */
export interface Heritage {
  /** Undefined: none, it begins afresh. */
  state: Uint8Array | undefined;
  /** The highest object id that was given so far. */
  highestId: bigint;
}

/** How long a failing module is tried again. */
export interface ReloadPolicy {
  /** Failures within the window after which it is given up; 0: at the first. */
  reloads: number;
  windowMs: number;
  /** ms between two tries of one that was given up; 0: none. */
  retryMs: number;
}

/** One step of what happens to a module that failed, or to one that came back. */
export interface ModuleIncident {
  step: "failed" | "reloading" | "recovered" | "given-up";
  /** What was wrong; for people. */
  reason: string;
  /** reloading: ms until the next instance starts. recovered: ms without one. */
  ms: number;
  /** Frames that went on without objects, since it failed first. */
  framesWithoutObjects: number;
  restarts: number;
}

export interface PairEvents {
  /** Nobody serves, or somebody does again. */
  state(state: "ready" | "degraded", message: string): void;
  incident(incident: ModuleIncident): void;
  log(level: "info" | "warn" | "error", message: string): void;
}

/** The watchdog looks each 10 ms; what is due later waits for that. */
const LOOK_AHEAD_MS = 15;
const BACK_OFF = { firstMs: 100, longestMs: 5000, calmMs: 10_000 };
/** What a module may take to save its state beyond its time for a batch: its thread may have to wait for a processor. */
const SAVE_GRACE_MS = 1000;

export class ModulePair {
  /** Instances that were replaced after a failure. */
  restarts = 0;
  readonly #recipe: ModuleRecipe;
  readonly #events: PairEvents;
  readonly #backOff = new BackOff(BACK_OFF);
  readonly #samples: Samples;
  readonly #policy: ReloadPolicy;
  /** Times (ms) of the failures within the window. */
  #failures: number[] = [];
  /** When an instance failed and none has come back since; ms. */
  #troubleSince: number | undefined;
  /** Frames that had failed when all was well for the last time. */
  #failedBefore = 0;
  #heritage: Heritage | undefined;
  #parameters: Parameters;
  #link: PairLink | undefined;
  #serving: ModuleHandle | undefined;
  /** Started, or starting, and not serving yet. */
  #next: ModuleHandle | undefined;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  /** Of serve(): settles with the first instance. */
  #first: PromiseWithResolvers<boolean | undefined> = Promise.withResolvers();
  #reason = "";
  #highestId = idsOfThisRun();
  #degraded = false;
  #closed = false;
  /** The end of the instance that failed last, and of what it had taken. */
  #ending: Promise<void> = Promise.resolve();

  constructor(recipe: ModuleRecipe, policy: ReloadPolicy, parameters: Parameters, events: PairEvents) {
    this.#recipe = recipe;
    this.#policy = policy;
    this.#samples = new Samples(recipe.samples);
    this.#parameters = parameters;
    this.#events = events;
  }

  /** Starts the first instance. Throws ModuleFailure when the module cannot be started. */
  async start(): Promise<void> {
    await this.#spawn().ready;
  }

  /**
   * Begins to serve a link, where `heritage` ended when there is one. Resolves when an instance takes slots: whether it
   * took over the state, undefined when there was none. Rejects with ModuleFailure when the first instance fails before
   * that; the policy is at work then. Somebody has to call check() meanwhile.
   */
  serve(link: PairLink, heritage?: Heritage): Promise<boolean | undefined> {
    this.#link = link;
    this.#heritage = heritage;
    if (heritage && heritage.highestId > this.#highestId) this.#highestId = heritage.highestId;
    this.#first = Promise.withResolvers();
    // Not everybody waits for it.
    this.#first.promise.catch(() => {});
    this.#promote();
    return this.#first.promise;
  }

  /** Ends the instance that serves; another one is warm then, for the next serve(), as if nothing had been before. */
  async pause(): Promise<void> {
    clearTimeout(this.#timer);
    const serving = this.#serving;
    this.#serving = undefined;
    this.#link = undefined;
    await serving?.end();
    // One that cannot start is told to whoever calls serve().
    await (this.#next ?? this.#spawn()).ready.catch(() => {});
  }

  /** Serves no more after the slot in work; what the next one goes on from. */
  async handOver(): Promise<Heritage> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const serving = this.#serving;
    this.#serving = undefined;
    const graceMs = this.#recipe.batchMs + SAVE_GRACE_MS;
    const [state] = await Promise.all([serving?.takeState(() => this.#wake(), graceMs), this.#next?.end()]);
    if (serving) {
      this.#rememberIds(serving);
      this.#ending = Promise.all([this.#ending, serving.end()]).then(() => {});
    }
    return { state, highestId: this.#highestId };
  }

  /** New parameters for the next batch; the caller has checked them. */
  configure(parameters: Parameters): void {
    this.#parameters = parameters;
    this.#serving?.configure(parameters);
    this.#next?.configure(parameters);
  }

  /** Looks after the deadline. Called every few milliseconds by the watchdog. */
  check(): void {
    if (this.#closed) return;
    const serving = this.#serving;
    if (!serving) {
      if (this.#degraded) this.#refuseWaiting();
      return;
    }
    if (this.#troubleSince === undefined) this.#failedBefore = this.#samples.failedFrames;
    const reason = serving.overdue();
    if (reason !== undefined) this.#replace(serving, reason, LinkError.Deadline);
    else this.#lookAt(serving.dueIn());
  }

  /** Looks again at the moment when the time is up, and not only at the next regular look. */
  #lookAt(dueMs: number | undefined): void {
    if (dueMs === undefined || dueMs > LOOK_AHEAD_MS) return;
    clearTimeout(this.#look);
    this.#look = setTimeout(() => this.check(), Math.ceil(dueMs) + 1).unref();
  }

  /** Lets the serving instance finish its slot. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#look);
    // The link's memory goes after this.
    await Promise.all([this.#ending, this.#serving?.stop(() => this.#wake(), this.#recipe.batchMs), this.#next?.end()]);
  }

  #wake(): void {
    if (this.#link) ringBell(this.#link.memory, Bell.Module);
  }

  #replace(failed: ModuleHandle, reason: string, code: LinkError): void {
    if (failed !== this.#serving) return;
    this.#serving = undefined;
    this.#reason = reason;
    this.restarts++;
    this.#first.reject(new ModuleFailure(code === LinkError.Deadline ? "limits" : "module", reason));
    this.#rememberIds(failed);
    this.#troubleSince ??= performance.now();
    this.#events.log("error", reason);
    this.#tell("failed", 0);
    const delay = this.#waitAfter(performance.now());
    // Beside the end of the one that failed.
    if (delay === 0) this.#spawn();
    // The slot is the element's only when the worker can no longer write to it.
    this.#ending = failed.end().then(() => {
      this.#failOwned(code, reason);
      this.#schedule(delay);
    });
  }

  /** Notes a failure: ms until the next instance starts; undefined: this one was one too many. */
  #waitAfter(now: number): number | undefined {
    const { reloads, windowMs } = this.#policy;
    this.#failures = [...this.#failures.filter((time) => now - time < windowMs), now];
    return this.#failures.length > reloads ? undefined : this.#backOff.fail(now);
  }

  #schedule(delay: number | undefined): void {
    if (this.#closed) return;
    if (delay === undefined) {
      this.#giveUp(this.#policy.retryMs);
      return;
    }
    if (delay > 0) {
      this.#degrade(`${this.#reason}; it is started again in ${delay} ms`);
      this.#tell("reloading", delay);
    }
    this.#timer = setTimeout(() => this.#promote(), delay);
  }

  #giveUp(retryMs: number): void {
    const next = retryMs > 0 ? `tried again in ${Math.ceil(retryMs / 1000)} s` : "not tried again";
    this.#degrade(`${this.#reason}; it failed ${this.#failures.length} times and is ${next}`);
    this.#tell("given-up", retryMs);
    // One more failure then gives it up again at once: the window has not passed for it.
    if (retryMs > 0) this.#timer = setTimeout(() => this.#promote(), retryMs);
  }

  #promote(): void {
    const next = this.#next ?? this.#spawn();
    next.ready.then(
      () => this.#activate(next),
      (failure: ModuleFailure) => this.#startFailed(next, failure),
    );
  }

  #activate(next: ModuleHandle): void {
    if (this.#closed || !this.#link) return;
    this.#serving = next;
    this.#next = undefined;
    next.onFailure = (failure) => this.#replace(next, failure.message, LinkError.Module);
    next.onServing = (restored) => this.#served(restored);
    next.serve(this.#link.fd, this.#link.bytes, this.#highestId + 1n, this.#heritage?.state);
    // An instance that fails may have failed at this state: the next one begins afresh.
    this.#heritage = undefined;
    if (this.#degraded) this.#events.state("ready", "");
    this.#degraded = false;
  }

  #served(restored: boolean | undefined): void {
    this.#first.resolve(restored);
    if (this.#troubleSince === undefined) return;
    this.#tell("recovered", performance.now() - this.#troubleSince);
    this.#troubleSince = undefined;
  }

  #tell(step: ModuleIncident["step"], ms: number): void {
    const framesWithoutObjects = this.#samples.failedFrames - this.#failedBefore;
    const { restarts } = this;
    this.#events.incident({ step, reason: this.#reason, ms: Math.round(ms), framesWithoutObjects, restarts });
  }

  #degrade(message: string): void {
    this.#degraded = true;
    this.#events.state("degraded", message);
  }

  #startFailed(next: ModuleHandle, failure: ModuleFailure): void {
    if (this.#closed) return;
    if (this.#next === next) this.#next = undefined;
    this.#reason = failure.message;
    this.#first.reject(failure);
    this.#events.log("error", failure.message);
    this.#schedule(this.#waitAfter(performance.now()));
  }

  #spawn(): ModuleHandle {
    const next = new ModuleHandle(this.#recipe, this.#parameters);
    this.#next = next;
    // One that dies before it serves is replaced when it is needed.
    next.onFailure = () => {
      if (this.#next === next) this.#next = undefined;
    };
    return next;
  }

  #rememberIds(failed: ModuleHandle): void {
    const highest = failed.control.highestObjectId;
    if (highest > this.#highestId) this.#highestId = highest;
  }

  /** What the ended worker had taken. */
  #failOwned(code: LinkError, reason: string): void {
    const link = this.#link;
    if (!link) return;
    for (const slot of link.memory.slots) if (slot.state === SlotState.Decoding) this.#fail(slot, code, reason);
    ringBell(link.memory, Bell.Element);
  }

  #fail(slot: Slot, code: LinkError, reason: string): void {
    this.#samples.fail(framesOf(slot));
    slot.fail(code, reason);
  }

  #refuseWaiting(): void {
    const link = this.#link;
    if (!link || this.#closed) return;
    const slot = takeOldest(link.memory, SlotState.OutputReady, SlotState.Decoding);
    if (!slot) return;
    this.#fail(slot, LinkError.Module, this.#reason);
    ringBell(link.memory, Bell.Element);
    this.#refuseWaiting();
  }
}

/**
 * Where track ids begin: the seconds since 1970 in the upper half, so that no id is given twice on a device, also not after
 * a restart of this process. People are shown the lower half.
 */
function idsOfThisRun(): bigint {
  return BigInt(Math.floor(Date.now() / 1000)) << 32n;
}
