/**
 * What the updater must not forget, in SQLite, each change synced: which versions were seen (so that older ones are refused
 * even when the metadata on the disk is gone), what is installed, what is under way, what failed, and what happened.
 */
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { codeOf } from "../log/errors.ts";
import { makeDurableDirectory, sync } from "./durable.ts";

/** Of the tables; another one is not read. */
const VERSION = 1;
const FILE = "updates.db";
/** Entries of the history that are kept. */
const HISTORY_LENGTH = 500;

const TABLES = [
  // trusted: the latest time, ms since 1970, at which signed metadata was found fresh.
  "state(one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, trusted INTEGER NOT NULL, run TEXT) STRICT",
  // keys: key ids of the role when the version was seen.
  "floor(role TEXT PRIMARY KEY, version INTEGER NOT NULL, keys TEXT NOT NULL) STRICT",
  "channel(name TEXT PRIMARY KEY, floor INTEGER NOT NULL, installed TEXT) STRICT",
  // release: SHA-256 of its manifest. blocked: why it is not tried any more; null: it may be.
  "attempt(release TEXT PRIMARY KEY, channel TEXT NOT NULL, version TEXT NOT NULL, failures INTEGER NOT NULL, blocked TEXT, at INTEGER NOT NULL) STRICT",
  "history(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, channel TEXT NOT NULL, version TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL) STRICT",
];

/** Result codes of SQLite that say: this file is beyond repair. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26]);

/** Of a role: no version below is accepted. */
export interface Floor {
  readonly version: number;
  /** Sorted and joined by ",": when the keys of a role were replaced, versions signed by the old ones say nothing. */
  readonly keys: string;
}

export interface Installed {
  readonly version: string;
  readonly counter: number;
  readonly sha256: string;
  readonly element: string;
  /** Absolute. */
  readonly directory: string;
}

export interface Attempt {
  readonly release: string;
  readonly channel: string;
  readonly version: string;
  readonly failures: number;
  readonly blocked: string | null;
  /** ms since 1970 */
  readonly at: number;
}

export interface HistoryEntry {
  /** ms since 1970 */
  readonly at: number;
  readonly channel: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

export class UpdateDatabase {
  readonly #db: DatabaseSync;
  /** Where a damaged file was put; undefined: there was none. */
  readonly movedTo: string | undefined;

  /** @throws of SQLite or the file system when there can be no file */
  constructor(directory: string) {
    makeDurableDirectory(directory);
    const file = join(directory, FILE);
    const opened = openOrReplace(file);
    this.#db = opened.database;
    this.movedTo = opened.movedTo;
    sync(directory);
  }

  close(): void {
    this.#db.close();
  }

  /** All changes of `work`, or none. */
  transaction<Value>(work: () => Value): Value {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const value = work();
      this.#db.exec("COMMIT");
      return value;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  get trusted(): number {
    return (this.#db.prepare("SELECT trusted FROM state").get() as { trusted: number }).trusted;
  }

  /** JSON of what is under way; undefined: nothing. */
  get run(): string | undefined {
    return (this.#db.prepare("SELECT run FROM state").get() as { run: string | null }).run ?? undefined;
  }

  setRun(run: string | undefined): void {
    this.#db.prepare("UPDATE state SET run = ?").run(run ?? null);
  }

  floors(): Map<string, Floor> {
    const rows = this.#db.prepare("SELECT role, version, keys FROM floor").all() as unknown as (Floor & {
      role: string;
    })[];
    return new Map(rows.map(({ role, version, keys }) => [role, { version, keys }]));
  }

  /** Both or neither. `trusted`, ms since 1970, never goes back. */
  remember({ floors, trusted }: { floors?: ReadonlyMap<string, Floor>; trusted?: number }): void {
    this.transaction(() => {
      if (trusted !== undefined)
        this.#db.prepare("UPDATE state SET trusted = max(trusted, ?)").run(Math.floor(trusted));
      if (floors === undefined) return;
      this.#db.exec("DELETE FROM floor");
      const insert = this.#db.prepare("INSERT INTO floor VALUES (?, ?, ?)");
      for (const [role, { version, keys }] of floors) insert.run(role, version, keys);
    });
  }

  /** Least counter that a release of the channel may have. */
  counterFloor(channel: string): number {
    const row = this.#db.prepare("SELECT floor FROM channel WHERE name = ?").get(channel) as
      | { floor: number }
      | undefined;
    return row?.floor ?? 0;
  }

  installed(channel: string): Installed | undefined {
    const row = this.#db.prepare("SELECT installed FROM channel WHERE name = ?").get(channel);
    const text = (row as { installed: string | null } | undefined)?.installed ?? null;
    return text === null ? undefined : (JSON.parse(text) as Installed);
  }

  /** The counter's floor follows what is installed, upwards only. */
  setInstalled(channel: string, installed: Installed | undefined): void {
    const statement = this.#db.prepare(
      `INSERT INTO channel VALUES (?1, ?2, ?3)
       ON CONFLICT (name) DO UPDATE SET floor = max(floor, ?2), installed = ?3`,
    );
    statement.run(channel, installed?.counter ?? 0, installed === undefined ? null : JSON.stringify(installed));
  }

