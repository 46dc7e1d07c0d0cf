// A worker that waits for the module's bell, tells when it rang, and leaves when the link stops.

import { parentPort, workerData } from "node:worker_threads";
import { map, waitBell } from "../../../firmware/link/addon.ts";
import { Bell } from "../../../firmware/link/protocol.ts";
import { LinkMemory } from "../../../firmware/link/slots.ts";

const { fd, bytes } = workerData as { fd: number; bytes: number };
const link = new LinkMemory(map(fd, bytes));
let seen = link.bell(Bell.Module);
parentPort?.postMessage("waiting");
while (!link.stopped) serve();

function serve(): void {
  waitBell(link, Bell.Module, seen);
  seen = link.bell(Bell.Module);
  if (!link.stopped) parentPort?.postMessage("woken");
}
