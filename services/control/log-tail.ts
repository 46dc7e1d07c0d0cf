/** The last lines of the log, for whoever comes later. */
import type { LogEntry } from "../log/entry.ts";

const MOST = 1000;

/** Most important first. */
const LEVELS: readonly LogEntry["level"][] = ["error", "warn", "info", "debug", "trace"];

export class LogTail {
  readonly #lines: LogEntry[] = [];

  add(entry: LogEntry): void {
    this.#lines.push(entry);
    if (this.#lines.length > MOST) this.#lines.shift();
  }

  /** Oldest first. @param level least important that is wanted */
  last(limit: number, level: LogEntry["level"] = "trace"): LogEntry[] {
    if (level === "trace") return this.#lines.slice(-limit);
    const wanted = new Set(LEVELS.slice(0, LEVELS.indexOf(level) + 1));
    return this.#lines.filter((entry) => wanted.has(entry.level)).slice(-limit);
  }
}
