/** The nightjar command. */
import type { CommandSpec } from "./command.ts";
import { cameraAdd, cameraList, cameraRemove } from "./commands/camera.ts";
import { doctor } from "./commands/doctor.ts";
import { run } from "./commands/run.ts";
import { schema } from "./commands/schema.ts";
import { status } from "./commands/status.ts";
import { validate } from "./commands/validate.ts";
import { watch } from "./commands/watch.ts";
import { failureText } from "./errors.ts";
import { runProgram } from "./program.ts";

const COMMANDS: readonly CommandSpec[] = [
  run,
  validate,
  doctor,
  status,
  cameraList,
  cameraAdd,
  cameraRemove,
  watch,
  schema,
];

// A reader who has seen enough (nightjar watch | head) closes the pipe: that is no fault. What runs is ended in order, once.
let readerGone = false;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (!readerGone && !process.emit("SIGTERM", "SIGTERM")) process.exit(0);
  readerGone = true;
});
process.stderr.on("error", () => {});
process.on("uncaughtException", (error) => {
  process.stderr.write(`${failureText(error)}\n`);
  process.exit(1);
});

/** What is still open keeps the process for this long at most, milliseconds. */
const LINGER_MS = 2000;

process.exitCode = await runProgram(COMMANDS, process.argv.slice(2), process);
setTimeout(() => process.exit(), LINGER_MS).unref();
