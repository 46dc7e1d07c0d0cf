// Builds a module without having the compiler in this process, which may run modules under the host's V8 flags.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { EXIT, type ExitCode, ExpectedError } from "../log/errors.ts";
import type { Built } from "./build.ts";

export type BuildAnswer = { built: Built } | { message: string; exitCode: ExitCode };

/** @throws ExpectedError when the folder is no module's, or it does not compile; `say` gets the compiler's words */
export function buildApart(directory: string, force: boolean, say: (text: string) => void): Promise<Built> {
  const program = join(import.meta.dirname, "build_main.ts");
  return new Promise((resolve, reject) => {
    const args = [program, directory, ...(force ? ["--force"] : [])];
    execFile(process.execPath, args, { maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      const answer = answerOf(stdout);
      if (answer === undefined) {
        const reason = stderr.trim() || error?.message;
        return reject(new ExpectedError(EXIT.bug, `the compiler's process failed: ${reason}`));
      }
      if (stderr.trim()) say(stderr.trimEnd());
      if ("built" in answer) resolve(answer.built);
      else reject(new ExpectedError(answer.exitCode, answer.message));
    });
  });
}

function answerOf(text: string): BuildAnswer | undefined {
  const line = text.trim().split("\n").at(-1) ?? "";
  return line.startsWith("{") ? (JSON.parse(line) as BuildAnswer) : undefined;
}
