// Whether a worker has run for too long on one slot, or on its start.

import { threadTime } from "./thread_time.ts";
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

  /** ms until it is worth looking again; undefined when it is idle, or the next regular look is soon enough. */
  dueIn(limitMs: number): number | undefined {
    const { busy } = this.#control;
    if (!busy) return undefined;
    const left = limitMs - busy.ms;
    return left > 0 ? left : undefined;
  }

  #hasRun(limitMs: number): boolean {
    const now = threadTime(this.#control.thread);
    if (now === undefined || this.#atFirst === undefined) return true;
    return now - this.#atFirst + UNSEEN_MS > limitMs;
  }
}
