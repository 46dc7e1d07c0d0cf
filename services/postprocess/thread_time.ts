// Processor time of a thread: tells a module that runs away from one that waits for a busy machine.

import { readFileSync, readlinkSync } from "node:fs";

/** The calling thread, as the kernel numbers it. */
export function ownThread(): number {
  return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
}

/** Milliseconds that a thread of this process has run; undefined when the kernel does not say. */
export function threadTime(thread: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/self/task/${thread}/schedstat`, "latin1").split(" ")[0]) / 1e6;
  } catch {
    return undefined;
  }
}
