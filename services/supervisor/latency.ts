/** Percentiles over the last samples, and over a whole run. */

/** Milliseconds; null before the first sample. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** The last samples in a ring, for a live display. */
export class LatencyWindow {
  readonly #ring: Float64Array;
  #count = 0;

  constructor(size = 512) {
    this.#ring = new Float64Array(size);
  }

  add(milliseconds: number): void {
    this.#ring[this.#count % this.#ring.length] = milliseconds;
    this.#count += 1;
  }

  percentiles(): Percentiles {
    const samples = this.#ring.slice(0, Math.min(this.#count, this.#ring.length)).sort();
    const at = (share: number) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? null;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }
}

const STEP = 1.05;
const BUCKETS = 300;

/** All samples of a run in buckets that grow by 5 %: from 0.01 ms to hours in constant memory, exact to 5 %. */
export class LatencyHistogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;

  add(milliseconds: number): void {
    const bucket = Math.floor(Math.log(Math.max(milliseconds, 0.01) / 0.01) / Math.log(STEP));
    this.#buckets[Math.min(bucket, BUCKETS - 1)]! += 1;
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  percentiles(): Percentiles {
    return { p50: this.#at(0.5), p95: this.#at(0.95), p99: this.#at(0.99) };
  }

  #at(share: number): number | null {
    if (this.#count === 0) return null;
    let seen = 0;
    for (const [bucket, count] of this.#buckets.entries()) {
      seen += count;
      if (seen > this.#count * share) return 0.01 * STEP ** (bucket + 0.5);
    }
    return 0.01 * STEP ** BUCKETS;
  }
}

/** Events per second over the last five whole seconds. */
export class RateMeter {
  readonly #seconds = new Map<number, number>();

  add(now: number, count = 1): void {
    const second = Math.floor(now / 1000);
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + count);
    if (this.#seconds.size > 20) this.#forget(second);
  }

  perSecond(now: number): number {
    const second = Math.floor(now / 1000);
    let sum = 0;
    for (let i = 1; i <= 5; i++) sum += this.#seconds.get(second - i) ?? 0;
    return sum / 5;
  }

  #forget(second: number): void {
    for (const key of this.#seconds.keys()) if (key < second - 5) this.#seconds.delete(key);
  }
}
