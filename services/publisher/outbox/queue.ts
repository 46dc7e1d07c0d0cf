/** The table of one class: its statements, and how much is in it. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type StoredClass, tableOf } from "./database.ts";
import type { ReadRequest, StoredMessage, Totals } from "./store.ts";

/** What a row takes beside its body and topic, roughly. Bytes. */
export const ROW_OVERHEAD = 64;
/** Nearly every message's; it is not written down. */
const DEFAULT_TYPE = "application/json";
const SIZE = `length(body) + length(CAST(topic AS BLOB)) + ${ROW_OVERHEAD}`;

interface Row {
  readonly sequence: number;
  readonly created: number;
  readonly topic: string;
  readonly type: string | null;
  readonly body: Uint8Array;
}

/** Bytes that count against a quota. */
export function bytesOf({ body, topic }: { readonly body: Uint8Array; readonly topic: string }): number {
  return body.length + Buffer.byteLength(topic) + ROW_OVERHEAD;
}

export class Queue {
  readonly #kind: StoredClass;
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #oldest: StatementSync;
  readonly #read: StatementSync;
  readonly #size: StatementSync;
  /** Of a class that keeps the latest: the sequence of each topic. */
  readonly #latest: Map<string, number> | undefined;
  #totals: Totals = { messages: 0, bytes: 0 };

  constructor(db: DatabaseSync, kind: StoredClass, keep: "all" | "latest") {
    const table = tableOf(kind);
    this.#kind = kind;
    this.#db = db;
    this.#insert = db.prepare(`INSERT OR IGNORE INTO ${table} VALUES (?, ?, ?, ?, ?)`);
    this.#remove = db.prepare(`DELETE FROM ${table} WHERE sequence = ?`);
    this.#oldest = db.prepare(`SELECT sequence, created FROM ${table} WHERE sequence > ? ORDER BY sequence LIMIT 1`);
    this.#read = db.prepare(
      `SELECT sequence, created, topic, type, body FROM ${table} WHERE sequence > ? AND sequence < ?
       AND created >= ? AND topic NOT IN (SELECT value FROM json_each(?)) ORDER BY sequence LIMIT ?`,
    );
    this.#size = db.prepare(`SELECT ${SIZE} AS bytes FROM ${table} WHERE sequence = ?`);
    this.#latest = keep === "latest" ? new Map() : undefined;
    this.count();
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** Finds out anew how much there is: at the start, and when a transaction was undone. */
  count(): void {
    const table = tableOf(this.#kind);
    const sum = this.#db.prepare(`SELECT count(*) AS messages, coalesce(sum(${SIZE}), 0) AS bytes FROM ${table}`).get();
    this.#totals = { ...(sum as unknown as Totals) };
    if (this.#latest === undefined) return;
    this.#latest.clear();
    const rows = this.#db.prepare(`SELECT topic, max(sequence) AS sequence FROM ${table} GROUP BY topic`).all();
    for (const { topic, sequence } of rows as unknown as Row[]) this.#latest.set(topic, sequence);
  }

  /** @returns the sequence of the message of this topic that is not the newest any more */
  insert(message: StoredMessage): number | undefined {
    const { sequence, created, topic, contentType, body } = message;
    const type = contentType === DEFAULT_TYPE ? null : contentType;
    // One that is there already was in a commit of which the news got lost.
    const { changes } = this.#insert.run(sequence, created, topic, type, body);
    if (changes > 0) this.#add(1, bytesOf(message));
    const older = this.#latest?.get(topic);
    this.#latest?.set(topic, sequence);
    return older === sequence ? undefined : older;
  }

  /** Bytes of the message that went; undefined when it was not there. */
  remove(sequence: number): number | undefined {
    const row = this.#size.get(sequence) as { bytes: number } | undefined;
    if (row === undefined) return undefined;
    this.#remove.run(sequence);
    this.#add(-1, -row.bytes);
    return row.bytes;
  }

  /** The oldest message behind a sequence. */
  oldest(after = 0): { readonly sequence: number; readonly created: number } | undefined {
    return this.#oldest.get(after) as { sequence: number; created: number } | undefined;
  }

  /** The highest sequence; 0 when it is empty. */
  newest(): number {
    const row = this.#db.prepare(`SELECT max(sequence) AS newest FROM ${tableOf(this.#kind)}`).get();
    return (row as { newest: number | null }).newest ?? 0;
  }

  *sequences(from: number): Generator<number> {
    const rows = this.#db.prepare(`SELECT sequence FROM ${tableOf(this.#kind)} WHERE sequence >= ? ORDER BY sequence`);
    for (const { sequence } of rows.iterate(from) as Iterable<Row>) yield sequence;
  }

  /** Oldest first. */
  read({ after, below, createdAfter, maxMessages, maxBytes, skipTopics }: Omit<ReadRequest, "class">): StoredMessage[] {
    const rows = this.#read.iterate(after, below, createdAfter, JSON.stringify(skipTopics), maxMessages);
    const messages: StoredMessage[] = [];
    let bytes = 0;
    for (const { sequence, created, topic, type, body } of rows as Iterable<Row>) {
      messages.push({ class: this.#kind, sequence, created, topic, contentType: type ?? DEFAULT_TYPE, body });
      bytes += body.length;
      if (bytes >= maxBytes) break;
    }
    return messages;
  }

  #add(messages: number, bytes: number): void {
    this.#totals = { messages: this.#totals.messages + messages, bytes: this.#totals.bytes + bytes };
  }
}
