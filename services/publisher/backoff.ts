/** Waiting times between attempts: exponential with full jitter, so that a fleet does not come back in step. */

export interface BackoffOptions {
  /** The longest first wait, milliseconds. */
  readonly firstMs: number;
  /** The longest wait of all, milliseconds. */
  readonly maxMs: number;
}

/** Never shorter than this, or a broker that refuses at once would be hammered. Milliseconds. */
const FLOOR_MS = 50;

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #attempt = 0;

  constructor(options: BackoffOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const { firstMs, maxMs } = this.#options;
    const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return Math.max(Math.min(FLOOR_MS, ceiling), this.#random() * ceiling);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
