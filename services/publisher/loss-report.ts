/** The document of `<prefix>/loss`. A consumer that misses sequences finds them in one, or has found a fault. */
import type { Logger } from "../log/logger.ts";
import type { LossSummary } from "./outbox/loss-ledger.ts";
import type { Outbox } from "./outbox/outbox.ts";

export interface LossReport {
  readonly version: "1.0";
  readonly device: string;
  /** Of the sequences that it names. */
  readonly epoch: string;
  readonly "@timestamp": string;
  /** "outbox": messages with sequences; "pipeline": records that never became messages. */
  readonly stage: "outbox" | "pipeline";
  readonly reason: string;
  readonly count: number;
  readonly bytes: number;
  /** Outbox only: lowest and highest sequence. */
  readonly from?: number;
  readonly to?: number;
  /** Outbox only: first and last sequence of each run of lost messages. */
  readonly ranges?: readonly (readonly [from: number, to: number])[];
}

/** Losses that are as intended, and no reason to warn anybody. */
const ORDINARY: ReadonlySet<string> = new Set(["superseded", "expired"]);

/** Turns what was lost into reports. */
export class LossTeller {
  readonly #device: string;
  readonly #outbox: Outbox;
  readonly #log: Logger;
  readonly #send: (report: LossReport) => void;
  #pipelineDrops = 0;

  /** @param send enqueues the report at once */
  constructor(device: string, outbox: Outbox, log: Logger, send: (report: LossReport) => void) {
    this.#device = device;
    this.#outbox = outbox;
    this.#log = log;
    this.#send = send;
  }

  /** Records that never became messages. */
  addPipelineDrops(count: number): void {
    this.#pipelineDrops += count;
  }

  /** What was lost since the last time. */
  tell(): void {
    const now = new Date();
    const reports = this.#outbox.takeLosses().map((loss) => outboxReport(this.#device, loss, now));
    if (this.#pipelineDrops > 0)
      reports.push(pipelineReport(this.#device, this.#outbox.epoch, this.#pipelineDrops, now));
    this.#pipelineDrops = 0;
    for (const report of reports) {
      const { count, reason, stage } = report;
      this.#log[ORDINARY.has(reason) ? "info" : "warn"]({ count, reason, stage }, "messages were lost");
      this.#send(report);
    }
  }
}

function outboxReport(device: string, loss: LossSummary, now: Date): LossReport {
  const { epoch, reason, count, bytes, ranges } = loss;
  const [from, to] = [ranges[0]?.[0] ?? 0, ranges.at(-1)?.[1] ?? 0];
  return { ...head(device, epoch, now), stage: "outbox", reason, count, bytes, from, to, ranges };
}

/** Records that the pipeline dropped because we read too slowly. */
function pipelineReport(device: string, epoch: string, count: number, now: Date): LossReport {
  return { ...head(device, epoch, now), stage: "pipeline", reason: "reader-too-slow", count, bytes: 0 };
}

function head(device: string, epoch: string, now: Date) {
  return { version: "1.0", device, epoch, "@timestamp": now.toISOString() } as const;
}
