/** The end of a command that failed: what is said and which code the process ends with. */
import { EXIT, type ExitCode, ExpectedError } from "../log/errors.ts";
import { VERSION } from "../supervisor/version.ts";

/** A failure that we foresaw in its own words; anything else as our bug, with what one needs to report it. */
export function failureText(error: unknown): string {
  if (error instanceof ExpectedError) return error.message;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    "This is a fault of Nightjar, not yours. Please report it with these lines:",
    `nightjar ${VERSION}, node ${process.version}, ${process.platform}-${process.arch}`,
    stack,
  ].join("\n");
}

export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof ExpectedError ? error.exitCode : EXIT.bug;
}
