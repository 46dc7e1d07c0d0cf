/** Options that several commands share. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defaultRuntimeDirectory, SERVICE } from "../config/directories.ts";
import { loadConfig } from "../config/load.ts";
import { parseDuration } from "../config/units.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { type OptionSpec, textOf, type Values } from "./command.ts";

export const CONFIG_OPTION: OptionSpec = {
  flags: "-c, --config <file>",
  description: "configuration file",
  required: true,
};

/** How a command finds the running Nightjar. */
export const REACH_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "-c, --config <file>",
    description: "configuration file of the running Nightjar, when it sets directories.runtime",
  },
  { flags: "-s, --socket <path>", description: "control socket of the running Nightjar" },
];

/** The control socket that the options point at. */
export function socketOf(values: Values): string {
  const socket = textOf(values, "socket");
  if (socket !== undefined) return socket;
  const file = textOf(values, "config");
  const directory = file === undefined ? runningDirectory() : loadConfig(file).directories.runtime;
  return join(directory, "control.sock");
}

/** Of the user's own Nightjar when there is one, else of the service. */
function runningDirectory(): string {
  const own = defaultRuntimeDirectory();
  return !existsSync(own) && existsSync(SERVICE.runtime) ? SERVICE.runtime : own;
}

/** What a timer can wait for; whoever wants longer leaves the option out. */
const LONGEST_DURATION_MS = 24 * 24 * 3600 * 1000;

/** The value of --duration, "20s", as milliseconds. */
export function durationOption(text: string): number {
  return durationOf("--duration", text);
}

/** The value of an option as milliseconds. @throws ExpectedError (usage) that names the option */
export function durationOf(option: string, text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds > 0 && milliseconds <= LONGEST_DURATION_MS) return milliseconds;
  throw new ExpectedError(
    EXIT.usage,
    `${option}: found "${text}", expected a duration of at most 24 days with its unit, such as 20s or 5min`,
  );
}
