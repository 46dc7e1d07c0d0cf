// Takes the types out of an operator's TypeScript, in a process of its own: Node's reader of TypeScript is WebAssembly, and a
// worker that loads it under v8_limits.ts takes seconds, more than an operator has to start (limits.start-ms).

import { execFile } from "node:child_process";

/** Types become spaces: lines and columns stay. */
const PROGRAM = `
  const { stripTypeScriptTypes } = require("node:module");
  const text = require("node:fs").readFileSync(0, "utf8");
  let answer;
  try {
    answer = { code: stripTypeScriptTypes(text) };
  } catch (error) {
    answer = { problem: String(error.stack).split("\\n    at ")[0] };
  }
  process.stdout.write(JSON.stringify(answer));
`;
const TIMEOUT_MS = 60_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** JavaScript. @throws Error that says what is no TypeScript, or none that can run as it is (an enum) */
export function stripTypes(source: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: MOST_BYTES };
    const child = execFile(process.execPath, ["--no-warnings", "-e", PROGRAM], options, (error, stdout) => {
      if (error) return reject(new Error(`the process that takes its types out failed: ${error.message}`));
      const { code, problem } = JSON.parse(stdout) as { code?: string; problem?: string };
      if (code === undefined) reject(new Error(problem));
      else resolve(code);
    });
    // It may end before it has read everything: its exit says more.
    child.stdin?.on("error", () => {});
    child.stdin?.end(source);
  });
}
