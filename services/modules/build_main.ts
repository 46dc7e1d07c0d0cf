// Builds one module in a process of its own (build_process.ts). Prints one line of JSON: what was built, or why not.
//
// usage: node services/modules/build_main.ts DIRECTORY [--force]

import { ExpectedError } from "../log/errors.ts";
import { buildModule } from "./build.ts";
import type { BuildAnswer } from "./build_process.ts";

const [directory = "", flag] = process.argv.slice(2);
const say = (text: string) => process.stderr.write(`${text}\n`);
let answer: BuildAnswer;
try {
  answer = { built: await buildModule(directory, { force: flag === "--force", say }) };
} catch (error) {
  if (!(error instanceof ExpectedError)) throw error;
  answer = { message: error.message, exitCode: error.exitCode };
}
process.stdout.write(`${JSON.stringify(answer)}\n`);
