/** What was lost and is not reported yet: counted here, written down by the next commit, told by the next report. */
import { LossList, type LossSummary, summariesOf } from "./loss-ledger.ts";
import type { StoredLoss } from "./loss-table.ts";
import type { LossRange } from "./types.ts";

export class Losses {
  readonly #onLoss: (reason: string, count: number) => void;
  readonly #unreported = new LossList();
  /** Of these, what no commit has taken yet. */
  readonly #unwritten = new LossList();
  #writtenUpTo = 0;
  #reportedUpTo = 0;
  /** A report was made while a commit with losses was on its way: it has told of them. */
  #toldMeanwhile = false;

  constructor(onLoss: (reason: string, count: number) => void) {
    this.#onLoss = onLoss;
  }

  /** Something was given up in memory. */
  add(loss: LossRange): void {
    this.#unreported.add(loss);
    this.#unwritten.add(loss);
    this.#onLoss(loss.reason, loss.count);
  }

  /** The store gave something up, and has written it down. */
  addWritten(losses: readonly StoredLoss[]): void {
    for (const loss of losses) {
      this.#unreported.add(loss);
      this.#writtenUpTo = Math.max(this.#writtenUpTo, loss.id);
      this.#onLoss(loss.reason, loss.count);
    }
  }

  /** The summaries of everything; the caller enqueues them as messages, so that they are in the next commit. */
  report(): LossSummary[] {
    if (this.#unreported.isEmpty) return [];
    this.#reportedUpTo = this.#writtenUpTo;
    this.#toldMeanwhile = true;
    this.#unwritten.take();
    return summariesOf(this.#unreported.take());
  }

  get hasUnwritten(): boolean {
    return !this.#unwritten.isEmpty;
  }

  /** For the next commit. */
  batch(): { readonly losses: readonly LossRange[]; readonly reportedUpTo: number } {
    this.#toldMeanwhile = false;
    return { losses: this.#unwritten.take(), reportedUpTo: this.#reportedUpTo };
  }

  /** The commit is done. @param upTo id of the last loss of its batch */
  written(upTo: number): void {
    this.#writtenUpTo = Math.max(this.#writtenUpTo, upTo);
    if (this.#toldMeanwhile) this.#reportedUpTo = this.#writtenUpTo;
  }

  /** They were in a commit that failed. */
  notWritten(losses: readonly LossRange[]): void {
    if (!this.#toldMeanwhile) for (const loss of losses) this.#unwritten.add(loss);
  }
}
