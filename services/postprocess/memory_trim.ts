// Gives memory that a bundle has left behind back to the kernel: the heaps of malloc are told never to do that by themselves
// (bin/nightjar-host says why), so a large model would be paid for until the process ends.

import { trim } from "../../firmware/link/addon.ts";

/** After the last change, when nothing waits for the main thread; ms. */
const QUIET_MS = 2000;

let timer: NodeJS.Timeout | undefined;

/** To be called whenever something large was loaded or closed. */
export function trimSoon(): void {
  clearTimeout(timer);
  timer = setTimeout(trim, QUIET_MS).unref();
}
