/** Commands that came over MQTT, by their correlation id: one that is repeated is answered again, not done again. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

export interface JournalEntry {
  /** What was asked: the name of the command, and a fingerprint of its input. */
  readonly command: string;
  /** JSON; null while it is being done, and for ever when the process ended meanwhile. */
  readonly reply: string | null;
}

/** The oldest are forgotten when there are more. */
const MAX_ENTRIES = 1000;

export class Journal {
  readonly #find: StatementSync;
  readonly #begin: StatementSync;
  readonly #finish: StatementSync;
  readonly #forget: StatementSync;
  readonly #trim: StatementSync;

  constructor(db: DatabaseSync) {
    this.#find = db.prepare("SELECT command, reply FROM journal WHERE id = ?");
    this.#begin = db.prepare("INSERT INTO journal (id, command, at) VALUES (?, ?, ?)");
    this.#finish = db.prepare("UPDATE journal SET reply = ? WHERE id = ?");
    this.#forget = db.prepare("DELETE FROM journal WHERE id = ? AND reply IS NULL");
    this.#trim = db.prepare("DELETE FROM journal WHERE number <= (SELECT max(number) FROM journal) - ?");
  }

  /** What is known of this id; undefined when it is new, and then it is written down as begun. Synced. */
  begin(id: string, command: string, at: number): JournalEntry | undefined {
    const known = this.#find.get(id) as { command: string; reply: string | null } | undefined;
    if (known !== undefined) return { command: known.command, reply: known.reply };
    this.#begin.run(id, command, at);
    this.#trim.run(MAX_ENTRIES);
    return undefined;
  }

  /** Synced. */
  finish(id: string, reply: string): void {
    this.#finish.run(reply, id);
  }

  /** It was written down as begun, and not begun after all. */
  forget(id: string): void {
    this.#forget.run(id);
  }
}
