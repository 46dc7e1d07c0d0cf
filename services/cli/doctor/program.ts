import { execFile } from "node:child_process";

export interface Output {
  readonly ok: boolean;
  readonly stdout: string;
  /** The last line on standard error, or why it could not be run. */
  readonly why: string;
}

const LIMIT_MS = 20_000;

/** Runs a program to its end; a missing one is a result like any other. */
export function output(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Output> {
  return new Promise((resolve) => {
    execFile(command, args, { env, timeout: LIMIT_MS }, (error, stdout, stderr) => {
      const lastLine = stderr.trim().split("\n").at(-1) ?? "";
      const missing = (error as NodeJS.ErrnoException | null)?.code === "ENOENT";
      resolve({
        ok: error === null,
        stdout: stdout.trim(),
        why: missing ? `there is no ${command}` : lastLine || (error?.message ?? ""),
      });
    });
  });
}
