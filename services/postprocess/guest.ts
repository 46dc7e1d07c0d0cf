// A module instance: its memory, and the calls into it. Runs in a module worker, which may be ended at any time.

import { EVENT_BYTES, FRAME, OBJECT, OBJECT_BYTES } from "../../firmware/link/protocol.ts";
import type { Slot } from "../../firmware/link/slots.ts";
import type { Parameters } from "./bundle_schema.ts";
import { writeInitBlock, writeParameters } from "./guest_blocks.ts";
import { GuestError, GuestMemory, type GuestSetup } from "./guest_memory.ts";
import {
  ABI_MAJOR,
  ABI_MINOR,
  FRAME_BLOCK,
  FRAME_BLOCK_BYTES,
  MAX_LOG_BYTES,
  MAX_PARAMETER_BYTES,
  MAX_STATE_BYTES,
  STATUS,
} from "./module_abi.ts";

/** Level 0 debug, 1 info, 2 warning, 3 error. */
export type GuestLog = (level: number, text: string) => void;

interface GuestExports {
  memory: WebAssembly.Memory;
  nj_abi(): number;
  nj_kind(): number;
  nj_alloc(bytes: number): number;
  nj_init(block: number): number;
  nj_configure(block: number): number;
  nj_process(block: number): number;
  nj_save?(at: number, capacity: number): number;
  nj_restore?(at: number, bytes: number): number;
}

const FINITE_FIELDS = ["left", "top", "width", "height", "angle", "confidence", "trackerConfidence"] as const;

export class Guest {
  readonly #exports: GuestExports;
  readonly #setup: GuestSetup;
  readonly #log: GuestLog;
  /** What the module last logged as an error: it becomes part of the message when the call fails. */
  #complaint = "";
  readonly #memory: GuestMemory;
  #instantiated = false;
  #frame = 0;
  #tensors: number[] = [];
  #objectsIn = 0;
  #objectsOut = 0;
  #eventsOut = 0;
  #auxIn = 0;
  #auxOut = 0;
  #parameters = 0;

  /** Instantiates (runs the module's start function) and initialises. `firstObjectId`: see InitBlock. */
  constructor(module: WebAssembly.Module, setup: GuestSetup, firstObjectId: bigint, log: GuestLog) {
    this.#setup = setup;
    this.#log = log;
    const imports = {
      nightjar: { log: (level: number, at: number, bytes: number) => this.#hostLog(level, at, bytes) },
    };
    this.#exports = new WebAssembly.Instance(module, imports).exports as unknown as GuestExports;
    this.#memory = new GuestMemory(this.#exports.memory, this.#exports.nj_alloc);
    this.#instantiated = true;
    this.#checkVersion();
    this.#init(firstObjectId);
  }

  /** Takes all parameters; the module keeps what it needs. Throws GuestError. */
  configure(parameters: Parameters): void {
    const block = writeParameters(this.#memory, this.#parameters, parameters);
    this.#check(
      "nj_configure",
      this.#call(() => this.#exports.nj_configure(block)),
    );
  }

  /** Runs the module on one frame of a slot, and writes its objects, events and counts back to the slot. */
  process(slot: Slot, frame: number): void {
    this.#copyIn(slot, frame);
    this.#check(
      "nj_process",
      this.#call(() => this.#exports.nj_process(this.#frame)),
    );
    this.#copyOut(slot, frame);
  }

