/** The nightjar command. */
import type { CommandSpec } from "./command.ts";
import {
  bundleActivate,
  bundleInspect,
  bundleList,
  bundleQuarantine,
  bundleRollback,
  bundleShadow,
  bundleVerify,
} from "./commands/bundle.ts";
import { call } from "./commands/call.ts";
import { cameraAdd, cameraList, cameraRemove } from "./commands/camera.ts";
import { deviceEnrol, deviceShow } from "./commands/device.ts";
import { doctor } from "./commands/doctor.ts";
import { importNvinfer } from "./commands/import.ts";
import { migrate } from "./commands/migrate.ts";
import { moduleBench, moduleBuild, moduleInspect, moduleNew, moduleTest } from "./commands/module.ts";
import { record } from "./commands/record.ts";
import { replay } from "./commands/replay.ts";
import { REPO_COMMANDS } from "./commands/repo.ts";
import { run } from "./commands/run.ts";
import { schema } from "./commands/schema.ts";
import { status } from "./commands/status.ts";
import { supportBundle } from "./commands/support-bundle.ts";
import { tokenAdd, tokenList, tokenRemove } from "./commands/token.ts";
import { updateCheck, updateHistory, updateInstall, updateRollback, updateStatus } from "./commands/update.ts";
import { userAdd, userList, userPassword, userRemove } from "./commands/user.ts";
import { validate } from "./commands/validate.ts";
import { watch } from "./commands/watch.ts";
import { zoneList, zoneRemove, zoneSet } from "./commands/zone.ts";
import { failureText } from "./errors.ts";
import { runProgram } from "./program.ts";

const COMMANDS: readonly CommandSpec[] = [
  run,
  validate,
  migrate,
  doctor,
  supportBundle,
  status,
  cameraList,
  cameraAdd,
  cameraRemove,
  bundleList,
  bundleInspect,
  bundleVerify,
  bundleActivate,
  bundleShadow,
  bundleRollback,
  bundleQuarantine,
  updateStatus,
  updateCheck,
  updateInstall,
  updateRollback,
  updateHistory,
  ...REPO_COMMANDS,
  userList,
  userAdd,
  userRemove,
  userPassword,
  tokenList,
  tokenAdd,
  tokenRemove,
  deviceShow,
  deviceEnrol,
  zoneList,
  zoneSet,
  zoneRemove,
  importNvinfer,
  moduleNew,
  moduleBuild,
  moduleTest,
  moduleInspect,
  moduleBench,
  record,
  replay,
  watch,
  call,
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
