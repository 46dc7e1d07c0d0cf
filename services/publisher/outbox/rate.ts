/** A token bucket: so many per second, evenly. */

/** Tokens that may gather, as a share of a second's. */
const BURST_S = 0.1;

export class Rate {
  readonly #perSecond: number;
  readonly #now: () => number;
  #tokens = 0;
  #at: number;

  /** @param perSecond 0: no limit */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#at = now();
  }

  /** Takes one token; false when there is none. */
  take(): boolean {
    if (this.#perSecond === 0) return true;
    const now = this.#now();
    const most = Math.max(1, this.#perSecond * BURST_S);
    this.#tokens = Math.min(most, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until there is a token. */
  get waitMs(): number {
    return this.#perSecond === 0 || this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#perSecond) * 1000;
  }
}
