// Command line of the host.

import { parseArgs } from "node:util";
import { EXIT, ExpectedError } from "../log/errors.ts";
import type { LogLevel } from "./messages.ts";

export interface Options {
  socket: string;
  /** Threads of one run of a model; 0: as many as the machine has cores. */
  threads: number;
  exitWithParent: boolean;
  /** Those that may run: names of bundles, or "sha256:…". The parent's word goes over it with `managed`. */
  operators: readonly string[];
  /** The parent says by IPC which bundles to use before elements may connect. */
  managed: boolean;
  logLevel: LogLevel;
}

export const USAGE = `usage: nightjar-host --socket PATH [--threads N] [--exit-with-parent] [--operators NAME,…] [--managed] [--log-level debug|info|warn|error]

Runs models and modules for Nightjar's elements, which connect to the Unix socket PATH.

  --threads N          threads of one run of a model (default: one for each core)
  --exit-with-parent   end when standard input closes
  --operators NAME,…   bundles whose operator (TypeScript, no sandbox) may run; sha256:… for one file alone
  --managed            wait for the parent's word on bundles before elements may connect
  --log-level LEVEL    the least that is logged (default: info)
`;

const MAX_THREADS = 256;

/** Throws ExpectedError (exit code `usage`). */
export function parseOptions(argv: readonly string[]): Options {
  const values = parse(argv);
  if (!values.socket) throw usage("--socket PATH is missing");
  const threads = Number(values.threads);
  if (!Number.isInteger(threads) || threads < 0 || threads > MAX_THREADS) {
    throw usage(`--threads ${values.threads}: expected a whole number from 0 to ${MAX_THREADS}`);
  }
  return {
    socket: values.socket,
    threads,
    exitWithParent: values["exit-with-parent"],
    operators: values.operators.split(",").filter((name) => name !== ""),
    managed: values.managed,
    logLevel: levelOf(values["log-level"]),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        socket: { type: "string" },
        threads: { type: "string", default: "0" },
        "exit-with-parent": { type: "boolean", default: false },
        operators: { type: "string", default: "" },
        managed: { type: "boolean", default: false },
        "log-level": { type: "string", default: "info" },
      },
    }).values;
  } catch (error) {
    throw usage((error as Error).message);
  }
}

function levelOf(text: string): LogLevel {
  if (text === "debug" || text === "info" || text === "warn" || text === "error") return text;
  throw usage(`--log-level ${text}: expected debug, info, warn or error`);
}

function usage(problem: string): ExpectedError {
  return new ExpectedError(EXIT.usage, `${problem}\n\n${USAGE}`);
}