  /** One frame of zeros, to have the code compiled and the memory touched before the first real one. */
  warmUp(): void {
    this.#memory.bytes.fill(0, this.#frame, this.#frame + FRAME_BLOCK.tensors);
    this.#check(
      "nj_process",
      this.#call(() => this.#exports.nj_process(this.#frame)),
    );
  }

  /** The state of the module; undefined when it keeps none. */
  save(): Uint8Array | undefined {
    const save = this.#exports.nj_save;
    if (!save) return undefined;
    const at = this.#memory.alloc(MAX_STATE_BYTES);
    const bytes = this.#check(
      "nj_save",
      this.#call(() => save(at, MAX_STATE_BYTES)),
    );
    if (bytes > MAX_STATE_BYTES)
      throw new GuestError("limits", `nj_save returned ${bytes}, at most ${MAX_STATE_BYTES}`);
    return this.#memory.bytes.slice(at, at + bytes);
  }

  /** Takes over a state that `save` of this module or an earlier version gave. */
  restore(state: Uint8Array): void {
    const restore = this.#exports.nj_restore;
    if (!restore) return;
    const at = this.#memory.alloc(state.length);
    this.#memory.bytes.set(state, at);
    this.#check(
      "nj_restore",
      this.#call(() => restore(at, state.length)),
    );
  }

  /** Bytes of the module's memory. */
  get memoryBytes(): number {
    return this.#memory.bytes.length;
  }

  /** The highest object id in the objects out of the last frame; 0n when none is tracked. */
  highestObjectId(count: number): bigint {
    let highest = 0n;
    for (let i = 0; i < count; i++) {
      const id = this.#memory.view.getBigUint64(this.#objectsOut + i * OBJECT_BYTES + OBJECT.objectId, true);
      if (id > highest && id !== 0xffff_ffff_ffff_ffffn) highest = id;
    }
    return highest;
  }

  #checkVersion(): void {
    const abi = this.#exports.nj_abi() >>> 0;
    const major = abi >>> 16;
    if (major !== ABI_MAJOR) {
      const versions = `version ${major}.${abi & 0xffff} of the module ABI, this host speaks ${ABI_MAJOR}.${ABI_MINOR}`;
      throw new GuestError("version", `the module was built for ${versions}: build it with the SDK of this Nightjar`);
    }
    const kind = this.#exports.nj_kind();
    if (kind === this.#setup.kind) return;
    const names = ["?", "detect", "analyze"];
    throw new GuestError(
      "module",
      `the module is of kind ${names[kind] ?? kind}, the bundle of kind ${names[this.#setup.kind]}`,
    );
  }

  #init(firstObjectId: bigint): void {
    const { maxObjects, maxEvents, auxBytes, tensors } = this.#setup;
    this.#parameters = this.#memory.alloc(MAX_PARAMETER_BYTES);
    this.#frame = this.#memory.alloc(FRAME_BLOCK_BYTES);
    this.#tensors = tensors.map((tensor) => this.#memory.alloc(tensor.bytes));
    this.#objectsIn = this.#memory.alloc(maxObjects * OBJECT_BYTES);
    this.#objectsOut = this.#memory.alloc(maxObjects * OBJECT_BYTES);
    this.#eventsOut = this.#memory.alloc(maxEvents * EVENT_BYTES);
    this.#auxIn = this.#memory.alloc(auxBytes);
    this.#auxOut = this.#memory.alloc(auxBytes);
    const table = this.#memory.alloc(tensors.length * 4);
    const block = writeInitBlock(this.#memory, this.#setup, firstObjectId);
    this.#tensors.forEach((at, i) => {
      this.#memory.setWord(table + i * 4, at);
    });
    this.#memory.setWord(this.#frame + FRAME_BLOCK.tensors, table);
    this.#memory.setWord(this.#frame + FRAME_BLOCK.objectsIn, this.#objectsIn);
    this.#memory.setWord(this.#frame + FRAME_BLOCK.objectsOut, this.#objectsOut);
    this.#memory.setWord(this.#frame + FRAME_BLOCK.eventsOut, this.#eventsOut);
    this.#memory.setWord(this.#frame + FRAME_BLOCK.auxIn, this.#auxIn);
    this.#memory.setWord(this.#frame + FRAME_BLOCK.auxOut, this.#auxOut);
    this.#check(
      "nj_init",
      this.#call(() => this.#exports.nj_init(block)),
    );
  }

  #copyIn(slot: Slot, frame: number): void {
    const objects = slot.objectsInCount(frame);
    const aux = slot.auxInBytes(frame);
    this.#memory.bytes.set(slot.frames[frame]!, this.#frame);
    // The element may write to the slot meanwhile: the checked counts are those that the module sees.
    this.#memory.setWord(this.#frame + FRAME.objectsIn, objects);
    this.#memory.setWord(this.#frame + FRAME.auxIn, aux);
    if (objects > 0)
      this.#memory.bytes.set(slot.objectsIn[frame]!.subarray(0, objects * OBJECT_BYTES), this.#objectsIn);
    if (aux > 0) this.#memory.bytes.set(slot.auxIn[frame]!.subarray(0, aux), this.#auxIn);
    let output = 0;
    for (const tensor of slot.tensors) {
      if (tensor.layout.isInput) continue;
      this.#memory.bytes.set(tensor.frames[frame]!, this.#tensors[output++]!);
    }
  }

  #copyOut(slot: Slot, frame: number): void {
    const { maxObjects, maxEvents, auxBytes } = this.#setup;
    const objects = this.#countOut(FRAME.objectsOut, maxObjects, "objects");
    const events = this.#countOut(FRAME.eventsOut, maxEvents, "events");
    const aux = this.#countOut(FRAME.auxOut, auxBytes, "bytes of masks and keypoints");
    this.#checkObjects(objects);
    slot.objectsOut[frame]!.set(
      this.#memory.bytes.subarray(this.#objectsOut, this.#objectsOut + objects * OBJECT_BYTES),
    );
    slot.eventsOut[frame]!.set(this.#memory.bytes.subarray(this.#eventsOut, this.#eventsOut + events * EVENT_BYTES));
    if (aux > 0) slot.auxOut[frame]!.set(this.#memory.bytes.subarray(this.#auxOut, this.#auxOut + aux));
    slot.setResult(frame, objects, events, aux);
  }

  #countOut(field: number, limit: number, what: string): number {
    const count = this.#memory.view.getUint32(this.#frame + field, true);
    if (count > limit)
      throw new GuestError("limits", `the module wrote ${count} ${what} for a frame, the bundle allows ${limit}`);
    return count;
  }

  #checkObjects(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.#objectsOut + i * OBJECT_BYTES;
      for (const field of FINITE_FIELDS) {
        const value = this.#memory.view.getFloat32(at + OBJECT[field], true);
        if (!Number.isFinite(value))
          throw new GuestError("module", `the module wrote ${field} = ${value} for object ${i}`);
      }
    }
  }

  #call(call: () => number): number {
    this.#complaint = "";
    const result = call();
    this.#memory.refresh();
    return result;
  }

  #check(name: string, result: number): number {
    if (result >= 0) return result;
    const code = result === -2 ? "parameters" : result === -4 ? "limits" : "module";
    throw new GuestError(
      code,
      this.#complaint || `${name} returned ${result}: ${STATUS[result] ?? "an unknown error"}`,
    );
  }

  #hostLog(level: number, at: number, bytes: number): void {
    // A start function may log before there are exports to read the text from: that is dropped.
    if (!this.#instantiated) return;
    const text = this.#memory.text(at >>> 0, Math.min(bytes >>> 0, MAX_LOG_BYTES));
    if (level >= 3) this.#complaint = text;
    this.#log(level, text);
  }
}
