/** The record of the update that is under way: written, synced, before what it announces is done. */
import type { HistoryEntry, Installed, UpdateDatabase } from "./database.ts";
import {
  type End,
  follow,
  idleRun,
  MOST_FAILURES,
  MOST_RECORDS,
  type Run,
  type RunRelease,
  runSchema,
  type State,
} from "./machine.ts";

/** How an update ended. */
export interface Ending {
  readonly end: End;
  readonly reason: string;
  /** What to think of the release: nothing; a failed try; not to be tried again. */
  readonly verdict: "none" | "failed" | "unfit";
}

export class Journal {
  readonly #db: UpdateDatabase;
  readonly #reached: (point: string) => void;
  #run: Run;

  /**
   * @param locate where a release lies now: the state directory may have another name since it was written down
   * @param reached told about each point at which a power cut is of interest: "staged:before-record", …
   */
  constructor(
    db: UpdateDatabase,
    locate: (release: RunRelease) => string,
    reached: (point: string) => void = () => {},
  ) {
    this.#db = db;
    this.#reached = reached;
    const text = db.run;
    const run = text === undefined ? idleRun(Date.now()) : runSchema.parse(JSON.parse(text));
    const { release } = run;
    this.#run = release === undefined ? run : { ...run, release: { ...release, directory: locate(release) } };
  }

  get run(): Run {
    return this.#run;
  }

  /** The table's next state; its effect comes after this. */
  enter(state: State, changes: Partial<Pick<Run, "release" | "reason">> = {}): void {
    this.#write(state, follow(this.#run, state, Date.now(), changes), () => {});
  }

  /** What the state announced has been done. */
  done(): void {
    this.#reached(`${this.#run.state}:after-effect`);
  }

  /** Nightjar started in the middle of it, and it goes on. @returns false when that happened too often */
  carryOn(): boolean {
    const records = this.#run.records + 1;
    this.#write(this.#run.state, { ...this.#run, records }, () => {});
    return records <= MOST_RECORDS;
  }

  /** Back to nothing; also from states that only a start leaves this way. */
  rest(): void {
    this.#write("idle", idleRun(Date.now()), () => {});
  }

  /** The end, with all that follows from it: what is installed, what is thought of the release, the history. */
  finish({ end, reason, verdict }: Ending): void {
    const { release } = this.#run;
    const run = { ...this.#run, state: end, since: Date.now(), reason, records: this.#run.records + 1 };
    this.#write(end, run, () => {
      const { channel = "", version = "" } = release ?? {};
      this.#remember({ at: run.since, channel, version, state: end, reason });
      if (release === undefined) return;
      if (end !== "committed") return this.#judge(reason, verdict);
      const { counter, sha256, element, directory } = release;
      this.#db.setInstalled(channel, { version, counter, sha256, element, directory } satisfies Installed);
      this.#db.forgetAttempt(sha256);
    });
  }

  #judge(reason: string, verdict: Ending["verdict"]): void {
    const { release } = this.#run;
    if (release === undefined || verdict === "none") return;
    const before = this.#db.attempt(release.sha256);
    const failures = (before?.failures ?? 0) + 1;
    const isOver = verdict === "unfit" || failures >= MOST_FAILURES;
    const { sha256, channel, version } = release;
    const blocked = before?.blocked ?? (isOver ? reason : null);
    this.#db.setAttempt({ release: sha256, channel, version, failures, blocked, at: Date.now() });
  }

  /** The same failure poll after poll is one entry. */
  #remember(entry: HistoryEntry): void {
    const [last] = this.#db.history(1);
    const isSame = last?.state === entry.state && last.reason === entry.reason && last.version === entry.version;
    if (!isSame || entry.state === "committed") this.#db.addHistory(entry);
  }

  #write(state: State, run: Run, also: () => void): void {
    this.#reached(`${state}:before-record`);
    this.#db.transaction(() => {
      this.#db.setRun(JSON.stringify(run));
      also();
    });
    this.#run = run;
    this.#reached(`${state}:after-record`);
  }
}
