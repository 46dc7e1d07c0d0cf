/** Runs of lost messages, and what reports say of them. */
import { RangeSet } from "./range-set.ts";
import type { LossRange } from "./types.ts";

/** What a report says of one reason. */
export interface LossSummary {
  readonly epoch: string;
  readonly reason: string;
  readonly count: number;
  readonly bytes: number;
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** Runs in one report; more make more reports. */
const MAX_RANGES = 500;
/** Runs of one epoch and reason that are kept apart in memory; beyond, neighbours are joined. */
const MAX_KEPT = 20_000;

/** Losses in the order in which they came; neighbours are joined, so that there are never more than MAX_KEPT. */
export class LossList {
  #losses: LossRange[] = [];

  get isEmpty(): boolean {
    return this.#losses.length === 0;
  }

  add(loss: LossRange): void {
    const last = this.#losses.at(-1);
    const follows = last?.reason === loss.reason && last.epoch === loss.epoch && last.to + 1 === loss.from;
    if (follows && last !== undefined) this.#losses[this.#losses.length - 1] = joined(last, loss);
    else this.#losses.push(loss);
    if (this.#losses.length > MAX_KEPT) this.#losses = halved(this.#losses);
  }

  /** Everything since the last time. */
  take(): LossRange[] {
    const losses = this.#losses;
    this.#losses = [];
    return losses;
  }
}

/** What reports say of these losses. */
export function summariesOf(losses: readonly LossRange[]): LossSummary[] {
  const groups = Object.values(Object.groupBy(losses, ({ epoch, reason }) => `${epoch} ${reason}`));
  return groups.flatMap((group) => summaries((group ?? []).toSorted((a, b) => a.from - b.from)));
}

function summaries(sorted: readonly LossRange[]): LossSummary[] {
  const reports: LossSummary[] = [];
  for (let at = 0; at < sorted.length; at += MAX_RANGES) {
    const part = sorted.slice(at, at + MAX_RANGES);
    const set = new RangeSet();
    for (const { from, to } of part) set.add(from, to);
    const { epoch, reason } = part[0]!;
    const sum = (member: "count" | "bytes") => part.reduce((total, loss) => total + loss[member], 0);
    reports.push({ epoch, reason, count: sum("count"), bytes: sum("bytes"), ranges: set.ranges() });
  }
  return reports;
}

function joined(a: LossRange, b: LossRange): LossRange {
  const { epoch, reason } = a;
  const [from, to] = [Math.min(a.from, b.from), Math.max(a.to, b.to)];
  return { epoch, reason, from, to, count: a.count + b.count, bytes: a.bytes + b.bytes };
}

/** Joins each two neighbours of the same epoch and reason. */
function halved(losses: readonly LossRange[]): LossRange[] {
  const groups = Object.values(Object.groupBy(losses, ({ epoch, reason }) => `${epoch} ${reason}`));
  return groups.flatMap((group) => {
    const sorted = (group ?? []).toSorted((a, b) => a.from - b.from);
    return sorted.flatMap((loss, index) => {
      if (index % 2 === 1) return [];
      const next = sorted[index + 1];
      return [next === undefined ? loss : joined(loss, next)];
    });
  });
}
