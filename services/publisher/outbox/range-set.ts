/** A set of whole numbers, kept as runs: small for numbers that come nearly in order, however many they are. */

export type Range = readonly [from: number, to: number];

export class RangeSet {
  /** Disjoint, not touching, ascending. */
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  /** How many runs it takes. */
  get runs(): number {
    return this.#from.length;
  }

  has(value: number): boolean {
    const index = this.#indexAt(value);
    return index >= 0 && value <= this.#to[index]!;
  }

  /** Adds all from `from` to `to`, both included. */
  add(from: number, to: number = from): void {
    // The first run that touches, and the first behind those that do.
    let first = this.#indexAt(from);
    if (first < 0 || this.#to[first]! + 1 < from) first += 1;
    let end = first;
    while (end < this.#from.length && this.#from[end]! <= to + 1) end += 1;
    if (end > first) {
      const low = Math.min(from, this.#from[first]!);
      const high = Math.max(to, this.#to[end - 1]!);
      if (end === first + 1) {
        this.#from[first] = low;
        this.#to[first] = high;
        return;
      }
      this.#from.splice(first, end - first, low);
      this.#to.splice(first, end - first, high);
      return;
    }
    this.#from.splice(first, 0, from);
    this.#to.splice(first, 0, to);
  }

  /** Takes one number out again. */
  remove(value: number): void {
    const index = this.#indexAt(value);
    if (!this.has(value)) return;
    const [from, to] = [this.#from[index]!, this.#to[index]!];
    const parts = [
      [from, value - 1],
      [value + 1, to],
    ].filter(([low, high]) => low! <= high!);
    this.#from.splice(index, 1, ...parts.map(([low]) => low!));
    this.#to.splice(index, 1, ...parts.map(([, high]) => high!));
  }

  ranges(): Range[] {
    return this.#from.map((from, index) => [from, this.#to[index]!]);
  }

  /** What is in neither of the sets, from `from` to `to`. */
  static missing(from: number, to: number, ...sets: readonly RangeSet[]): Range[] {
    const all = new RangeSet();
    for (const set of sets) for (const [low, high] of set.ranges()) all.add(low, high);
    const gaps: Range[] = [];
    let next = from;
    for (const [low, high] of all.ranges()) {
      if (high < next) continue;
      if (low > to) break;
      if (low > next) gaps.push([next, low - 1]);
      next = high + 1;
    }
    if (next <= to) gaps.push([next, to]);
    return gaps;
  }

  /** Index of the last run that begins at or before the value; -1 when none does. */
  #indexAt(value: number): number {
    let low = 0;
    let high = this.#from.length;
    // Most values come in order.
    if (high > 0 && this.#from[high - 1]! <= value) return high - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#from[middle]! <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
