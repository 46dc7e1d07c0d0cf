// The process that started this one: reports to it, and notices when it is gone.

import { writeSync } from "node:fs";
import type { FromPostprocess, LogLevel, ToPostprocess } from "./messages.ts";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const STDERR = 2;

export interface ParentOptions {
  /** Without an IPC channel: the parent holds our stdin, and is gone when it closes. */
  exitWithParent: boolean;
  /** The least that is logged. */
  logLevel: LogLevel;
  /** The parent is gone, or wants us to stop. */
  onStop: () => void;
  onAssign: (message: Extract<ToPostprocess, { type: "assign" }>) => void;
  onSwap: (message: Extract<ToPostprocess, { type: "swap" }>) => void;
  onRecord: (message: Extract<ToPostprocess, { type: "record" }>) => void;
}

export class Parent {
  readonly #lowest: number;

  constructor({ exitWithParent, logLevel, onStop, onAssign, onSwap, onRecord }: ParentOptions) {
    this.#lowest = LEVELS.indexOf(logLevel);
    if (process.send) {
      process.once("disconnect", onStop);
      process.on("message", (message: ToPostprocess) => {
        if (message.type === "stop") onStop();
        else if (message.type === "assign") onAssign(message);
        else if (message.type === "swap") onSwap(message);
        else if (message.type === "record") onRecord(message);
      });
    } else if (exitWithParent) {
      process.stdin.once("close", onStop);
      process.stdin.once("error", onStop);
      process.stdin.resume();
    }
  }

  /** To the parent; nowhere when there is no channel. */
  tell(message: FromPostprocess): void {
    if (process.connected) process.send?.(message);
  }

  /** One line: to the parent, or to stderr when there is no channel. */
  log(level: LogLevel, message: string, instance?: string): void {
    if (LEVELS.indexOf(level) < this.#lowest) return;
    if (process.connected) this.tell({ type: "log", level, message, ...(instance !== undefined && { instance }) });
    else writeLine(`nightjar-host: ${level}: ${instance ? `${instance}: ` : ""}${message}`);
  }
}

/** stderr may be a closed pipe of an application that is gone. */
function writeLine(line: string): void {
  try {
    writeSync(STDERR, line + "\n");
  } catch {
    // There is nobody left to tell.
  }
}
