/** Logs: pino, one line per fact. JSON for machines, text for people; secrets in addresses are taken out of both. */
import { renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type DestinationStream, type Logger, pino } from "pino";
import { redact } from "../config/secrets.ts";
import { formatEntry, type LogEntry, toEntry } from "./entry.ts";
import { codeOf, EXIT, ExpectedError } from "./errors.ts";
import { makeDirectory } from "./make-directory.ts";
import { LogSink } from "./sink.ts";

export type { Logger } from "pino";
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "json" | "text";
  /** Append to this file; absent: standard error. */
  readonly file?: string | undefined;
  /** Sees every entry, for the terminal view and the console. */
  readonly onEntry?: ((entry: LogEntry) => void) | undefined;
}

/** A file larger than this when Nightjar starts becomes FILE.1 (the former FILE.1 is dropped). */
const ROTATE_BYTES = 16 * 1024 * 1024;

export interface Log {
  readonly logger: Logger;
}

/** @throws ExpectedError when the file cannot be written. */
export function createLog(options: LogOptions): Log {
  const out = options.file === undefined ? new LogSink(2) : openFile(options.file, options.onEntry);
  const color = options.file === undefined && process.stderr.isTTY === true;
  const stream: DestinationStream = {
    write(line) {
      const safe = redact(line);
      const entry = toEntry(safe);
      if (entry !== undefined) options.onEntry?.(entry);
      out.write(options.format === "json" || entry === undefined ? safe : `${formatEntry(entry, color)}\n`);
    },
  };
  const logger = pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return { logger };
}

function openFile(file: string, onEntry: LogOptions["onEntry"]): LogSink {
  try {
    makeDirectory(dirname(file));
    const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes > ROTATE_BYTES) renameSync(file, `${file}.1`);
    return LogSink.toFile(file, (code) => tellTrouble(file, code, onEntry));
  } catch (error) {
    const message = `log.file: ${file} cannot be written (${codeOf(error)}); choose a file in a directory that this user may write`;
    throw new ExpectedError(EXIT.environment, message, { cause: error });
  }
}

/** The log cannot say it: the live view does, and standard error where there is one to read it. */
function tellTrouble(file: string, code: string, onEntry: LogOptions["onEntry"]): void {
  const remedy = code === "ENOSPC" ? "the disk is full: free space" : "check the disk and the permissions";
  const message = `log.file: ${file} cannot be written (${code}); ${remedy}. Lines are left out until it works`;
  onEntry?.({ time: Date.now(), level: "warn", message, fields: {} });
  if (process.stderr.isTTY !== true) new LogSink(2).write(`${message}\n`);
}
