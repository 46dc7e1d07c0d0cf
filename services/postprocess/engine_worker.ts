// A worker thread that runs one ONNX session. session.run blocks it, and ending a worker inside session.run ends the whole
// process: this one is only ever stopped by its stop word, between two runs.
//
//   main                          this worker
//   workerData ─────────────────► loads the model
//   ◄─── loaded (inputs, outputs) or failed
//   warm (shape of the input) ──► one run on zeros: says what shapes come out
//   ◄─── warmed or failed
//   infer (one input) ──────────► one run on it, between two slots
//   ◄─── inferred
//   serve (the link's memory) ──► takes slots until it is stopped, or told to serve another link
//   ◄─── lost, when it cannot take them

import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { map, ringBell, stamp, unmap } from "../../firmware/link/addon.ts";
import { Bell, LinkError, ProtocolError, SLOT, SlotState } from "../../firmware/link/protocol.ts";
import { LinkMemory, type Slot, type SlotTensor } from "../../firmware/link/slots.ts";
import { Samples } from "./samples.ts";
import { framesOf, nextSlot } from "./serve_slots.ts";
import { WorkerControl } from "./worker_control.ts";

export interface EngineWorkerData {
  model: string;
  /** Of one run; 0: as many as the machine has cores. */
  threads: number;
  control: SharedArrayBuffer;
  samples: SharedArrayBuffer;
}

/** An input or output of the model; open axes are names, or 0 when they have none. */
export interface ModelTensor {
  name: string;
  type: string;
  shape: readonly (number | string)[];
}

/** The same with all axes known. */
export interface ShapedTensor extends ModelTensor {
  shape: readonly number[];
}

export type ToEngineWorker =
  | { type: "warm"; input: ShapedTensor }
  | { type: "infer"; input: ShapedTensor; bytes: Uint8Array<ArrayBuffer> }
  | { type: "serve"; fd: number; bytes: number; modelBatch: number }
  /** After the stop word, for a worker that waits for messages and not for slots. */
  | { type: "stop" };

export type FromEngineWorker =
  | { type: "loaded"; inputs: ModelTensor[]; outputs: ModelTensor[] }
  | { type: "warmed"; outputs: ShapedTensor[] }
  /** The outputs' bytes, in the model's order. */
  | { type: "inferred"; outputs: Uint8Array[] }
  | { type: "failed"; message: string }
  /** It does not serve its link any more. */
  | { type: "lost"; message: string }
  | { type: "log"; message: string };

const port = parentPort!;
const data = workerData as EngineWorkerData;
const control = new WorkerControl(data.control);
const samples = new Samples(data.samples);
type Task = Extract<ToEngineWorker, { type: "serve" | "infer" }>;
type Serve = Extract<Task, { type: "serve" }>;
let session: InferenceSession | undefined;
const tasks: Task[] = [];
/** The link that it serves while there is nothing else to do. */
let current: Serve | undefined;
/** Of control.orders: when there are more, this worker leaves its link for the message that waits. */
let taken = 0;
let working = false;

await attempt(load);
flushCompileCache();
port.on("message", (message: ToEngineWorker) => {
  if (message.type === "warm") void attempt(() => warmUp(message.input));
  else if (message.type === "stop") {
    if (!working) void attempt(end);
  } else {
    tasks.push(message);
    taken++;
    // A run gives the event loop a turn: the loop may be on.
    if (!working) void attempt(work);
  }
});

async function load(): Promise<void> {
  session = await InferenceSession.create(data.model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: data.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    // A spinning thread costs a whole core at camera rates, and the cores are the decoder's too.
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    logSeverityLevel: 3,
  });
  tell({ type: "loaded", inputs: describe(session.inputMetadata), outputs: describe(session.outputMetadata) });
}

function describe(metadata: readonly InferenceSession.ValueMetadata[]): ModelTensor[] {
  return metadata.map((value) =>
    value.isTensor
      ? { name: value.name, type: value.type, shape: value.shape.map((dim) => dim || 0) }
      : { name: value.name, type: "no tensor", shape: [] },
  );
}

async function warmUp({ name, type, shape }: ShapedTensor): Promise<void> {
  const elements = shape.reduce((product, dim) => product * dim, 1);
  const zeros = type === "float16" ? new Uint16Array(elements) : new Float32Array(elements);
  const results = await session!.run({ [name]: tensorOf(type, zeros, shape) });
  const outputs = session!.outputNames.map((output) => {
    const result = results[output]!;
    return { name: output, type: result.type as string, shape: [...result.dims] };
  });
  tell({ type: "warmed", outputs });
}

