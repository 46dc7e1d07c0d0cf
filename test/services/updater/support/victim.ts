/**
 * A device that is killed at a named point: node victim.ts URL FOLDER ROOT-FILE POINT COUNT
 *
 * It looks once and ends when all is done; at the COUNT-th time that POINT is reached it ends as if the power had gone.
 * Points: "<state>:before-record", "<state>:after-record", "<state>:after-effect"; "none": it is not killed.
 */
import { readFileSync } from "node:fs";
import { startDevice } from "./device.ts";

const [url, folder, root, point, count = "1"] = process.argv.slice(2);
let left = Number(count);
const device = startDevice({
  folder: folder!,
  url: url!,
  firstRoot: readFileSync(root!),
  // Longer than the updater looks, so that each state is met.
  stepMs: 150,
  reached: (where) => {
    if (where !== point) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, "SIGKILL");
  },
});
await device.check();
await device.stop();
