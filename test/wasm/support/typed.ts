// Tensors of the types that models give: half precision and quantised, each with the float32 numbers that they stand for.

import { DataType } from "../../../firmware/link/protocol.ts";

/** A tensor as the link carries it. */
export interface Typed {
  dataType: DataType;
  scale: number;
  zeroPoint: number;
  /** What lies in the slot. */
  bytes: ArrayBufferView;
  /** The numbers that it stands for, exactly. */
  real: Float32Array;
}

export function asFloat32(values: Float32Array): Typed {
  return { dataType: DataType.Float32, scale: 1, zeroPoint: 0, bytes: values, real: values };
}

export function asFloat16(values: Float32Array): Typed {
  const halves = new Float16Array(values);
  return { dataType: DataType.Float16, scale: 1, zeroPoint: 0, bytes: halves, real: Float32Array.from(halves) };
}

/** real = scale × (q - zeroPoint), in single precision. */
export function asInt8(values: Float32Array, scale: number, zeroPoint: number): Typed {
  const step = Math.fround(scale);
  const bytes = Int8Array.from(values, (value) => Math.max(-128, Math.min(127, Math.round(value / step + zeroPoint))));
  const real = Float32Array.from(bytes, (q) => Math.fround(step * (q - zeroPoint)));
  return { dataType: DataType.Int8, scale: step, zeroPoint, bytes, real };
}
