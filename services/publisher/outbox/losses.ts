/** What was lost and is not reported yet: counted here, written down by the next commit, told by the next report. */
import { LossLedger, type LossSummary } from "./loss-ledger.ts";
import type { StoredLoss } from "./loss-table.ts";
import type { LossRange } from "./types.ts";

export class Losses {
  readonly #ledger = new LossLedger();
  readonly #onLoss: (reason: string, count: number) => void;
  #unwritten: LossRange[] = [];
  #writtenUpTo = 0;
  #reportedUpTo = 0;

  constructor(onLoss: (reason: string, count: number) => void) {
    this.#onLoss = onLoss;
  }

  /** Something was given up in memory. */
  add(loss: LossRange): void {
    this.#ledger.add(loss);
    this.#unwritten.push(loss);
    this.#onLoss(loss.reason, loss.count);
  }

  /** The store gave something up, and has written it down. */
  addWritten(losses: readonly StoredLoss[]): void {
    for (const loss of losses) {
      this.#ledger.add(loss);
      this.#writtenUpTo = Math.max(this.#writtenUpTo, loss.id);
      this.#onLoss(loss.reason, loss.count);
    }
  }

  /** The summaries of everything; the caller enqueues them as messages, so that they are in the next commit. */
  report(): LossSummary[] {
    if (this.#ledger.isEmpty) return [];
    this.#reportedUpTo = this.#writtenUpTo;
    this.#unwritten = [];
    return this.#ledger.take();
  }

  get hasUnwritten(): boolean {
    return this.#unwritten.length > 0;
  }

  /** For the next commit. */
  batch(): { readonly losses: readonly LossRange[]; readonly reportedUpTo: number } {
    const losses = this.#unwritten;
    this.#unwritten = [];
    return { losses, reportedUpTo: this.#reportedUpTo };
  }

  written(upTo: number): void {
    this.#writtenUpTo = Math.max(this.#writtenUpTo, upTo);
  }

  /** They were in a commit that failed. */
  notWritten(losses: readonly LossRange[]): void {
    this.#unwritten = [...losses, ...this.#unwritten];
  }
}
