// A module instance: its memory, and the calls into it. Runs in a module worker, which may be ended at any time.

import { EVENT_BYTES, FRAME, Kind, OBJECT, OBJECT_BYTES, UNTRACKED } from "../../firmware/link/protocol.ts";
import type { Slot, SlotTensor } from "../../firmware/link/slots.ts";
import type { Parameters } from "./bundle_schema.ts";
import { writeInitBlock, writeParameters } from "./guest_blocks.ts";
import { GuestError, GuestMemory, type GuestSetup, type GuestTensor } from "./guest_memory.ts";
import { explainedTrap } from "./guest_trap.ts";
import {
  ABI_MAJOR,
  ABI_MINOR,
  FRAME_BLOCK,
  FRAME_BLOCK_BYTES,
  INIT,
  MAX_LOG_BYTES,
  MAX_PARAMETER_BYTES,
  MAX_STATE_BYTES,
  STATUS,
  TENSOR_INFO,
  TENSOR_INFO_BYTES,
} from "./module_abi.ts";
import type { Runner } from "./module_worker.ts";

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
  nj_block?(block: number, tensor: number, offset: number, bytes: number): number;
  nj_save?(at: number, capacity: number): number;
  nj_restore?(at: number, bytes: number): number;
}

/** Where a tensor lies in the module's memory: whole, or one block of it at a time (TensorInfo.block_bytes). */
interface TensorRoom {
  at: number;
  /** Of one block; 0: the whole tensor is copied at once. */
  blockBytes: number;
}

/** BadLimits of the ABI: the room is too small. */
const TOO_SMALL = -4;
const STATE_CAPACITIES = [64 * 1024, 512 * 1024, MAX_STATE_BYTES];

const FINITE_FIELDS = ["left", "top", "width", "height", "angle", "confidence", "trackerConfidence"] as const;
/** Where they lie in an ObjectRecord, in words of 4 bytes. */
const FINITE_WORDS = FINITE_FIELDS.map((field) => OBJECT[field] / 4);

export class Guest implements Runner {
  readonly #exports: GuestExports;
  readonly #setup: GuestSetup;
  readonly #log: GuestLog;
  /** What the module last logged as an error: it becomes part of the message when the call fails. */
  #complaint = "";
  readonly #memory: GuestMemory;
  #instantiated = false;
  #frame = 0;
  #tensors: TensorRoom[] = [];
  #objectsIn = 0;
  #objectsOut = 0;
  #eventsOut = 0;
  #auxIn = 0;
  #auxOut = 0;
  #parameters = 0;
  #highestObjectId = 0n;

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

  run(slot: Slot, frames: number): void {
    for (let frame = 0; frame < frames; frame++) this.#processFrame(slot, frame);
  }

  get highestObjectId(): bigint {
    return this.#highestObjectId;
  }

