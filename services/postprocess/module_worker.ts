// A worker thread that runs one module instance: WebAssembly, or an operator in TypeScript. It may be ended at any moment,
// also in the middle of a call.
//
//   main                          this worker
//                                 stands by, with everything loaded
//   start ──────────────────────► instantiates, configures, warms up
//   ◄─── starting, then ready (or failed)
//   serve (the link's memory) ──► takes slots until it is stopped
//   configure ──────────────────► between two slots
//   ◄─── log, failed (the module trapped: this worker takes no more slots)
//   ◄─── state, when it was stopped for another instance to go on

import { flushCompileCache } from "node:module";
import { parentPort, receiveMessageOnPort } from "node:worker_threads";
import { map, ringBell, stamp } from "../../firmware/link/addon.ts";
import { Bell, Kind, LinkError, ProtocolError, SLOT, SlotState } from "../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../firmware/link/slots.ts";
import type { Parameters } from "./bundle_schema.ts";
import { Guest } from "./guest.ts";
import { GuestError, type GuestErrorCode, type GuestSetup } from "./guest_memory.ts";
import type { ModuleCode } from "./module_file.ts";
import type { loadOperator as LoadOperator } from "./operator_guest.ts";
import { Samples } from "./samples.ts";
import { framesOf, nextSlot } from "./serve_slots.ts";
import { ownThread } from "./thread_time.ts";
import { NO_SLOT, SAVING, WorkerControl } from "./worker_control.ts";

/** One instance of a module, whatever it is written in. Every call may throw GuestError, or trap. */
export interface Runner {
  /** Takes all parameters. */
  configure(parameters: Parameters): void;
  /** Frames of nothing, to have the code compiled before the first real one. */
  warmUp(): void;
  /** Works on the frames of a slot, and writes their results back to it. */
  run(slot: Slot, frames: number): void;
  /** The state; undefined when it keeps none. It is of no more use afterwards. */
  save(): Uint8Array | undefined;
  restore(state: Uint8Array): void;
  /** The highest object id that it wrote so far; 0n when none is tracked. */
  readonly highestObjectId: bigint;
}

/** Makes an instance. `firstObjectId`: a tracker's first id. */
type RunnerFactory = (firstObjectId: bigint) => Runner;

/** What a thread does from then on. */
export interface ModuleStart {
  type: "start";
  code: ModuleCode;
  setup: GuestSetup;
  parameters: Parameters;
  control: SharedArrayBuffer;
  samples: SharedArrayBuffer;
  /** Lines of log per second. */
  logLines: number;
}

export type ToModuleWorker =
  | ModuleStart
  | {
      type: "serve";
      fd: number;
      bytes: number;
      firstObjectId: bigint;
      /** Of the instance before this one. */
      state: Uint8Array | undefined;
    }
  | { type: "configure"; parameters: Parameters };

export type FromModuleWorker =
  | { type: "starting" }
  | { type: "ready" }
  /** `restored` says whether it took the state over; undefined when there was none. */
  | { type: "serving"; restored: boolean | undefined }
  | { type: "state"; state: Uint8Array | undefined }
  | { type: "failed"; code: GuestErrorCode; message: string }
  | { type: "log"; level: number; text: string };

const WARM_UP_FRAMES = 3;

const port = parentPort!;
let data: ModuleStart;
let control: WorkerControl;
let samples: Samples;
let parameters: Parameters;
let logSecond = 0;
let logLeft = 0;
let make: RunnerFactory;
/** Started and warmed up; undefined before that, and once one that begins afresh serves in its place. */
let warm: Runner | undefined;

port.on("message", (message: ToModuleWorker) => {
  if (message.type === "start") void attempt(() => begin(message));
  else if (message.type === "serve") void attempt(async () => serve(message));
  else if (warm) changeWarm(warm, message.parameters);
  else parameters = message.parameters;
});
// For the next thread, also when this process does not end as it should: reading our sources takes seconds without.
flushCompileCache();

async function begin(message: ModuleStart): Promise<void> {
  data = message;
  control = new WorkerControl(data.control);
  samples = new Samples(data.samples);
  parameters = data.parameters;
  logLeft = data.logLines;
  control.thread = ownThread();
  // Our own part of an operator: its time is not the operator's.
  const loadOperator = "operator" in data.code ? await operatorLoader() : undefined;
  tell({ type: "starting" });
  control.begin(NO_SLOT);
  make = await factoryOf(data, loadOperator);
  const guest = start(1n);
  for (let i = 0; i < WARM_UP_FRAMES; i++) guest.warmUp();
  control.end();
  warm = guest;
  tell({ type: "ready" });
}

/** Not at hand in the spare thread: most machines have no operator. */
async function operatorLoader(): Promise<typeof LoadOperator> {
  const { loadOperator } = await import("./operator_guest.ts");
  flushCompileCache();
  return loadOperator;
}

async function factoryOf(
  { code, setup }: ModuleStart,
  loadOperator: typeof LoadOperator | undefined,
): Promise<RunnerFactory> {
  if ("wasm" in code) return (firstObjectId) => new Guest(code.wasm, setup, firstObjectId, log);
  return loadOperator!(code.operator, setup, log);
}

