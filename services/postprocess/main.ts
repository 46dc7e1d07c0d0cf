// The postprocess host: models (ONNX Runtime) and modules (WebAssembly) for the elements of a pipeline.

import "./v8_limits.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { Host } from "./host.ts";
import { type Options, parseOptions } from "./options.ts";
import { Parent } from "./parent.ts";

const STATUS_MS = 1000;
/** For the batches in work; a model's run cannot be ended, so what takes longer is left behind with the process. */
const CLOSE_MS = 5000;

const options = optionsOrExit();
const assigned = Promise.withResolvers<void>();
const parent = new Parent({
  ...options,
  onStop: stop,
  onAssign: ({ bundles, allowance }) => {
    host.assign(bundles, allowance);
    assigned.resolve();
  },
  onSwap: async ({ request, instance, step }) => {
    parent.tell({ type: "swapped", request, answer: await host.swap(instance, step) });
  },
  onRecord: async ({ request, action }) => {
    parent.tell({ type: "recorded", request, view: (await host.record(action)) ?? null });
  },
});
const host = new Host(
  options.socket,
  {
    threads: options.threads,
    log: (level, message, instance) => parent.log(level, message, instance),
    incident: (instance, bundle, incident) => parent.tell({ type: "incident", instance, bundle, ...incident }),
  },
  { operators: options.operators },
);
let stopping = false;

process.once("SIGTERM", stop);
process.once("SIGINT", stop);
// Elements that connect before that would get bundles that were replaced long ago.
if (options.managed) await assigned.promise;
await host.listen().catch(cannotListen);
parent.tell({ type: "ready", socket: options.socket });
setInterval(() => parent.tell({ type: "status", links: host.status() }), STATUS_MS).unref();

function stop(): void {
  if (stopping) return;
  stopping = true;
  // process.exit() while a worker is inside of a run would abort with a core dump.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), CLOSE_MS).unref();
  void host.close().then(() => process.exit(EXIT.ok));
}

function optionsOrExit(): Options {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    console.error(`nightjar-host: ${error.message}`);
    process.exit(error.exitCode);
  }
}

function cannotListen(error: NodeJS.ErrnoException): never {
  const advice = error.code === "EADDRINUSE" ? "another host serves it: stop that one, or give another --socket" : "";
  const message = `cannot listen on ${options.socket}: ${error.message}${advice && `: ${advice}`}`;
  parent.log("error", message);
  parent.tell({ type: "fatal", exitCode: EXIT.environment, message });
  process.exit(EXIT.environment);
}
