// Whether a worker has run for too long on one slot, or on its start.

import { threadTime } from "../../firmware/link/addon.ts";
import type { WorkerControl } from "./worker_control.ts";

/** A worker that has not run for its limit in so many times the limit is stuck, or the machine is beyond help. */
const PATIENCE = 10;
/** What may have passed before the first look: the interval of the watchdog. */
const UNSEEN_MS = 10;

/**
 * Looks at one worker again and again. The limit counts time on a processor, not on the wall: on a busy machine a good
 * module may have to wait for its turn.
 */
export class Overrun {
  readonly #control: WorkerControl;
  #since = 0n;
  #atFirst: number | undefined;

  constructor(control: WorkerControl) {
    this.#control = control;
  }

  /** True once what the worker does has taken longer than `limitMs`. To be called every few milliseconds. */
  check(limitMs: number): boolean {
    const { busy } = this.#control;
    if (!busy) return false;
    if (busy.since !== this.#since) {
      this.#since = busy.since;
      this.#atFirst = threadTime(this.#control.thread);
      return false;
    }
    if (busy.ms <= limitMs) return false;
    return busy.ms > limitMs * PATIENCE || this.#hasRun(limitMs);
  }

  /** ms until its time may be up, at the earliest; undefined when it is idle. */
  dueIn(limitMs: number): number | undefined {
    const { busy } = this.#control;
    if (!busy || busy.since !== this.#since) return undefined;
    return Math.max(limitMs - busy.ms, limitMs - (this.#runMs() ?? limitMs), 0);
  }

  #hasRun(limitMs: number): boolean {
    return (this.#runMs() ?? Number.POSITIVE_INFINITY) > limitMs;
  }

  /** What it may have run at most; undefined when the kernel does not say. */
  #runMs(): number | undefined {
    const now = threadTime(this.#control.thread);
    return now === undefined || this.#atFirst === undefined ? undefined : now - this.#atFirst + UNSEEN_MS;
  }
}
