/** Messages that the broker refused for good, kept for a person to look at. They are counted as lost. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StoredMessage } from "./store.ts";

export interface DeadLetter {
  readonly sequence: number;
  readonly class: string;
  readonly topic: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly body: Uint8Array;
}

/** The oldest go when there are more. */
const MAX_LETTERS = 500;
/** A longer body is kept to this length. Bytes. */
const MAX_BODY = 64 * 1024;

export class DeadLetters {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  count: number;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare("INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?)");
    this.count = (db.prepare("SELECT count(*) AS count FROM dead").get() as { count: number }).count;
  }

  add(letter: StoredMessage & { readonly reason: string }, at: number): void {
    const { sequence, topic, reason, body } = letter;
    this.#insert.run(sequence, letter.class, topic, reason, at, body.subarray(0, MAX_BODY));
    this.count += 1;
    if (this.count <= MAX_LETTERS) return;
    this.#db.exec(`DELETE FROM dead WHERE sequence = (SELECT min(sequence) FROM dead)`);
    this.count -= 1;
  }

  /** Newest first. */
  list(limit: number): DeadLetter[] {
    const rows = this.#db.prepare(
      "SELECT sequence, class, topic, reason, at, body FROM dead ORDER BY sequence DESC LIMIT ?",
    );
    return rows.all(limit).map((row) => ({ ...row }) as unknown as DeadLetter);
  }
}