function serve(message: Extract<ToModuleWorker, { type: "serve" }>): void {
  const link = new LinkMemory(map(message.fd, message.bytes));
  // The first parameters count as start: a module that hangs on them is ended like one that hangs before.
  control.begin(NO_SLOT);
  // Warm-up frames left no trace in a module without state; one with state begins afresh.
  const { guest, restored } = takeOver(message);
  guest.configure(parameters);
  control.end();
  tell({ type: "serving", restored });
  const stopped = () => control.stopped;
  for (;;) {
    const slot = nextSlot(link, Bell.Module, SlotState.OutputReady, SlotState.Decoding, stopped);
    if (!slot) break;
    takeMessages(guest, slot);
    const intact = decode(link, guest, slot);
    ringBell(link, Bell.Element);
    if (!intact) break;
  }
  if (control.wantsState) tell({ type: "state", state: saved(guest) });
  port.close();
}

/** An instance that goes on from the state of another, or from the start when there is none or it cannot be read. */
function takeOver({ firstObjectId, state }: Extract<ToModuleWorker, { type: "serve" }>) {
  if (data.setup.kind === Kind.Detect) return { guest: warm!, restored: undefined };
  // It has done its part, and holds a memory of its own.
  warm = undefined;
  const guest = start(firstObjectId);
  if (!state) return { guest, restored: undefined };
  try {
    guest.restore(state);
    return { guest, restored: true };
  } catch (error) {
    log(2, `the state of the instance before was not taken over: ${describe(error)}`);
    // Whatever the attempt left behind is not to be gone on with.
    return { guest: start(firstObjectId), restored: false };
  }
}

function saved(guest: Runner): Uint8Array | undefined {
  control.begin(SAVING);
  try {
    return guest.save();
  } catch (error) {
    log(2, `the module's state was not saved: ${describe(error)}`);
    return undefined;
  } finally {
    control.end();
  }
}

/** False when the module can no longer be trusted. */
function decode(link: LinkMemory, guest: Runner, slot: Slot): boolean {
  const began = performance.now();
  control.begin(slot.index);
  try {
    stamp(link.buffer, slot.offset + SLOT.moduleStart);
    const batch = slot.batch;
    guest.run(slot, batch);
    stamp(link.buffer, slot.offset + SLOT.moduleEnd);
    // Before the slot is the element's: who sees its result finds it counted.
    samples.add(performance.now() - began, batch);
    slot.state = SlotState.ResultReady;
    return true;
  } catch (error) {
    return giveBack(slot, error);
  } finally {
    if (guest.highestObjectId > control.highestObjectId) control.highestObjectId = guest.highestObjectId;
    control.end();
  }
}

/** An error that the module returned, or a peer's mistake, costs this batch only; a trap ends the instance. */
function giveBack(slot: Slot, error: unknown): boolean {
  samples.fail(framesOf(slot));
  if (error instanceof ProtocolError) {
    slot.fail(LinkError.Protocol, error.message);
    return true;
  }
  const message = describe(error);
  slot.fail(error instanceof GuestError && error.code === "limits" ? LinkError.Overflow : LinkError.Module, message);
  if (error instanceof GuestError) {
    log(2, message);
    return true;
  }
  tell({ type: "failed", code: "module", message });
  return false;
}

/** The module's own code runs here too: its time counts for the slot. */
function takeMessages(guest: Runner, slot: Slot): void {
  control.begin(slot.index);
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    const message = next.message as ToModuleWorker;
    if (message.type === "configure") change(guest, message.parameters);
  }
}

/** Parameters that the module refuses are reported and change nothing. */
function change(guest: Runner, wanted: Parameters): void {
  try {
    const refusal = tryParameters(guest, wanted);
    if (refusal !== undefined) log(3, `${refusal}; the parameters stay as they were`);
  } catch (error) {
    control.end();
    failed(error);
  }
}

/** Whoever serves has said what is wrong; this one only has to stay able to take over. */
function changeWarm(guest: Runner, wanted: Parameters): void {
  control.begin(NO_SLOT);
  void attempt(async () => tryParameters(guest, wanted)).then(() => control.end());
}

/** Why the module refuses them: it then has those from before. */
function tryParameters(guest: Runner, wanted: Parameters): string | undefined {
  try {
    guest.configure(wanted);
    parameters = wanted;
    return undefined;
  } catch (error) {
    if (!(error instanceof GuestError) || error.code !== "parameters") throw error;
    guest.configure(parameters);
    return error.message;
  }
}

/** Counts as start, with the warm-up, until control.end(). */
function start(firstObjectId: bigint): Runner {
  control.begin(NO_SLOT);
  const guest = make(firstObjectId);
  guest.configure(parameters);
  return guest;
}

async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    control.end();
    failed(error);
    return undefined;
  }
}

function failed(error: unknown): void {
  tell({ type: "failed", code: error instanceof GuestError ? error.code : "module", message: describe(error) });
}

function describe(error: unknown): string {
  if (error instanceof GuestError) return error.message;
  const { name, message } = error as Error;
  if (name === "RuntimeError") return `the module trapped: ${message}`;
  if (name === "RangeError") return `the module ran out of stack or memory: ${message}`;
  return `the module failed: ${name}: ${message}`;
}

function log(level: number, text: string): void {
  const second = Math.floor(performance.now() / 1000);
  if (second !== logSecond) {
    logSecond = second;
    logLeft = data.logLines;
  }
  if (logLeft-- > 0) tell({ type: "log", level, text });
}

function tell(message: FromModuleWorker): void {
  port.postMessage(message);
}
