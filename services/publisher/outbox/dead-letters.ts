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
  readonly #size: StatementSync;
  #count: number;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare("INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?)");
    this.#size = db.prepare("SELECT count(*) AS count FROM dead");
    this.#count = this.#counted();
  }

  get count(): number {
    return this.#count;
  }

  /** Finds out anew how many there are, when a transaction was undone. */
  countAgain(): void {
    this.#count = this.#counted();
  }

  add(letter: StoredMessage & { readonly reason: string }, at: number): void {
    const { sequence, topic, reason, body } = letter;
    this.#insert.run(sequence, letter.class, topic, reason, at, body.subarray(0, MAX_BODY));
    // Counted, not added up: the row may replace one, and there are never many.
    this.#count = this.#counted();
    if (this.#count <= MAX_LETTERS) return;
    this.#db.exec(`DELETE FROM dead WHERE sequence = (SELECT min(sequence) FROM dead)`);
    this.#count -= 1;
  }

  /** Newest first. */
  list(limit: number): DeadLetter[] {
    const rows = this.#db.prepare(
      "SELECT sequence, class, topic, reason, at, body FROM dead ORDER BY sequence DESC LIMIT ?",
    );
    return rows.all(limit).map((row) => ({ ...row }) as unknown as DeadLetter);
  }

  #counted(): number {
    return (this.#size.get() as { count: number }).count;
  }
}
