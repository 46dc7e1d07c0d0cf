/** What a command of the command line is: data for help and parsing, and one function that gathers, decides and returns. */
import type { ExitCode } from "../log/errors.ts";

export interface OptionSpec {
  /** As commander reads it: "-c, --config <file>". */
  readonly flags: string;
  readonly description: string;
  readonly default?: string;
  readonly required?: boolean;
  /** Turns the text into a value. @throws ExpectedError (usage) */
  readonly parse?: (text: string) => unknown;
}

export interface ArgumentSpec {
  /** "<id>" or "[uri]". */
  readonly name: string;
  readonly description: string;
}

/** What a command has to say. Commands that talk while they run (run, watch) write by themselves and return only the code. */
export interface Result {
  readonly exitCode: ExitCode | 130;
  /** For people, on standard output. */
  readonly text?: string;
  /** For programs, with --json. */
  readonly json?: unknown;
}

/** Where commands meet the world; tests bring their own. */
export interface Terminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
}

export interface CommandSpec {
  /** "camera add" is a command in a group. */
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** Offers --json. */
  readonly json?: boolean;
  run(values: Values, terminal: Terminal): Result | Promise<Result>;
}

/** Arguments by name, options by their long name in camel case, and json. */
export type Values = Readonly<Record<string, unknown>>;

/** A text option; undefined when it was not given. */
export function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

export function isOn(values: Values, name: string): boolean {
  return values[name] === true;
}
