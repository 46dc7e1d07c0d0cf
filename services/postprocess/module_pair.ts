// The module of one link: an instance that serves and a warm one that stands by. Decides what happens when one fails.
//
//   served slot overruns batch-ms ─┐
//   trap, worker dies ─────────────┴─► slot FAILED with the reason ─► the standby serves (first failure: at once;
//                                      again within 10 s: after 100 ms, doubled, at most 5 s) ─► a new standby starts
//   while nobody serves, slots that come are FAILED at once, so that the element never waits.

import { ringBell } from "../../firmware/link/addon.ts";
import { Bell, LinkError, SlotState } from "../../firmware/link/protocol.ts";
import type { LinkMemory } from "../../firmware/link/slots.ts";
import { BackOff } from "./backoff.ts";
import type { Parameters } from "./bundle_schema.ts";
import { type ModuleFailure, ModuleHandle, type ModuleRecipe } from "./module_handle.ts";
import { takeOldest } from "./serve_slots.ts";

export interface PairLink {
  memory: LinkMemory;
  fd: number;
  bytes: number;
}

export interface PairEvents {
  /** Nobody serves, or somebody does again. */
  state(state: "ready" | "degraded", message: string): void;
  log(level: "info" | "warn" | "error", message: string): void;
}

const BACK_OFF = { firstMs: 100, longestMs: 5000, calmMs: 10_000 };

export class ModulePair {
  /** Instances that were replaced after a failure. */
  restarts = 0;
  readonly #recipe: ModuleRecipe;
  readonly #events: PairEvents;
  readonly #backOff = new BackOff(BACK_OFF);
  #parameters: Parameters;
  #link: PairLink | undefined;
  #serving: ModuleHandle | undefined;
  #standby: ModuleHandle | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reason = "";
  #highestId = idsOfThisRun();
  #degraded = false;
  #closed = false;

  constructor(recipe: ModuleRecipe, parameters: Parameters, events: PairEvents) {
    this.#recipe = recipe;
    this.#parameters = parameters;
    this.#events = events;
  }

  /** Starts the first instance. Throws ModuleFailure when the module cannot be started. */
  async start(): Promise<void> {
    await this.#spawn().ready;
  }

  /** Begins to serve a link. */
  serve(link: PairLink): void {
    this.#link = link;
    this.#promote();
  }

  /** New parameters for the next batch; the caller has checked them. */
  configure(parameters: Parameters): void {
    this.#parameters = parameters;
    this.#serving?.configure(parameters);
    this.#standby?.configure(parameters);
  }

  /** Looks after the deadline. Called every few milliseconds by the watchdog. */
  check(): void {
    const serving = this.#serving;
    if (!serving) {
      if (this.#degraded) this.#refuseWaiting();
      return;
    }
    const reason = serving.overdue();
    if (reason !== undefined) this.#replace(serving, reason, LinkError.Deadline);
  }

  /** Lets the serving instance finish its slot. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const wake = () => this.#link && ringBell(this.#link.memory, Bell.Module);
    await Promise.all([this.#serving?.stop(wake, this.#recipe.batchMs), this.#standby?.end()]);
  }

  #replace(failed: ModuleHandle, reason: string, code: LinkError): void {
    if (failed !== this.#serving) return;
    this.#serving = undefined;
    this.#reason = reason;
    this.restarts++;
    this.#rememberIds(failed);
    this.#events.log("error", reason);
    // The slot is the element's only when the worker can no longer write to it.
    void failed.end().then(() => {
      this.#failOwned(code, reason);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#closed) return;
    const delay = this.#backOff.fail(performance.now());
    if (delay > 0) this.#degrade(`${this.#reason}; it is started again in ${delay} ms`);
    this.#timer = setTimeout(() => this.#promote(), delay);
  }

  #promote(): void {
    const next = this.#standby ?? this.#spawn();
    next.ready.then(
      () => this.#activate(next),
      (failure: ModuleFailure) => this.#startFailed(next, failure),
    );
  }

  #activate(next: ModuleHandle): void {
    if (this.#closed || !this.#link) return;
    this.#serving = next;
    this.#standby = undefined;
    next.onFailure = (failure) => this.#replace(next, failure.message, LinkError.Module);
    next.serve(this.#link.fd, this.#link.bytes, this.#highestId + 1n);
    if (this.#degraded) this.#events.state("ready", "");
    this.#degraded = false;
    this.#spawn();
  }

  #degrade(message: string): void {
    this.#degraded = true;
    this.#events.state("degraded", message);
  }

  #startFailed(next: ModuleHandle, failure: ModuleFailure): void {
    if (this.#closed) return;
    if (this.#standby === next) this.#standby = undefined;
    this.#reason = failure.message;
    this.#events.log("error", failure.message);
    this.#schedule();
  }

  #spawn(): ModuleHandle {
    const standby = new ModuleHandle(this.#recipe, this.#parameters);
    this.#standby = standby;
    // A standby that dies is replaced when it is needed.
    standby.onFailure = () => {
      if (this.#standby === standby) this.#standby = undefined;
    };
    return standby;
  }

  #rememberIds(failed: ModuleHandle): void {
    const highest = failed.control.highestObjectId;
    if (highest > this.#highestId) this.#highestId = highest;
  }

  /** What the ended worker had taken. */
  #failOwned(code: LinkError, reason: string): void {
    const link = this.#link;
    if (!link) return;
    for (const slot of link.memory.slots) if (slot.state === SlotState.Decoding) slot.fail(code, reason);
    ringBell(link.memory, Bell.Element);
  }

  #refuseWaiting(): void {
    const link = this.#link;
    if (!link || this.#closed) return;
    const slot = takeOldest(link.memory, SlotState.OutputReady, SlotState.Decoding);
    if (!slot) return;
    slot.fail(LinkError.Module, this.#reason);
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
