// Runs a module as the host does, without an element and without a model: the same worker, the same limits, frames from
// anywhere. The process that imports this file gets the host's V8 flags: never compile AssemblyScript in it.

import "./typescript_reader.ts";
import "../postprocess/v8_limits.ts";
import { closeSync } from "node:fs";
import { createLink, map, ringBell, unmap, waitBell } from "../../firmware/link/addon.ts";
import { computeLayout, type TensorRequest, writeHeader } from "../../firmware/link/layout.ts";
import {
  Bell,
  DATA_TYPE_BYTES,
  EVENT_BYTES,
  FRAME,
  Kind,
  OBJECT_BYTES,
  SLOT,
  SlotState,
} from "../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../firmware/link/slots.ts";
import type { BundleLimits, Parameters } from "../postprocess/bundle_schema.ts";
import type { Manifest, ModuleCode } from "../postprocess/module_file.ts";
import { compileModule } from "../postprocess/module_file.ts";
import { ModuleFailure, ModuleHandle, type ModuleRecipe } from "../postprocess/module_handle.ts";
import { mergeParameters } from "../postprocess/parameters.ts";
import { Refusal } from "../postprocess/refusal.ts";
import { Samples } from "../postprocess/samples.ts";
import { writeSlotHeader } from "../postprocess/slot_records.ts";
import { Watchdog } from "../postprocess/watchdog.ts";

/** What a module is run with: that of a bundle, without its files. */
export interface RigSetup {
  kind: "detect" | "analyze";
  /** The model's outputs, without the batch axis. */
  outputs: readonly Omit<TensorRequest, "isInput">[];
  labels: readonly string[];
  /** Pixels of the network's picture; zeros for analyze modules. */
  network: { width: number; height: number };
  limits: BundleLimits;
  parameters: Readonly<Record<string, unknown>>;
  /** Frames that are given at a time. Limits of time hold for all of them. */
  batch?: number;
  /** Whether an operator may run: code without a sandbox. Default: no. */
  runOperator?: boolean | undefined;
}

/** What the module gets. Sizes must be those of the setup. */
export interface RigFrame {
  /** FrameRecord. */
  record: Uint8Array;
  /** ObjectRecords. */
  objects: Uint8Array;
  aux: Uint8Array;
  /** Bytes of each output, in the setup's order. */
  outputs: readonly Uint8Array[];
}

export interface RigResult {
  objects: Uint8Array;
  events: Uint8Array;
  aux: Uint8Array;
  /** Microseconds in the module, with the copies in and out; of a frame's share of its batch. */
  us: number;
  /** Why it failed; "" when it did not. */
  error: string;
}

const NOTHING = new Uint8Array(0);
/** So long at a time the event loop stands still; ms. */
const WAIT_MS = 5;
/** Beyond the module's limit, for a busy machine; ms. */
const PATIENCE_MS = 20_000;
const STATE_MS = 2000;

export class Rig {
  /** Undefined when the module carries none. */
  readonly manifest: Manifest | undefined;
  /** What the module said so far: "error: …". */
  readonly log: string[] = [];
  readonly #setup: RigSetup;
  readonly #memory: LinkMemory;
  readonly #fd: number;
  readonly #recipe: ModuleRecipe;
  readonly #parameters: Parameters;
  readonly #watchdog: Watchdog;
  #handle: ModuleHandle;
  /** Why the instance is gone; undefined while it lives. */
  #gone: string | undefined;
  #sequence = 0;

  /**
   * Starts and warms up. `file`: for messages.
   * @throws Refusal when the module is none, or does not start with these tensors and parameters
   */
  static async open(file: string, binary: Buffer, setup: RigSetup): Promise<Rig> {
    const { limits, kind } = setup;
    if (binary.length > limits["module-bytes"]) {
      const allowed = `${limits["module-bytes"]} are allowed (limits.module-bytes)`;
      throw new Refusal("limits", "limits.module-bytes", `${file} has ${binary.length} bytes, ${allowed}`);
    }
    const bundle = { moduleFile: file, module: binary, kind, limits };
    const compiled = await compileModule(bundle, () => setup.runOperator === true);
    const parameters = mergeParameters({}, setup.parameters, compiled.manifest);
    const rig = new Rig(compiled.code, compiled.manifest, setup, parameters);
    try {
      await rig.#serve(rig.#handle);
      return rig;
    } catch (error) {
      await rig.close();
      throw asRefusal(error);
    }
  }

