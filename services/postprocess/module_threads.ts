// Threads for module instances. Starting one takes 60 ms of processor time and 20 MB, nearly all of it Node's own; an instance
// begins in a running one within a few milliseconds. So one spare thread stands by, for all modules of the process: it
// has everything loaded and has never run a module. The next one is made when whoever took it has begun.

import { Worker } from "node:worker_threads";

/** After the last thread was taken; ms. Those who begin, or change over, have the processor for themselves until then. */
const REFILL_MS = 250;

let spare: Worker | undefined;
let keepers = 0;
let refill: NodeJS.Timeout | undefined;

/** A thread that runs module_worker.ts and waits for its first message: the spare one, or a new one. */
export function takeThread(): Worker {
  const taken = spare;
  spare = undefined;
  taken?.removeAllListeners();
  if (keepers > 0) refillSoon();
  return taken ?? makeThread();
}

/** Has a spare thread stand by from now on; the function that is given back ends that. */
export function keepSpareThread(): () => void {
  keepers++;
  refillSoon();
  let isKept = true;
  return () => {
    if (!isKept) return;
    isKept = false;
    keepers--;
    if (keepers > 0) return;
    clearTimeout(refill);
    void spare?.terminate();
    spare = undefined;
  };
}

function refillSoon(): void {
  clearTimeout(refill);
  refill = setTimeout(() => {
    if (!spare) spare = makeSpare();
  }, REFILL_MS).unref();
}

function makeSpare(): Worker {
  const worker = makeThread();
  // Nothing of anybody's runs in it: only a machine that is out of memory ends it. Who needs a thread then makes one, and hears why.
  worker.once("error", () => {});
  worker.once("exit", () => {
    if (spare === worker) spare = undefined;
  });
  return worker;
}

function makeThread(): Worker {
  const worker = new Worker(new URL("./module_worker.ts", import.meta.url));
  worker.unref();
  return worker;
}
