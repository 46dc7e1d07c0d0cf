// How long to wait before something that failed is tried again.

export interface BackOffOptions {
  /** ms after the second failure; the first is answered at once. */
  firstMs: number;
  longestMs: number;
  /** ms without a failure after which it counts as well again. */
  calmMs: number;
}

export class BackOff {
  readonly #options: BackOffOptions;
  #failures = 0;
  #last = Number.NEGATIVE_INFINITY;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  /** Reports a failure at `time` (ms); returns the ms to wait: 0, firstMs, twice that, … longestMs. */
  fail(time: number): number {
    const { firstMs, longestMs, calmMs } = this.#options;
    if (time - this.#last > calmMs) this.#failures = 0;
    this.#last = time;
    const failures = this.#failures++;
    return failures === 0 ? 0 : Math.min(longestMs, firstMs * 2 ** (failures - 1));
  }
}
