/**
 * A clock for ages that last over restarts. The device's own clock cannot be trusted for that: it may stand in 1970
 * until the network is there, and then jump. This one runs on while the process lives, whatever the wall clock does,
 * and adds the time in which the device was off when that is plausible.
 */

/** How a clock stood when it was last written down. Milliseconds. */
export interface ClockReading {
  readonly steady: number;
  /** Since 1970, by the device's clock. */
  readonly wall: number;
}

/** A longer pause is taken for a clock that was not set. Milliseconds. */
const LONGEST_PAUSE_MS = 365 * 24 * 3_600_000;

export class SteadyClock {
  readonly #base: number;
  readonly #monotonic: () => number;
  readonly #wall: () => number;
  readonly #start: number;

  /** @param last how it stood at the end of the last run; undefined for a new store */
  constructor(last?: ClockReading, monotonic: () => number = () => performance.now(), wall: () => number = Date.now) {
    this.#monotonic = monotonic;
    this.#wall = wall;
    this.#start = monotonic();
    const pause = last === undefined ? 0 : wall() - last.wall;
    const isPlausible = pause > 0 && pause < LONGEST_PAUSE_MS;
    this.#base = last === undefined ? wall() : last.steady + (isPlausible ? pause : 0);
  }

  /** Milliseconds; never goes back, has no meaning but differences. */
  now(): number {
    return Math.round(this.#base + this.#monotonic() - this.#start);
  }

  reading(): ClockReading {
    return { steady: this.now(), wall: this.#wall() };
  }
}
