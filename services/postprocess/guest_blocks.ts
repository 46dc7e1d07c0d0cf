// What the host writes into a module's memory before and between the calls: InitBlock and ParamBlock of the ABI.

import type { Parameters, ParameterValue } from "./bundle_schema.ts";
import { GuestError, type GuestMemory, type GuestSetup, type GuestTensor } from "./guest_memory.ts";
import {
  ABI_MAJOR,
  ABI_MINOR,
  INIT,
  INIT_BYTES,
  MAX_PARAMETER_BYTES,
  PARAM,
  PARAM_BLOCK_BYTES,
  PARAM_ENTRY_BYTES,
  PARAM_TYPE,
  TENSOR_INFO,
  TENSOR_INFO_BYTES,
  TEXT_REF_BYTES,
} from "./module_abi.ts";

const encoder = new TextEncoder();

/** Writes an InitBlock and what it points to; its address. */
export function writeInitBlock(memory: GuestMemory, setup: GuestSetup, firstObjectId: bigint): number {
  const block = memory.alloc(INIT_BYTES);
  const tensors = memory.alloc(setup.tensors.length * TENSOR_INFO_BYTES);
  const labels = memory.alloc(setup.labels.length * TEXT_REF_BYTES);
  setup.tensors.forEach((tensor, i) => {
    writeTensorInfo(memory, tensors + i * TENSOR_INFO_BYTES, tensor);
  });
  writeLabels(memory, labels, setup.labels);
  memory.setWord(block + INIT.bytes, INIT_BYTES);
  memory.setWord(block + INIT.abi, (ABI_MAJOR << 16) | ABI_MINOR);
  memory.setWord(block + INIT.kind, setup.kind);
  memory.setWord(block + INIT.maxObjects, setup.maxObjects);
  memory.setWord(block + INIT.maxEvents, setup.maxEvents);
  memory.setWord(block + INIT.auxBytes, setup.auxBytes);
  memory.setWord(block + INIT.tensorCount, setup.tensors.length);
  memory.setWord(block + INIT.tensors, tensors);
  memory.setWord(block + INIT.labelCount, setup.labels.length);
  memory.setWord(block + INIT.labels, labels);
  memory.setWord(block + INIT.networkWidth, setup.networkWidth);
  memory.setWord(block + INIT.networkHeight, setup.networkHeight);
  memory.view.setBigUint64(block + INIT.firstObjectId, firstObjectId, true);
  return block;
}

function writeTensorInfo(memory: GuestMemory, at: number, tensor: GuestTensor): void {
  const name = encoder.encode(tensor.name);
  const nameAt = memory.alloc(name.length);
  memory.bytes.set(name, nameAt);
  memory.setWord(at + TENSOR_INFO.name, nameAt);
  memory.setWord(at + TENSOR_INFO.nameBytes, name.length);
  memory.setWord(at + TENSOR_INFO.dataType, tensor.dataType);
  memory.setWord(at + TENSOR_INFO.rank, tensor.dims.length);
  tensor.dims.forEach((dim, i) => {
    memory.setWord(at + TENSOR_INFO.dims + i * 4, dim);
  });
  memory.setWord(at + TENSOR_INFO.bytes, tensor.bytes);
  memory.view.setFloat32(at + TENSOR_INFO.scale, tensor.scale, true);
  memory.view.setInt32(at + TENSOR_INFO.zeroPoint, tensor.zeroPoint, true);
}

function writeLabels(memory: GuestMemory, table: number, labels: readonly string[]): void {
  const texts = labels.map((label) => encoder.encode(label));
  let at = memory.alloc(texts.reduce((sum, text) => sum + text.length, 0));
  texts.forEach((text, i) => {
    memory.bytes.set(text, at);
    memory.setWord(table + i * TEXT_REF_BYTES, at);
    memory.setWord(table + i * TEXT_REF_BYTES + 4, text.length);
    at += text.length;
  });
}

/** Writes a ParamBlock and what it points to into MAX_PARAMETER_BYTES at `at`; its address. Throws GuestError. */
export function writeParameters(memory: GuestMemory, at: number, parameters: Parameters): number {
  const room = new Room(at, MAX_PARAMETER_BYTES);
  const entries = Object.entries(parameters);
  const block = room.reserve(PARAM_BLOCK_BYTES);
  const table = room.reserve(entries.length * PARAM_ENTRY_BYTES);
  memory.bytes.fill(0, block, table + entries.length * PARAM_ENTRY_BYTES);
  memory.setWord(block, entries.length);
  memory.setWord(block + 4, table);
  entries.forEach(([key, value], i) => {
    writeParameter(memory, room, table + i * PARAM_ENTRY_BYTES, key, value);
  });
  return block;
}

function writeParameter(memory: GuestMemory, room: Room, entry: number, key: string, value: ParameterValue): void {
  const name = encoder.encode(key);
  const keyAt = room.reserve(name.length);
  memory.bytes.set(name, keyAt);
  memory.setWord(entry + PARAM.key, keyAt);
  memory.setWord(entry + PARAM.keyBytes, name.length);
  if (typeof value === "string") writeText(memory, room, entry, value);
  else if (Array.isArray(value)) writeNumbers(memory, room, entry, value);
  else {
    memory.setWord(entry + PARAM.type, PARAM_TYPE.number);
    memory.view.setFloat64(entry + PARAM.number, Number(value), true);
  }
}

function writeText(memory: GuestMemory, room: Room, entry: number, value: string): void {
  const text = encoder.encode(value);
  const at = room.reserve(text.length);
  memory.bytes.set(text, at);
  memory.setWord(entry + PARAM.type, PARAM_TYPE.text);
  memory.setWord(entry + PARAM.value, at);
  memory.setWord(entry + PARAM.valueCount, text.length);
}

function writeNumbers(memory: GuestMemory, room: Room, entry: number, values: readonly (number | null)[]): void {
  const at = room.reserve(values.length * 8);
  values.forEach((value, i) => {
    memory.view.setFloat64(at + i * 8, value ?? Number.NaN, true);
  });
  memory.setWord(entry + PARAM.type, PARAM_TYPE.numbers);
  memory.setWord(entry + PARAM.value, at);
  memory.setWord(entry + PARAM.valueCount, values.length);
}

/** Hands out room in a block that was allocated at start-up. */
class Room {
  #at: number;
  readonly #end: number;

  constructor(at: number, bytes: number) {
    this.#at = at;
    this.#end = at + bytes;
  }

  reserve(bytes: number): number {
    const at = this.#at;
    this.#at += Math.ceil(bytes / 8) * 8;
    if (this.#at > this.#end) {
      throw new GuestError("parameters", `the parameters take more than ${MAX_PARAMETER_BYTES} bytes`);
    }
    return at;
  }
}
