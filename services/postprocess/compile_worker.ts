// A worker thread that does nothing but compile: it can be ended when a module takes too long, the main thread cannot.

import { flushCompileCache } from "node:module";
import { parentPort } from "node:worker_threads";
import { ownThread } from "./thread_time.ts";

export interface CompileRequest {
  id: number;
  binary: Uint8Array<ArrayBuffer>;
}

/** Said once. */
export interface CompileReady {
  /** This one, as the kernel numbers it. */
  thread: number;
}

export type CompileAnswer =
  | CompileReady
  | { id: number; module: WebAssembly.Module }
  /** The compiler's words. */
  | { id: number; error: string };

const port = parentPort!;
port.on("message", async ({ id, binary }: CompileRequest) => {
  port.postMessage(await compiled(id, binary));
});

flushCompileCache();
port.postMessage({ thread: ownThread() } satisfies CompileReady);

/** Not `new WebAssembly.Module()`: that goes on to its end when the thread is ended. */
async function compiled(id: number, binary: Uint8Array<ArrayBuffer>): Promise<CompileAnswer> {
  try {
    return { id, module: await WebAssembly.compile(binary) };
  } catch (error) {
    return { id, error: (error as Error).message };
  }
}
