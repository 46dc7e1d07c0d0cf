/**
 * The outbox' SQLite file. One writer, write-ahead log, a sync for each commit: what a commit has taken survives the loss
 * of power. The file is never vacuumed (that would write it anew); freed pages are used again.
 */
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeDirectory } from "../../log/make-directory.ts";
import { newEpoch } from "../identity.ts";
import { CLASSES, type MessageClass } from "./types.ts";

/** Of the tables; another one is not read. */
const VERSION = 1;
const FILE = "outbox.db";
/** The log is cut back to this after a checkpoint. Bytes. */
const JOURNAL_LIMIT = 16 * 1024 * 1024;

/** Classes that have a table. */
export const STORED_CLASSES = ["alarm", "event", "telemetry"] as const satisfies readonly MessageClass[];
export type StoredClass = (typeof STORED_CLASSES)[number];

export function isStored(kind: MessageClass): kind is StoredClass {
  return (STORED_CLASSES as readonly MessageClass[]).includes(kind);
}

export function tableOf(kind: StoredClass): string {
  return `queue_${kind}`;
}

/** Body is not read when only the first four are asked for: it stands last. */
const QUEUE_COLUMNS =
  "sequence INTEGER PRIMARY KEY, created INTEGER NOT NULL, topic TEXT NOT NULL, type TEXT, body BLOB NOT NULL";

const TABLES = [
  // One row. reserved: no sequence from here on was ever sent; settled: each below is stored, acknowledged or a known loss.
  `state(one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, epoch TEXT NOT NULL, reserved INTEGER NOT NULL,
    settled INTEGER NOT NULL, steady INTEGER NOT NULL, wall INTEGER NOT NULL) STRICT`,
  ...STORED_CLASSES.map((kind) => `${tableOf(kind)}(${QUEUE_COLUMNS}) STRICT`),
  `dead(sequence INTEGER PRIMARY KEY, class TEXT NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
    body BLOB NOT NULL) STRICT`,
  // first, last: "from" and "to" are words of SQL.
  `loss(id INTEGER PRIMARY KEY, epoch TEXT NOT NULL, reason TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    count INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT`,
  `journal(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, command TEXT NOT NULL, at INTEGER NOT NULL, reply TEXT) STRICT`,
];

/** Result codes of SQLite that say: this file is beyond repair. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26]);
export const SQLITE_FULL = 13;

export interface OpenDatabase {
  readonly database: DatabaseSync;
  /** The damaged file was moved here; undefined when there was none. */
  readonly movedTo: string | undefined;
}

/** Opens the store, or makes it. A file that is damaged is put aside, never deleted: a device has to start. @throws of SQLite or the file system */
export function openDatabase(directory: string, wall: number, replace: boolean): OpenDatabase {
  makeDirectory(directory);
  const file = join(directory, FILE);
  if (replace) return { database: openAgain(file, wall), movedTo: `${file}.damaged` };
  try {
    return { database: open(file, wall), movedTo: undefined };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { database: openAgain(file, wall), movedTo: `${file}.damaged` };
  }
}

export function isDamage(error: unknown): boolean {
  return DAMAGED.has(resultCode(error)) || error instanceof ForeignStoreError;
}

/** SQLite's primary result code; 0 when the error is none of SQLite's. */
export function resultCode(error: unknown): number {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & 0xff : 0;
}

/** The file was made by a version of Nightjar that we do not know. */
class ForeignStoreError extends Error {
  override name = "ForeignStoreError";
}

function open(file: string, wall: number): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    // Exclusive: a second Nightjar on the same directory is refused, and there is no shared-memory file.
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${JOURNAL_LIMIT}; PRAGMA cache_size = -2048;
      PRAGMA temp_store = MEMORY;`);
    database.exec("BEGIN IMMEDIATE");
    for (const table of TABLES) database.exec(`CREATE TABLE IF NOT EXISTS ${table}`);
    database.prepare("INSERT OR IGNORE INTO state VALUES (1, ?, ?, 1, 1, ?, ?)").run(VERSION, newEpoch(), wall, wall);
    const { version } = database.prepare("SELECT version FROM state").get() as { version: number };
    if (version !== VERSION) throw new ForeignStoreError(`the outbox has version ${version}, expected ${VERSION}`);
    database.exec("COMMIT");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function openAgain(file: string, wall: number): DatabaseSync {
  for (const suffix of ["", "-wal"]) {
    rmSync(`${file}.damaged${suffix}`, { force: true });
    try {
      renameSync(`${file}${suffix}`, `${file}.damaged${suffix}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return open(file, wall);
}

/** Every class with a value of its own. */
export function perClass<Value>(value: (kind: MessageClass) => Value): Record<MessageClass, Value> {
  return Object.fromEntries(CLASSES.map((kind) => [kind, value(kind)])) as Record<MessageClass, Value>;
}
