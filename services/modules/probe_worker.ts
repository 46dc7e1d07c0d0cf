// A worker thread that asks a module for its ABI and kind: for that it has to be instantiated, which may take for ever.

import { parentPort, workerData } from "node:worker_threads";

export type ProbeAnswer = { abi: number; kind: number } | { error: string };

parentPort!.postMessage(ask(workerData as Uint8Array<ArrayBuffer>));

function ask(binary: Uint8Array<ArrayBuffer>): ProbeAnswer {
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), { nightjar: { log: () => {} } });
    const { nj_abi, nj_kind } = instance.exports as Record<string, (() => number) | undefined>;
    if (!nj_abi || !nj_kind) return { error: "it does not export nj_abi and nj_kind" };
    return { abi: nj_abi() >>> 0, kind: nj_kind() };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