async function work(): Promise<void> {
  working = true;
  while (!control.stopped && (tasks.length > 0 || (current && control.orders === taken))) {
    const task = tasks.shift() ?? current!;
    if (task.type === "infer") await attempt(() => inferOnce(task));
    else await serveUntilTold(task);
  }
  if (control.stopped) await end();
  else working = false;
}

/** A link that cannot be served is given up, and not tried again and again. */
async function serveUntilTold(task: Serve): Promise<void> {
  current = task;
  try {
    await serve(task);
  } catch (error) {
    current = undefined;
    tell({ type: "lost", message: `the engine worker cannot serve its link: ${(error as Error).message}` });
  }
}

async function end(): Promise<void> {
  working = true;
  await session?.release();
  port.close();
}

async function serve({ fd, bytes, modelBatch }: Serve): Promise<void> {
  const buffer = map(fd, bytes);
  try {
    const link = new LinkMemory(buffer);
    const stopped = () => control.stopped || control.orders !== taken || tasks.length > 0;
    for (;;) {
      const slot = nextSlot(link, Bell.Engine, SlotState.InputReady, SlotState.Inferring, stopped);
      if (!slot) break;
      await infer(link, slot, modelBatch);
    }
    // A link that stopped is not gone back to.
    if (link.stopped) current = undefined;
  } finally {
    unmap(buffer);
  }
}

async function inferOnce({ input, bytes }: Extract<Task, { type: "infer" }>): Promise<void> {
  const values = input.type === "float16" ? new Uint16Array(bytes.buffer) : new Float32Array(bytes.buffer);
  const results = await session!.run({ [input.name]: tensorOf(input.type, values, input.shape) });
  const outputs = session!.outputNames.map((name) => {
    const data = results[name]!.data as Float32Array;
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  });
  tell({ type: "inferred", outputs });
}

async function infer(link: LinkMemory, slot: Slot, modelBatch: number): Promise<void> {
  const began = performance.now();
  control.begin(slot.index);
  try {
    stamp(link.buffer, slot.offset + SLOT.engineStart);
    const batch = slot.batch;
    const piece = modelBatch || batch;
    for (let first = 0; first < batch; first += piece) await runPiece(slot, first, piece);
    stamp(link.buffer, slot.offset + SLOT.engineEnd);
    for (let frame = 0; frame < batch; frame++) slot.markInferred(frame);
    // Before the slot goes on: who has seen its result finds it counted.
    samples.add(performance.now() - began, batch);
    slot.state = SlotState.OutputReady;
    ringBell(link, Bell.Module);
  } catch (error) {
    giveBack(link, slot, error as Error);
  }
  control.end();
}

/** Reads and writes the slot where it lies: ONNX Runtime copies neither way on the input, and into our output. */
async function runPiece(slot: Slot, first: number, frames: number): Promise<void> {
  const feeds: Record<string, Tensor> = {};
  const fetches: Record<string, Tensor> = {};
  for (const tensor of slot.tensors) {
    (tensor.layout.isInput ? feeds : fetches)[tensor.layout.name] = view(tensor, first, frames);
  }
  await session!.run(feeds, fetches);
}

function view({ layout, all }: SlotTensor, first: number, frames: number): Tensor {
  const dims = [frames, ...layout.dims.slice(1)];
  const elements = all.length / layout.dims[0]!;
  return tensorOf(ORT_TYPES[layout.dataType]!, all.subarray(first * elements, (first + frames) * elements), dims);
}

function tensorOf(type: string, values: SlotTensor["all"], dims: readonly number[]): Tensor {
  const tensor = new Tensor(type as "float32", values as Float32Array, dims);
  // Node 24 has Float16Array, of which onnxruntime-common makes the tensor's data, and which the binding takes for empty memory:
  // it knows halves as Uint16Array only (1.30.0).
  if (type === "float16") Object.assign(tensor, { cpuData: values });
  return tensor;
}

/** By DataType of the link. */
const ORT_TYPES = ["float32", "float16", "int8", "int32", "int64", "uint8"];

function giveBack(link: LinkMemory, slot: Slot, error: Error): void {
  samples.fail(framesOf(slot));
  if (error instanceof ProtocolError) slot.fail(LinkError.Protocol, error.message);
  else {
    slot.fail(LinkError.Engine, `the model failed: ${error.message}`);
    tell({ type: "log", message: `the model failed: ${error.message}` });
  }
  ringBell(link, Bell.Element);
}

async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    tell({ type: "failed", message: (error as Error).message });
  }
}

function tell(message: FromEngineWorker): void {
  port.postMessage(message);
}
