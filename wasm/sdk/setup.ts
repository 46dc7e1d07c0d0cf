// What a module learns once, before its first frame.

import { InitBlock, TensorInfo, TextRef } from "./abi";
import { Tensor } from "./tensors";

@final
export class Setup {
  /** The model's outputs in its order; none for analyze modules. */
  readonly tensors: StaticArray<Tensor>;

  constructor(private readonly block: InitBlock) {
    this.tensors = new StaticArray<Tensor>(block.tensorCount);
    for (let i: u32 = 0; i < block.tensorCount; i++) {
      this.tensors[i] = new Tensor(changetype<TensorInfo>(block.tensors + i * offsetof<TensorInfo>()));
    }
  }

  /** Objects that a frame may have, in and out. */
  get maxObjects(): i32 {
    return <i32>this.block.maxObjects;
  }

  /** Events that a frame may have. */
  get maxEvents(): i32 {
    return <i32>this.block.maxEvents;
  }

  /** Bytes of a frame's arena, in and out. */
  get auxBytes(): i32 {
    return <i32>this.block.auxBytes;
  }

  /** Classes that have a label; 0 when the bundle names none. */
  get labelCount(): i32 {
    return <i32>this.block.labelCount;
  }

  /** Label of a class (UTF-8). `classId` must be below labelCount. */
  label(classId: i32): TextRef {
    return changetype<TextRef>(this.block.labels + <usize>classId * offsetof<TextRef>());
  }

  /** Pixels of the network input; 0 for analyze modules. */
  get networkWidth(): i32 {
    return <i32>this.block.networkWidth;
  }

  get networkHeight(): i32 {
    return <i32>this.block.networkHeight;
  }

  /** The first object id that a tracker may give: above every id of an earlier instance. */
  get firstObjectId(): u64 {
    return this.block.firstObjectId;
  }
}