  private constructor(code: ModuleCode, manifest: Manifest | undefined, setup: RigSetup, parameters: Parameters) {
    const { limits, batch = 1 } = setup;
    this.manifest = manifest;
    this.#setup = setup;
    this.#parameters = parameters;
    const layout = computeLayout({
      kind: kindOf(setup),
      batch,
      slots: 1,
      maxObjects: limits.objects,
      maxEvents: limits.events,
      auxBytes: limits["aux-bytes"],
      tensors: setup.outputs.map((output) => ({ ...output, isInput: false })),
    });
    this.#fd = createLink(layout.totalBytes);
    const buffer = map(this.#fd, layout.totalBytes);
    writeHeader(buffer, layout);
    this.#memory = new LinkMemory(buffer);
    this.#recipe = {
      code,
      setup: guestSetup(setup),
      samples: new Samples().shared,
      startMs: limits["start-ms"],
      batchMs: limits["batch-ms"],
      logLines: limits["log-lines"],
      log: (level, text) => this.log.push(`${LEVELS[level] ?? "info"}: ${text}`),
    };
    this.#handle = this.#start();
    this.#watchdog = new Watchdog(() => this.#look());
  }

  get #slot(): Slot {
    return this.#memory.slots[0]!;
  }

  /** Bytes of an output of one frame. */
  outputBytes(index: number): number {
    return this.#slot.tensors[index]!.layout.frameBytes;
  }

  /** At most `batch` frames; one result each. Never throws for what the module does. */
  async run(frames: readonly RigFrame[]): Promise<RigResult[]> {
    if (this.#gone !== undefined) return frames.map(() => failure(this.#gone!));
    const slot = this.#slot;
    for (const [i, frame] of frames.entries()) this.#fill(slot, i, frame);
    writeSlotHeader(this.#memory, slot, frames.length, ++this.#sequence);
    slot.state = SlotState.OutputReady;
    ringBell(this.#memory, Bell.Module);
    const state = await this.#answer(slot);
    const results =
      state === SlotState.ResultReady
        ? frames.map((_, i) => this.#read(slot, i, frames.length))
        : frames.map(() => failure(state === undefined ? this.#gone! : slot.error));
    slot.state = SlotState.Free;
    return results;
  }

  /** Another instance takes over, as in an update: with the state of this one, when it keeps any. */
  async restart(): Promise<void> {
    const next = this.#start();
    await next.ready;
    const wake = () => ringBell(this.#memory, Bell.Module);
    const { highestObjectId } = this.#handle.control;
    const state = this.#gone === undefined ? await this.#handle.takeState(wake, STATE_MS) : undefined;
    this.#gone = undefined;
    this.#handle = next;
    await this.#serve(next, highestObjectId + 1n, state);
  }

  async close(): Promise<void> {
    this.#watchdog.close();
    this.#memory.stop();
    await this.#handle.stop(() => ringBell(this.#memory, Bell.Module), STATE_MS);
    closeSync(this.#fd);
    unmap(this.#memory.buffer);
  }

  #start(): ModuleHandle {
    const handle = new ModuleHandle(this.#recipe, this.#parameters);
    handle.onFailure = ({ message }) => {
      if (handle === this.#handle) this.#gone ??= message;
    };
    return handle;
  }

  async #serve(handle: ModuleHandle, firstObjectId = 1n, state?: Uint8Array): Promise<void> {
    await handle.ready;
    const serving = new Promise<void>((resolve, reject) => {
      handle.onServing = () => resolve();
      handle.onFailure = (failed) => {
        this.#gone ??= failed.message;
        reject(failed);
      };
    });
    handle.serve(this.#fd, this.#memory.buffer.byteLength, firstObjectId, state);
    await serving;
  }

  #look(): void {
    const reason = this.#gone === undefined && this.#handle.serving ? this.#handle.overdue() : undefined;
    if (reason === undefined) return;
    this.#gone = reason;
    void this.#handle.end();
  }

  #fill(slot: Slot, i: number, { record, objects, aux, outputs }: RigFrame): void {
    slot.frames[i]!.set(record);
    slot.objectsIn[i]!.set(objects.subarray(0, slot.objectsIn[i]!.length));
    slot.auxIn[i]!.set(aux.subarray(0, slot.auxIn[i]!.length));
    slot.setFrameWord(i, FRAME.objectsIn, Math.min(objects.length, slot.objectsIn[i]!.length) / OBJECT_BYTES);
    slot.setFrameWord(i, FRAME.auxIn, Math.min(aux.length, slot.auxIn[i]!.length));
    for (const field of [FRAME.objectsOut, FRAME.eventsOut, FRAME.auxOut]) slot.setFrameWord(i, field, 0);
    for (const [k, bytes] of outputs.entries()) slot.tensors[k]!.frames[i]!.set(bytes);
  }

  /** ResultReady or Failed; undefined when the instance is gone. */
  async #answer(slot: Slot): Promise<SlotState | undefined> {
    const end = performance.now() + this.#setup.limits["batch-ms"] * 10 + PATIENCE_MS;
    for (;;) {
      const bell = this.#memory.bell(Bell.Element);
      const { state } = slot;
      if (state === SlotState.ResultReady || state === SlotState.Failed) {
        // A trap is told by a message too, which comes after the slot.
        if (state === SlotState.Failed) await turn();
        return state;
      }
      if (this.#gone !== undefined) return undefined;
      if (performance.now() > end) this.#gone = "the module did not answer";
      waitBell(this.#memory, Bell.Element, bell, WAIT_MS);
      await turn();
    }
  }

  #read(slot: Slot, i: number, frames: number): RigResult {
    const used = (bytes: Uint8Array, field: number, size: number) =>
      bytes.slice(0, Math.min(bytes.length, slot.frameWord(i, field) * size));
    return {
      objects: used(slot.objectsOut[i]!, FRAME.objectsOut, OBJECT_BYTES),
      events: used(slot.eventsOut[i]!, FRAME.eventsOut, EVENT_BYTES),
      aux: used(slot.auxOut[i]!, FRAME.auxOut, 1),
      us: (slot.nanoseconds(SLOT.moduleEnd) - slot.nanoseconds(SLOT.moduleStart)) / 1000 / frames,
      error: "",
    };
  }
}

const LEVELS = ["debug", "info", "warning", "error"];

function kindOf({ kind }: RigSetup): Kind {
  return kind === "detect" ? Kind.Detect : Kind.Analyze;
}

function guestSetup(setup: RigSetup): ModuleRecipe["setup"] {
  const { limits, outputs, labels, network } = setup;
  return {
    kind: kindOf(setup),
    maxObjects: limits.objects,
    maxEvents: limits.events,
    auxBytes: limits["aux-bytes"],
    tensors: outputs.map(({ name, dataType, dims, scale = 1, zeroPoint = 0 }) => {
      const bytes = dims.reduce((product, dim) => product * dim, DATA_TYPE_BYTES[dataType]!);
      return { name, dataType, dims, bytes, scale, zeroPoint };
    }),
    labels,
    networkWidth: network.width,
    networkHeight: network.height,
  };
}

function failure(error: string): RigResult {
  return { objects: NOTHING, events: NOTHING, aux: NOTHING, us: 0, error };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function asRefusal(error: unknown): unknown {
  return error instanceof ModuleFailure
    ? new Refusal(error.code, "module.file", error.message, { cause: error })
    : error;
}
