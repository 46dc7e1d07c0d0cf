// What a module learns once, before its first frame.

import { InitBlock, TensorInfo, TextRef } from "./abi";
import { Tensor } from "./tensors";
import { textEquals } from "./text";

/** The minor version of the ABI that brought nj_block. */
const FIRST_WITH_BLOCKS: u32 = 1;

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

  /**
   * Asks for output `index` in blocks of `bytes` (the last may be shorter), in order, before `process`: `Module.block` gets
   * them, and the module keeps of each what it needs. For `init`. Worth it above some 256 KiB: copying a tensor of
   * 3 MB whole costs more than decoding it. A host of ABI 1.0 gives it whole all the same: Tensor.isInBlocks says so.
   */
  stream(index: i32, bytes: u32): void {
    if ((this.block.abi & 0xffff) >= FIRST_WITH_BLOCKS) this.tensors[index].setBlockBytes(bytes);
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

  /** The class whose label is `text` (ASCII), -1 when there is none. */
  classNamed(text: string): i32 {
    for (let i = 0; i < this.labelCount; i++) {
      const label = this.label(i);
      if (textEquals(label.at, label.bytes, text)) return i;
    }
    return -1;
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
