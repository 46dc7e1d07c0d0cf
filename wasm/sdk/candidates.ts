// Candidates in order of their score, without allocation.

/**
 * A list of (score, index) that sorts itself: highest score first, lower index first among equals.
 * Scores are finite and not negative, so that their bits order as the numbers do.
 */
@final
export class Candidates {
  private readonly keys: StaticArray<u64>;
  private readonly spare: StaticArray<u64>;
  private readonly counts: StaticArray<u32> = new StaticArray<u32>(4 * 256);
  private length: i32 = 0;

  /** `capacity` candidates at most; more are a programming error and end the module. */
  constructor(capacity: i32) {
    this.keys = new StaticArray<u64>(capacity);
    this.spare = new StaticArray<u64>(capacity);
  }

  get count(): i32 {
    return this.length;
  }

  clear(): void {
    this.length = 0;
  }

  /** Adds one. */
  add(score: f32, index: i32): void {
    // Inverted, so that ascending keys are descending scores; the index breaks ties.
    this.keys[this.length++] = ((<u64>~reinterpret<u32>(score)) << 32) | <u64>(<u32>index);
  }

  /** Adds index i for every maxima[i] >= threshold, in order. `maxima` is f32[count], 16-byte aligned. */
  addAbove(maxima: usize, count: i32, threshold: f32): void {
    const limit = f32x4.splat(threshold);
    const whole = count & ~3;
    for (let i = 0; i < whole; i += 4) {
      const hits = i32x4.bitmask(f32x4.ge(v128.load(maxima + ((<usize>i) << 2)), limit));
      if (hits) for (let lane = 0; lane < 4; lane++) if (hits & (1 << lane)) this.addAt(maxima, i + lane);
    }
    for (let i = whole; i < count; i++) if (load<f32>(maxima + ((<usize>i) << 2)) >= threshold) this.addAt(maxima, i);
  }

  /** Index of candidate `rank`, 0 for the best. After sort(). */
  index(rank: i32): i32 {
    return <i32>unchecked(this.keys[rank]);
  }

  /** Score of candidate `rank`. */
  score(rank: i32): f32 {
    return reinterpret<f32>(~(<u32>(unchecked(this.keys[rank]) >> 32)));
  }

  /** Replaces the score of candidate `rank`; sort() afterwards. */
  rescore(rank: i32, score: f32): void {
    this.keys[rank] = ((<u64>~reinterpret<u32>(score)) << 32) | (this.keys[rank] & 0xffffffff);
  }

  /** Radix sort, stable, four digits of eight bits: linear time also for a frame in which every anchor is a candidate. */
  sort(): void {
    // As a model without need of suppression gives them.
    if (this.isSorted()) return;
    this.countDigits();
    for (let digit = 0; digit < 4; digit += 2) {
      this.scatter(changetype<usize>(this.keys), changetype<usize>(this.spare), digit);
      this.scatter(changetype<usize>(this.spare), changetype<usize>(this.keys), digit + 1);
    }
  }

  private isSorted(): bool {
    for (let i = 1; i < this.length; i++) if (unchecked(this.keys[i - 1] > this.keys[i])) return false;
    return true;
  }

  private addAt(maxima: usize, index: i32): void {
    this.add(load<f32>(maxima + ((<usize>index) << 2)), index);
  }

  private countDigits(): void {
    const counts = changetype<usize>(this.counts);
    memory.fill(counts, 0, 4 * 256 * 4);
    for (let i = 0; i < this.length; i++) {
      const key = <u32>(unchecked(this.keys[i]) >> 32);
      for (let digit = 0; digit < 4; digit++) {
        const at = counts + ((<usize>((digit << 8) | ((key >> (digit << 3)) & 0xff))) << 2);
        store<u32>(at, load<u32>(at) + 1);
      }
    }
    for (let digit = 0; digit < 4; digit++) this.sumCounts(counts + ((<usize>digit) << 10));
  }

  /** Turns counts into first places. */
  private sumCounts(counts: usize): void {
    let place: u32 = 0;
    for (let value: usize = 0; value < 256; value++) {
      const at = counts + (value << 2);
      const count = load<u32>(at);
      store<u32>(at, place);
      place += count;
    }
  }

  private scatter(from: usize, to: usize, digit: i32): void {
    const places = changetype<usize>(this.counts) + ((<usize>digit) << 10);
    const shift: u64 = 32 + ((<u64>digit) << 3);
    const end = from + ((<usize>this.length) << 3);
    for (; from < end; from += 8) {
      const key = load<u64>(from);
      const at = places + ((<usize>((key >> shift) & 0xff)) << 2);
      const place = load<u32>(at);
      store<u32>(at, place + 1);
      store<u64>(to + ((<usize>place) << 3), key);
    }
  }
}
