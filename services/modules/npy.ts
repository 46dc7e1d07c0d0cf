// Arrays of NumPy (.npy, versions 1 to 3): the numbers of one tensor.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import { DataType } from "../../firmware/link/protocol.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";

export interface NpyArray {
  dataType: DataType;
  shape: readonly number[];
  /** Little-endian, row by row. */
  bytes: Uint8Array;
}

const MAGIC = Buffer.from("\x93NUMPY", "latin1");
const TYPES: Readonly<Record<string, DataType>> = {
  "<f4": DataType.Float32,
  "<f2": DataType.Float16,
  "|i1": DataType.Int8,
  "<i4": DataType.Int32,
  "<i8": DataType.Int64,
  "|u1": DataType.Uint8,
};

/** `file`: for messages. @throws ExpectedError when it is no array that a tensor can be */
export function parseNpy(contents: Buffer, file: string): NpyArray {
  const wrong = (problem: string) => new ExpectedError(EXIT.configuration, `${file}: ${problem}`);
  if (contents.length < 12 || !contents.subarray(0, 6).equals(MAGIC)) throw wrong("not a .npy file");
  const isLong = contents[6]! >= 2;
  const start = isLong ? 12 : 10;
  const headerBytes = isLong ? contents.readUInt32LE(8) : contents.readUInt16LE(8);
  const header = contents.subarray(start, start + headerBytes).toString("latin1");
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? "";
  const dataType = TYPES[descr];
  if (dataType === undefined) {
    throw wrong(`its numbers are ${descr || "a structure"}; expected one of ${Object.keys(TYPES).join(" ")}`);
  }
  if (!/'fortran_order':\s*False/.test(header))
    throw wrong("it lies in Fortran order; save numpy.ascontiguousarray(…)");
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").map((dim) => dim.trim());
  const dims = shape.filter((dim) => dim !== "").map(Number);
  return { dataType, shape: dims, bytes: contents.subarray(start + headerBytes) };
}
