// Durations measured in a worker and read by the main thread: a ring in shared memory, one writer, one reader.

const RING = 1024;
const COUNT_BYTES = 16;
const FRAMES = 1;
const FAILED = 2;
const FAILED_FRAMES = 3;

export interface Percentiles {
  p50: number;
  p99: number;
}

export class Samples {
  readonly shared: SharedArrayBuffer;
  readonly #count: Int32Array;
  readonly #values: Float32Array;
  #read = 0;

  /** Without `shared`: new memory, to be given to the writer. */
  constructor(shared = new SharedArrayBuffer(COUNT_BYTES + RING * 4)) {
    this.shared = shared;
    this.#count = new Int32Array(shared, 0, 4);
    this.#values = new Float32Array(shared, COUNT_BYTES, RING);
  }

  /** Milliseconds, and how many frames they were for. */
  add(value: number, frames: number): void {
    Atomics.add(this.#count, FRAMES, frames);
    const count = Atomics.load(this.#count, 0);
    this.#values[(count >>> 0) % RING] = value;
    Atomics.store(this.#count, 0, count + 1);
  }

  /** A batch that was given back without a result. Any thread. */
  fail(frames: number): void {
    Atomics.add(this.#count, FAILED, 1);
    Atomics.add(this.#count, FAILED_FRAMES, frames);
  }

  /** Forgets everything. The writer is to be idle. */
  clear(): void {
    for (let i = 0; i < this.#count.length; i++) Atomics.store(this.#count, i, 0);
    this.#read = 0;
  }

  /** Batches without a result so far. */
  get failed(): number {
    return Atomics.load(this.#count, FAILED) >>> 0;
  }

  /** Frames in them. */
  get failedFrames(): number {
    return Atomics.load(this.#count, FAILED_FRAMES) >>> 0;
  }

  /** Batches with a result so far. */
  get total(): number {
    return Atomics.load(this.#count, 0) >>> 0;
  }

  /** Frames since the last call. */
  drainFrames(): number {
    return Atomics.exchange(this.#count, FRAMES, 0);
  }

  /** What came since the last call, oldest first; at most the last 1024. */
  drain(): number[] {
    const count = Atomics.load(this.#count, 0) >>> 0;
    const fresh = Math.min((count - this.#read) >>> 0, RING);
    this.#read = count;
    return Array.from({ length: fresh }, (_, i) => this.#values[(count - fresh + i) % RING] as number);
  }
}

/** Zeros when there are no values. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
