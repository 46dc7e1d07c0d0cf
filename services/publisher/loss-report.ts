/** Collects what was lost until it is reported. A consumer that misses sequences finds them in a report, or has found a fault. */
import type { Loss } from "./outbox.ts";

/** What `<prefix>/loss` carries. */
export interface LossReport {
  readonly version: "1.0";
  readonly device: string;
  readonly epoch: string;
  readonly "@timestamp": string;
  /** "outbox": messages with sequences; "pipeline": records that never became messages. */
  readonly stage: "outbox" | "pipeline";
  readonly reason: string;
  readonly count: number;
  readonly bytes: number;
  /** Outbox only: first and last sequence of each run of lost messages. */
  readonly ranges?: readonly (readonly [from: number, to: number])[];
}

/** More runs than this are joined into one that covers them all. */
const MAX_RANGES = 200;

interface Collected {
  count: number;
  bytes: number;
  sequences: number[];
}

export class LossCollector {
  readonly #outbox = new Map<string, Collected>();
  #pipeline = 0;

  addLoss(loss: Loss): void {
    const collected = this.#outbox.get(loss.reason) ?? { count: 0, bytes: 0, sequences: [] };
    for (const { sequence, bytes } of loss.messages) {
      collected.count += 1;
      collected.bytes += bytes;
      collected.sequences.push(sequence);
    }
    this.#outbox.set(loss.reason, collected);
  }

  /** Records that the pipeline dropped because we read too slowly. */
  addPipelineDrops(count: number): void {
    this.#pipeline += count;
  }

  /** The reports of what was added since the last call. */
  take(device: string, epoch: string, now: Date): LossReport[] {
    const head = { version: "1.0", device, epoch, "@timestamp": now.toISOString() } as const;
    const reports: LossReport[] = [...this.#outbox].map(([reason, { count, bytes, sequences }]) => ({
      ...head,
      stage: "outbox",
      reason,
      count,
      bytes,
      ranges: rangesOf(sequences),
    }));
    if (this.#pipeline > 0)
      reports.push({ ...head, stage: "pipeline", reason: "reader-too-slow", count: this.#pipeline, bytes: 0 });
    this.#outbox.clear();
    this.#pipeline = 0;
    return reports;
  }
}

/** [3, 1, 2, 7] -> [[1, 3], [7, 7]] */
export function rangesOf(sequences: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const sequence of sequences.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && sequence <= last[1] + 1) last[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  if (ranges.length <= MAX_RANGES) return ranges;
  return [[ranges[0]![0], ranges.at(-1)![1]]];
}
