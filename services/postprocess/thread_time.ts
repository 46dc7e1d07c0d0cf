// A thread as the kernel numbers it: what threadTime() of the link's addon asks for.

import { readlinkSync } from "node:fs";

/** The calling thread. */
export function ownThread(): number {
  return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
}
