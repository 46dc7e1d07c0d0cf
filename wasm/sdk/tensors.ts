// A model's output, as one frame sees it: shape and type are fixed at start-up, the data pointer is the frame's.
//
// Inner loops read with load<f32>(tensor.data + ...) or v128.load: checked array access costs 6 to 10 times as much.

import { DataType, TENSOR_DIMS_AT, TensorInfo } from "./abi";
import { Line } from "./log";
import { textEquals } from "./text";

@final
export class Tensor {
  /** Address of the frame's data, 64-byte aligned; set before each frame. */
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

  /** Bytes of one frame. */
  get bytes(): u32 {
    return this.info.bytes;
  }

  /** int8: real = scale * (q - zeroPoint); 1 and 0 otherwise. */
  get scale(): f32 {
    return this.info.scale;
  }

  get zeroPoint(): i32 {
    return this.info.zeroPoint;
  }

  get isFloat32(): bool {
    return this.info.dataType == DataType.Float32;
  }

  /** Whether the model calls it `name` (ASCII). */
  named(name: string): bool {
    return textEquals(this.info.name, this.info.nameBytes, name);
  }

  /** Appends "output0 [84, 8400]" to a message. */
  describe(message: Line): Line {
    message.bytes(this.info.name, this.info.nameBytes).text(" [");
    for (let i = 0; i < this.rank; i++) {
      if (i > 0) message.text(", ");
      message.integer(this.dim(i));
    }
    return message.text("]");
  }
}
