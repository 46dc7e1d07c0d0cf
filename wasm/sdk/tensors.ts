// A model's output, as one frame sees it: shape and type are fixed at start-up, the data pointer is the frame's.
//
// Inner loops read with load<f32>(tensor.data + ...) or v128.load: checked array access costs 6 to 10 times as much.
// `at` reads one number of any type; it is for the few values that matter, not for a pass over all of them.

import { DataType, TENSOR_DIMS_AT, TensorInfo } from "./abi";
import { halfToFloat } from "./half";
import { Line } from "./log";
import { textEquals } from "./text";

@final
export class Tensor {
  /**
   * Address of the frame's data, 64-byte aligned; set before each call. Of a tensor that comes in blocks
   * (Setup.stream): of the block.
   */
  data: usize = 0;

  constructor(private readonly info: TensorInfo) {}

  /** One of DataType. */
  get type(): u32 {
    return this.info.dataType;
  }

  /** Number of axes, without the batch. */
  get rank(): i32 {
    return <i32>this.info.rank;
  }

  /** Length of axis `axis`; 0 when there is no such axis. */
  dim(axis: i32): i32 {
    if (<u32>axis >= this.info.rank) return 0;
    return load<i32>(changetype<usize>(this.info) + TENSOR_DIMS_AT + ((<usize>axis) << 2));
  }

  /** Numbers of one frame: the product of all axes; 1 for a rank of 0. */
  get length(): i32 {
    return <i32>(this.info.bytes / this.valueBytes);
  }

  /** Bytes of one frame. */
  get bytes(): u32 {
    return this.info.bytes;
  }

  /** Bytes of one number. */
  get valueBytes(): u32 {
    return bytesOf(this.info.dataType);
  }

  /** int8 and uint8: real = scale * (q - zeroPoint); 1 and 0 otherwise. */
  get scale(): f32 {
    return this.info.scale;
  }

  get zeroPoint(): i32 {
    return this.info.zeroPoint;
  }

  get isFloat32(): bool {
    return this.info.dataType == DataType.Float32;
  }

  /** Whether `at` gives what the model means: float32, float16, or int8 and uint8 with a usable scale. */
  get isReal(): bool {
    const type = this.info.dataType;
    if (type == DataType.Float32 || type == DataType.Float16) return true;
    if (type != DataType.Int8 && type != DataType.Uint8) return false;
    return this.info.scale > 0 && this.info.scale < Infinity;
  }

  /** Whether `integer` is exact: int8 (unscaled), uint8, int32, int64. */
  get isInteger(): bool {
    return this.info.dataType >= DataType.Int8;
  }

  /** Number `index` of the frame as a real number. `index` must be below `length`. */
  at(index: i32): f32 {
    return realAt(this.data + <usize>index * this.valueBytes, this.info.dataType, this.info.scale, this.info.zeroPoint);
  }

  /** Number `index` of an integer tensor, such as an index or a class id; unscaled; floats are cut. */
  integer(index: i32): i64 {
    const at = this.data + <usize>index * this.valueBytes;
    switch (this.info.dataType) {
      case DataType.Int8:
        return <i64>load<i8>(at);
      case DataType.Uint8:
        return <i64>load<u8>(at);
      case DataType.Int32:
        return <i64>load<i32>(at);
      case DataType.Int64:
        return load<i64>(at);
      default:
        return <i64>this.at(index);
    }
  }

  /** Whether the model calls it `name` (ASCII). */
  named(name: string): bool {
    return textEquals(this.info.name, this.info.nameBytes, name);
  }

  /** Whether the tensor comes in blocks: Setup.stream asked for it, and the host can. */
  get isInBlocks(): bool {
    return this.info.blockBytes != 0;
  }

  /** Called by Setup.stream. */
  setBlockBytes(bytes: u32): void {
    this.info.blockBytes = bytes;
  }

  /** Appends "output0 [84, 8400]" to a message. */
  describe(message: Line): Line {
    message.bytes(this.info.name, this.info.nameBytes).text(" ");
    if (!this.isFloat32) message.text(nameOf(this.info.dataType)).text(" ");
    message.text("[");
    for (let i = 0; i < this.rank; i++) {
      if (i > 0) message.text(", ");
      message.integer(this.dim(i));
    }
    return message.text("]");
  }
}

/** Bytes of one number of a DataType. */
export function bytesOf(type: u32): u32 {
  switch (type) {
    case DataType.Float16:
      return 2;
    case DataType.Int8:
    case DataType.Uint8:
      return 1;
    case DataType.Int64:
      return 8;
    default:
      return 4;
  }
}

/** The real number at an address. `scale` and `zeroPoint` are of int8 and uint8. */
export function realAt(at: usize, type: u32, scale: f32, zeroPoint: i32): f32 {
  if (type == DataType.Float32) return load<f32>(at);
  if (type == DataType.Float16) return halfToFloat(load<u16>(at));
  if (type == DataType.Int8) return scale * <f32>(<i32>load<i8>(at) - zeroPoint);
  if (type == DataType.Uint8) return scale * <f32>(<i32>load<u8>(at) - zeroPoint);
  if (type == DataType.Int32) return <f32>load<i32>(at);
  return <f32>load<i64>(at);
}

function nameOf(type: u32): string {
  switch (type) {
    case DataType.Float32:
      return "float32";
    case DataType.Float16:
      return "float16";
    case DataType.Int8:
      return "int8";
    case DataType.Int32:
      return "int32";
    case DataType.Int64:
      return "int64";
    case DataType.Uint8:
      return "uint8";
    default:
      return "of an unknown type";
  }
}
