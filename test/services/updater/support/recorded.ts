/**
 * The life of a device on a recorded disk: node recorded.ts FOLDER LOG ROOT-FILE URL…
 * It looks at one repository after the other, and says "committed VERSION WRITES" for each: that must be there after any cut
 * behind so many writes.
 */
import { readFileSync } from "node:fs";
import { countEntries } from "../../../support/crash-recorder.ts";
import { startDevice } from "./device.ts";

const [folder, log, root, ...urls] = process.argv.slice(2);
for (const url of urls) {
  const device = startDevice({ folder: folder!, url, firstRoot: readFileSync(root!) });
  await device.check();
  console.log(`committed ${device.updater.status().channels[0]?.installed} ${countEntries(log!)}`);
  await device.stop();
}