  /** Runs the module on one frame of a slot, and writes its objects, events and counts back to the slot. */
  #processFrame(slot: Slot, frame: number): void {
    this.#copyIn(slot, frame);
    this.#streamIn((index) => outputOf(slot, index).frames[frame]!);
    this.#process();
    this.#copyOut(slot, frame);
  }

  /** One frame of zeros, to have the code compiled and the memory touched before the first real one. */
  warmUp(): void {
    this.#memory.bytes.fill(0, this.#frame, this.#frame + FRAME_BLOCK.tensors);
    this.#streamIn((index) => new Uint8Array(this.#setup.tensors[index]!.bytes));
    this.#process();
  }

  /** The state of the module; undefined when it keeps none. The module is of no more use afterwards. */
  save(): Uint8Array | undefined {
    const save = this.#exports.nj_save;
    if (!save) return undefined;
    // What is asked for here is never given back, so it begins small: most states are.
    for (const capacity of STATE_CAPACITIES) {
      const at = this.#memory.alloc(capacity);
      const bytes = this.#call(() => save(at, capacity));
      if (bytes === TOO_SMALL && capacity < MAX_STATE_BYTES) continue;
      this.#check("nj_save", bytes);
      if (bytes > capacity) throw new GuestError("limits", `nj_save returned ${bytes}, at most ${capacity}`);
      return this.#memory.bytes.slice(at, at + bytes);
    }
    return undefined;
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

  #noteIds(count: number): void {
    if (this.#setup.kind !== Kind.Analyze) return;
    for (let i = 0; i < count; i++) {
      const id = this.#memory.view.getBigUint64(this.#objectsOut + i * OBJECT_BYTES + OBJECT.objectId, true);
      if (id > this.#highestObjectId && id !== UNTRACKED) this.#highestObjectId = id;
    }
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
    this.#objectsIn = this.#memory.alloc(maxObjects * OBJECT_BYTES);
    this.#objectsOut = this.#memory.alloc(maxObjects * OBJECT_BYTES);
    this.#eventsOut = this.#memory.alloc(maxEvents * EVENT_BYTES);
    this.#auxIn = this.#memory.alloc(auxBytes);
    this.#auxOut = this.#memory.alloc(auxBytes);
    const table = this.#memory.alloc(tensors.length * 4);
    const block = writeInitBlock(this.#memory, this.#setup, firstObjectId);
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
    // Only now: the module has said which tensors it wants in blocks.
    const infos = this.#memory.view.getUint32(block + INIT.tensors, true);
    this.#tensors = tensors.map((tensor, i) => this.#makeRoom(tensor, infos + i * TENSOR_INFO_BYTES));
    this.#tensors.forEach(({ at }, i) => {
      this.#memory.setWord(table + i * 4, at);
    });
  }

  #makeRoom(tensor: GuestTensor, info: number): TensorRoom {
    const blockBytes = this.#memory.view.getUint32(info + TENSOR_INFO.blockBytes, true);
    if (blockBytes > 0 && !this.#exports.nj_block) {
      throw new GuestError("module", `the module asked for ${tensor.name} in blocks, but does not export nj_block`);
    }
    return { at: this.#memory.alloc(Math.min(blockBytes || tensor.bytes, tensor.bytes)), blockBytes };
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
    this.#tensors.forEach(({ at, blockBytes }, i) => {
      if (blockBytes === 0) this.#memory.bytes.set(outputOf(slot, i).frames[frame]!, at);
    });
  }

  /**
   * Gives the tensors that the module wants in blocks, each block through the same room: it stays in the second-level
   * cache between the copy and the module's look at it, which costs half of copying a large tensor whole.
   */
  #streamIn(dataOf: (index: number) => Uint8Array): void {
    this.#tensors.forEach(({ at, blockBytes }, i) => {
      if (blockBytes === 0) return;
      const data = dataOf(i);
      for (let offset = 0; offset < data.length; offset += blockBytes) {
        const block = data.subarray(offset, offset + blockBytes);
        this.#memory.bytes.set(block, at);
        this.#check(
          "nj_block",
          this.#call(() => this.#exports.nj_block!(this.#frame, i, offset, block.length)),
        );
      }
    });
  }

  #process(): void {
    this.#check(
      "nj_process",
      this.#call(() => this.#exports.nj_process(this.#frame)),
    );
  }

  #copyOut(slot: Slot, frame: number): void {
    const { maxObjects, maxEvents, auxBytes } = this.#setup;
    const objects = this.#countOut(FRAME.objectsOut, maxObjects, "objects");
    const events = this.#countOut(FRAME.eventsOut, maxEvents, "events");
    const aux = this.#countOut(FRAME.auxOut, auxBytes, "bytes of masks and keypoints");
    this.#checkObjects(objects);
    const user = this.#userOut(aux);
    slot.objectsOut[frame]!.set(
      this.#memory.bytes.subarray(this.#objectsOut, this.#objectsOut + objects * OBJECT_BYTES),
    );
    slot.eventsOut[frame]!.set(this.#memory.bytes.subarray(this.#eventsOut, this.#eventsOut + events * EVENT_BYTES));
    if (aux > 0) slot.auxOut[frame]!.set(this.#memory.bytes.subarray(this.#auxOut, this.#auxOut + aux));
    slot.setResult(frame, objects, events, aux);
    this.#noteIds(objects);
    slot.setFrameWord(frame, FRAME.user, user.at);
    slot.setFrameWord(frame, FRAME.userBytes, user.bytes);
  }

  #countOut(field: number, limit: number, what: string): number {
    const count = this.#memory.view.getUint32(this.#frame + field, true);
    if (count > limit)
      throw new GuestError("limits", `the module wrote ${count} ${what} for a frame, the bundle allows ${limit}`);
    return count;
  }

  /** User metadata of the frame; the element checks that of the objects. */
  #userOut(aux: number): { at: number; bytes: number } {
    const at = this.#memory.view.getUint32(this.#frame + FRAME.user, true);
    const bytes = this.#memory.view.getUint32(this.#frame + FRAME.userBytes, true);
    if (bytes === 0) return { at: 0, bytes: 0 };
    if (at % 4 === 0 && at + bytes <= aux) return { at, bytes };
    throw new GuestError(
      "limits",
      `the module wrote user metadata at ${at} to ${at + bytes} of a frame with ${aux} aux bytes, expected a multiple of 4 inside of them`,
    );
  }

  /** Each frame, for each object: words of one array, which V8 reads eight times as fast as a DataView. */
  #checkObjects(count: number): void {
    const { floats } = this.#memory;
    for (let i = 0; i < count; i++) {
      const at = (this.#objectsOut + i * OBJECT_BYTES) / 4;
      let difference = 0;
      for (const word of FINITE_WORDS) {
        const value = floats[at + word]!;
        difference += value - value; // 0, or NaN for NaN and infinities
      }
      if (difference !== 0) this.#refuseObject(i, at);
    }
  }

  #refuseObject(index: number, at: number): never {
    const field = FINITE_FIELDS.find((name) => !Number.isFinite(this.#memory.floats[at + OBJECT[name] / 4]));
    const value = field && this.#memory.floats[at + OBJECT[field] / 4];
    throw new GuestError("module", `the module wrote ${field} = ${value} for object ${index}`);
  }

  #call(call: () => number): number {
    this.#complaint = "";
    try {
      const result = call();
      this.#memory.refresh();
      return result;
    } catch (error) {
      throw explainedTrap(error, this.#complaint);
    }
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

/** Output `index` of the model: the input is the first tensor of a link that has one. */
function outputOf(slot: Slot, index: number): SlotTensor {
  const inputs = slot.tensors[0]?.layout.isInput ? 1 : 0;
  return slot.tensors[index + inputs]!;
}
