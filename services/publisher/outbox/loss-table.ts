/** Losses that no report has told yet. They are written in the transaction that causes them. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { LossRange } from "./types.ts";

export interface StoredLoss extends LossRange {
  readonly id: number;
}

/** With more rows than this, neighbours are joined: a device that is offline for weeks must not fill its disk with losses. */
const MAX_ROWS = 10_000;
const JOINED = 8;

export class LossTable {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;
  #rows = 0;
  #lastId = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare("INSERT INTO loss VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#forget = db.prepare("DELETE FROM loss WHERE id <= ?");
    this.countAgain();
  }

  /** Finds out anew what is there: at the start, and when a transaction was undone. */
  countAgain(): void {
    const row = this.#db.prepare("SELECT count(*) AS rows, coalesce(max(id), 0) AS lastId FROM loss").get();
    const { rows, lastId } = row as { rows: number; lastId: number };
    this.#rows = rows;
    this.#lastId = Math.max(this.#lastId, lastId);
  }

  get lastId(): number {
    return this.#lastId;
  }

  add(losses: readonly LossRange[]): StoredLoss[] {
    const stored = losses.map((loss) => {
      const id = ++this.#lastId;
      this.#insert.run(id, loss.epoch, loss.reason, loss.from, loss.to, loss.count, loss.bytes);
      return { ...loss, id };
    });
    this.#rows += stored.length;
    if (this.#rows > MAX_ROWS) this.#join();
    return stored;
  }

  /** They have been reported. No later loss gets one of these ids, also when the table was opened anew meanwhile. */
  forget(upTo: number): void {
    if (upTo > 0) this.#rows -= Number(this.#forget.run(upTo).changes);
    this.#lastId = Math.max(this.#lastId, upTo);
  }

  all(): StoredLoss[] {
    const rows = this.#db
      .prepare('SELECT id, epoch, reason, first AS "from", last AS "to", count, bytes FROM loss ORDER BY id')
      .all();
    return rows.map((row) => ({ ...row }) as unknown as StoredLoss);
  }

  /** Ids only grow, also within a join, so that "up to" keeps its meaning. */
  #join(): void {
    const bucket = `(SELECT epoch, reason, first, last, count, bytes, id,
      (row_number() OVER (PARTITION BY epoch, reason ORDER BY first) - 1) / ${JOINED} AS bucket FROM loss)`;
    const rows = this.#db
      .prepare(
        `SELECT max(id) AS id, epoch, reason, min(first) AS "from", max(last) AS "to", sum(count) AS count, sum(bytes) AS bytes
         FROM ${bucket} GROUP BY epoch, reason, bucket ORDER BY id`,
      )
      .all() as unknown as StoredLoss[];
    this.#db.exec("DELETE FROM loss");
    for (const { id, epoch, reason, from, to, count, bytes } of rows)
      this.#insert.run(id, epoch, reason, from, to, count, bytes);
    this.#rows = rows.length;
  }
}
