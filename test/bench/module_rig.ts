// A detect module with one output, called as the host calls it (services/postprocess/guest.ts), with a clock around the module's
// own calls: what decoding costs without the copy into the module's memory.

import { readFileSync } from "node:fs";
import "../../services/postprocess/v8_limits.ts";
import { DataType, EVENT_BYTES, FRAME, Kind, OBJECT_BYTES } from "../../firmware/link/protocol.ts";
import { writeInitBlock, writeParameters } from "../../services/postprocess/guest_blocks.ts";
import { GuestMemory } from "../../services/postprocess/guest_memory.ts";
import {
  FRAME_BLOCK,
  FRAME_BLOCK_BYTES,
  INIT,
  MAX_PARAMETER_BYTES,
  TENSOR_INFO,
} from "../../services/postprocess/module_abi.ts";

const MAX_OBJECTS = 300;

interface Exports {
  memory: WebAssembly.Memory;
  nj_alloc(bytes: number): number;
  nj_init(block: number): number;
  nj_configure(block: number): number;
  /** Absent in modules that take all tensors whole. */
  nj_block?(block: number, tensor: number, offset: number, bytes: number): number;
  nj_process(block: number): number;
}

export class ModuleRig {
  readonly #exports: Exports;
  readonly #memory: GuestMemory;
  readonly #frame: number;
  readonly #data: number;
  readonly #blockBytes: number;

  /** `dims`: of the float32 output. */
  constructor(name: string, dims: readonly number[], labels: readonly string[]) {
    const file = new URL(`../../build/modules/${name}.wasm`, import.meta.url);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), { nightjar: { log() {} } });
    this.#exports = instance.exports as unknown as Exports;
    const memory = new GuestMemory(this.#exports.memory, this.#exports.nj_alloc);
    this.#memory = memory;
    const bytes = dims.reduce((product, dim) => product * dim, 4);
    const parameters = memory.alloc(MAX_PARAMETER_BYTES);
    this.#frame = memory.alloc(FRAME_BLOCK_BYTES);
    const objects = memory.alloc(MAX_OBJECTS * OBJECT_BYTES);
    const events = memory.alloc(EVENT_BYTES);
    const table = memory.alloc(4);
    const tensor = { name: "output0", dataType: DataType.Float32, dims, bytes, scale: 1, zeroPoint: 0 };
    const limits = { kind: Kind.Detect, maxObjects: MAX_OBJECTS, maxEvents: 1, auxBytes: 0 };
    const init = writeInitBlock(
      memory,
      { ...limits, tensors: [tensor], labels, networkWidth: 640, networkHeight: 640 },
      1n,
    );
    check("nj_init", this.#exports.nj_init(init));
    memory.refresh();
    const info = memory.view.getUint32(init + INIT.tensors, true);
    this.#blockBytes = memory.view.getUint32(info + TENSOR_INFO.blockBytes, true) || bytes;
    this.#data = memory.alloc(this.#blockBytes);
    memory.setWord(table, this.#data);
    memory.setWord(this.#frame + FRAME_BLOCK.tensors, table);
    memory.setWord(this.#frame + FRAME_BLOCK.objectsOut, objects);
    memory.setWord(this.#frame + FRAME_BLOCK.eventsOut, events);
    check("nj_configure", this.#exports.nj_configure(writeParameters(memory, parameters, {})));
  }

  /** Decodes a frame; ms inside of the module. */
  run(tensor: Uint8Array): number {
    let inside = 0;
    for (let offset = 0; offset < tensor.length; offset += this.#blockBytes) {
      const block = tensor.subarray(offset, offset + this.#blockBytes);
      this.#memory.bytes.set(block, this.#data);
      const began = performance.now();
      check("nj_block", this.#exports.nj_block?.(this.#frame, 0, offset, block.length) ?? 0);
      inside += performance.now() - began;
    }
    const began = performance.now();
    check("nj_process", this.#exports.nj_process(this.#frame));
    return inside + performance.now() - began;
  }

  /** Objects of the last frame. */
  get objects(): number {
    return this.#memory.view.getUint32(this.#frame + FRAME.objectsOut, true);
  }
}

function check(call: string, result: number): void {
  if (result < 0) throw new Error(`${call} returned ${result}`);
}