  channels(): string[] {
    return (this.#db.prepare("SELECT name FROM channel ORDER BY name").all() as { name: string }[]).map(
      ({ name }) => name,
    );
  }

  attempt(release: string): Attempt | undefined {
    const row = this.#db.prepare("SELECT * FROM attempt WHERE release = ?").get(release);
    return row === undefined ? undefined : ({ ...row } as unknown as Attempt);
  }

  /** Releases that are not tried any more, newest first. */
  blocked(): Attempt[] {
    const rows = this.#db.prepare("SELECT * FROM attempt WHERE blocked IS NOT NULL ORDER BY at DESC").all();
    return rows.map((row) => ({ ...row }) as unknown as Attempt);
  }

  setAttempt({ release, channel, version, failures, blocked, at }: Attempt): void {
    const statement = this.#db.prepare("INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?, ?)");
    statement.run(release, channel, version, failures, blocked, at);
  }

  forgetAttempt(release: string): void {
    this.#db.prepare("DELETE FROM attempt WHERE release = ?").run(release);
  }

  addHistory({ at, channel, version, state, reason }: HistoryEntry): void {
    this.#db
      .prepare("INSERT INTO history (at, channel, version, state, reason) VALUES (?, ?, ?, ?, ?)")
      .run(at, channel, version, state, reason);
    this.#db.prepare("DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?").run(HISTORY_LENGTH);
  }

  /** Newest first. */
  history(limit: number): HistoryEntry[] {
    const rows = this.#db.prepare("SELECT at, channel, version, state, reason FROM history ORDER BY id DESC LIMIT ?");
    return rows.all(limit).map((row) => ({ ...row }) as unknown as HistoryEntry);
  }
}

/** A file that is damaged is put aside, never deleted: a device has to start. */
function openOrReplace(file: string): { database: DatabaseSync; movedTo: string | undefined } {
  try {
    return { database: open(file), movedTo: undefined };
  } catch (error) {
    const code = (error as { errcode?: unknown } | null)?.errcode;
    const isDamage = error instanceof ForeignDatabaseError || (typeof code === "number" && DAMAGED.has(code & 0xff));
    if (!isDamage) throw error;
    for (const suffix of ["", "-wal"]) moveAside(`${file}${suffix}`, `${file}.damaged${suffix}`);
    return { database: open(file), movedTo: `${file}.damaged` };
  }
}

function moveAside(from: string, to: string): void {
  rmSync(to, { force: true });
  try {
    renameSync(from, to);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** The file was made by a version of Nightjar that we do not know. */
class ForeignDatabaseError extends Error {
  override name = "ForeignDatabaseError";
}

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    // Exclusive: a second Nightjar on the same directory is refused, and there is no shared-memory file.
    database.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;",
    );
    database.exec("BEGIN IMMEDIATE");
    for (const table of TABLES) database.exec(`CREATE TABLE IF NOT EXISTS ${table}`);
    database.prepare("INSERT OR IGNORE INTO state VALUES (1, ?, 0, NULL)").run(VERSION);
    const { version } = database.prepare("SELECT version FROM state").get() as { version: number };
    if (version !== VERSION) throw new ForeignDatabaseError(`${file} has version ${version}, expected ${VERSION}`);
    database.exec("COMMIT");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
