// A worker thread that runs one module instance. It may be ended at any moment, also in the middle of a call.
//
//   main                          this worker
//   workerData ─────────────────► instantiates, configures, warms up
//   ◄─── starting, then ready (or failed)
//   serve (the link's memory) ──► takes slots until it is stopped
//   configure ──────────────────► between two slots
//   ◄─── log, failed (the module trapped: this worker takes no more slots)

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { map, ringBell, stamp } from "../../firmware/link/addon.ts";
import { Bell, FRAME, Kind, LinkError, ProtocolError, SLOT, SlotState } from "../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../firmware/link/slots.ts";
import type { Parameters } from "./bundle_schema.ts";
import { Guest } from "./guest.ts";
import { GuestError, type GuestErrorCode, type GuestSetup } from "./guest_memory.ts";
import { Samples } from "./samples.ts";
import { nextSlot } from "./serve_slots.ts";
import { ownThread } from "./thread_time.ts";
import { NO_SLOT, WorkerControl } from "./worker_control.ts";

export interface ModuleWorkerData {
  module: WebAssembly.Module;
  setup: GuestSetup;
  parameters: Parameters;
  control: SharedArrayBuffer;
  samples: SharedArrayBuffer;
  /** Lines of log per second. */
  logLines: number;
}

export type ToModuleWorker =
  | { type: "serve"; fd: number; bytes: number; firstObjectId: bigint }
  | { type: "configure"; parameters: Parameters };

export type FromModuleWorker =
  | { type: "starting" }
  | { type: "ready" }
  | { type: "serving" }
  | { type: "failed"; code: GuestErrorCode; message: string }
  | { type: "log"; level: number; text: string };

const WARM_UP_FRAMES = 3;

const port = parentPort!;
const data = workerData as ModuleWorkerData;
const control = new WorkerControl(data.control);
const samples = new Samples(data.samples);
let parameters = data.parameters;
let logSecond = 0;
let logLeft = data.logLines;

control.thread = ownThread();
const warm = attempt(() => {
  tell({ type: "starting" });
  const guest = start(1n);
  for (let i = 0; i < WARM_UP_FRAMES; i++) guest.warmUp();
  control.end();
  return guest;
});
if (warm) {
  tell({ type: "ready" });
  port.on("message", (message: ToModuleWorker) => {
    if (message.type === "configure") parameters = message.parameters;
    else attempt(() => serve(message));
  });
}

function serve(message: Extract<ToModuleWorker, { type: "serve" }>): void {
  const link = new LinkMemory(map(message.fd, message.bytes));
  // Warm-up frames left no trace in a module without state; one with state begins afresh.
  const guest = data.setup.kind === Kind.Detect ? warm! : start(message.firstObjectId);
  guest.configure(parameters);
  control.end();
  tell({ type: "serving" });
  const stopped = () => control.stopped;
  for (;;) {
    const slot = nextSlot(link, Bell.Module, SlotState.OutputReady, SlotState.Decoding, stopped);
    if (!slot) break;
    takeMessages(guest, slot);
    const intact = decode(link, guest, slot);
    ringBell(link, Bell.Element);
    if (!intact) break;
  }
  port.close();
}

/** False when the module can no longer be trusted. */
function decode(link: LinkMemory, guest: Guest, slot: Slot): boolean {
  const began = performance.now();
  control.begin(slot.index);
  try {
    stamp(link.buffer, slot.offset + SLOT.moduleStart);
    const batch = slot.batch;
    for (let frame = 0; frame < batch; frame++) runFrame(guest, slot, frame);
    stamp(link.buffer, slot.offset + SLOT.moduleEnd);
    slot.state = SlotState.ResultReady;
    samples.add(performance.now() - began, batch);
    return true;
  } catch (error) {
    return giveBack(slot, error);
  } finally {
    control.end();
  }
}

function runFrame(guest: Guest, slot: Slot, frame: number): void {
  guest.process(slot, frame);
  if (data.setup.kind !== Kind.Analyze) return;
  const highest = guest.highestObjectId(slot.frameWord(frame, FRAME.objectsOut));
  if (highest > control.highestObjectId) control.highestObjectId = highest;
}

/** An error that the module returned, or a peer's mistake, costs this batch only; a trap ends the instance. */
function giveBack(slot: Slot, error: unknown): boolean {
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
function takeMessages(guest: Guest, slot: Slot): void {
  control.begin(slot.index);
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    const message = next.message as ToModuleWorker;
    if (message.type !== "configure") continue;
    parameters = message.parameters;
    attempt(() => guest.configure(parameters));
  }
}

/** Counts as start, with the warm-up, until control.end(). */
function start(firstObjectId: bigint): Guest {
  control.begin(NO_SLOT);
  const guest = new Guest(data.module, data.setup, firstObjectId, log);
  guest.configure(parameters);
  return guest;
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    control.end();
    tell({ type: "failed", code: error instanceof GuestError ? error.code : "module", message: describe(error) });
    return undefined;
  }
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
