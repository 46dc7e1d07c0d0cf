// The bytes of a tensor from what a case says of it: a file, numbers, one number everywhere, or noise.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { DATA_TYPE_BYTES, DataType } from "../../firmware/link/protocol.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { CaseOutput, Numbers, TensorValues } from "./case_schema.ts";
import { parseNpy } from "./npy.ts";

export const DATA_TYPES: Readonly<Record<CaseOutput["dtype"], DataType>> = {
  float32: DataType.Float32,
  float16: DataType.Float16,
  int8: DataType.Int8,
  int32: DataType.Int32,
  int64: DataType.Int64,
  uint8: DataType.Uint8,
};

type Writer = (view: DataView, at: number, value: number) => void;

const WRITERS: Readonly<Record<CaseOutput["dtype"], Writer>> = {
  float32: (view, at, value) => view.setFloat32(at, value, true),
  float16: (view, at, value) => view.setFloat16(at, value, true),
  int8: (view, at, value) => view.setInt8(at, clamp(value, -128, 127)),
  int32: (view, at, value) => view.setInt32(at, clamp(value, -(2 ** 31), 2 ** 31 - 1), true),
  int64: (view, at, value) => view.setBigInt64(at, BigInt(clamp(value, -(2 ** 53), 2 ** 53)), true),
  uint8: (view, at, value) => view.setUint8(at, clamp(value, 0, 255)),
};

/**
 * Numbers of int8 and uint8 tensors are what the model means: they are quantised with the output's scale. Files are taken
 * as they are. `where`: for messages.
 * @throws ExpectedError when the numbers do not fit the output
 */
export async function tensorBytes(
  given: TensorValues,
  output: CaseOutput,
  folder: string,
  where: string,
): Promise<Uint8Array> {
  if ("file" in given) return fromFile(resolve(folder, given.file), output, where);
  const { dtype, dims } = output;
  const count = dims.reduce((product, dim) => product * dim, 1);
  const size = DATA_TYPE_BYTES[DATA_TYPES[dtype]]!;
  const bytes = new Uint8Array(count * size);
  const view = new DataView(bytes.buffer);
  const isQuantised = dtype === "int8" || dtype === "uint8";
  const write = (index: number, value: number) =>
    WRITERS[dtype](view, index * size, isQuantised ? value / output.scale + output["zero-point"] : value);
  if ("values" in given) {
    for (const [i, value] of flatten(given.values, dims, where).entries()) write(i, value);
  } else if ("random" in given) {
    const { seed, from, to } = given.random;
    const next = noise(seed);
    for (let i = 0; i < count; i++) write(i, from + (to - from) * next());
  } else {
    for (let i = 0; i < count; i++) write(i, given.fill);
    for (const [index, value] of given.set) write(offsetOf(index, dims, where), value);
  }
  return bytes;
}

async function fromFile(path: string, { name, dims, dtype }: CaseOutput, where: string): Promise<Uint8Array> {
  const contents = await readFile(path).catch((error: unknown) => {
    throw wrong(where, `${path} cannot be read: ${messageOf(error)}`);
  });
  const array = parseNpy(contents, path);
  // A batch of one is what a model gives.
  const shape = array.shape.length === dims.length + 1 && array.shape[0] === 1 ? array.shape.slice(1) : array.shape;
  const fits = shape.length === dims.length && shape.every((dim, i) => dim === dims[i]);
  if (!fits || array.dataType !== DATA_TYPES[dtype]) {
    throw wrong(where, `${path} has the shape ${array.shape.join("x")}, output ${name} is ${dtype} ${dims.join("x")}`);
  }
  return array.bytes;
}

function flatten(values: Numbers, dims: readonly number[], where: string): number[] {
  const flat: number[] = [];
  const visit = (value: Numbers, axis: number): void => {
    if (typeof value === "number") {
      flat.push(value);
      return;
    }
    if (axis >= dims.length || value.length !== dims[axis]) {
      throw wrong(where, `axis ${axis} has ${value.length} entries, expected ${dims[axis] ?? "a number"}`);
    }
    for (const part of value) visit(part, axis + 1);
  };
  const count = dims.reduce((product, dim) => product * dim, 1);
  const isFlat = Array.isArray(values) && values.length === count && values.every((value) => typeof value === "number");
  if (isFlat) return values as number[];
  visit(values, 0);
  if (flat.length !== count) throw wrong(where, `found ${flat.length} numbers, expected ${count} (${dims.join("x")})`);
  return flat;
}

function offsetOf(index: readonly number[], dims: readonly number[], where: string): number {
  const isInside = index.length === dims.length && index.every((value, axis) => value < dims[axis]!);
  if (!isInside) throw wrong(where, `there is no [${index.join(", ")}] in ${dims.join("x")}`);
  return index.reduce((offset, value, axis) => offset * dims[axis]! + value, 0);
}

/** 0 to 1, the same for the same seed everywhere (xorshift32, Marsaglia 2003). */
function noise(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 32;
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, Math.round(value))) || 0;
}

function wrong(where: string, problem: string): ExpectedError {
  return new ExpectedError(EXIT.configuration, `${where}: ${problem}`);
}
