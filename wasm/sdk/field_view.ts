// Some fields of all anchors of a head: neighbouring rows or columns of one output.

import { DataType } from "./abi";
import { realAt, Tensor } from "./tensors";

@final
export class FieldView {
  /** Address of field 0 of anchor 0. */
  base: usize = 0;
  /** Bytes from an anchor to the next. */
  readonly anchorStride: usize;
  private readonly fieldStride: usize;
  private readonly rowBytes: usize;
  private readonly type: u32;
  private readonly scale: f32;
  private readonly zeroPoint: i32;

  /**
   * Fields `first` to `first + count - 1` of output `index`.
   *
   * @param isRows the anchors of a field are neighbours; else the fields of an anchor
   */
  constructor(
    private readonly tensor: Tensor,
    readonly index: i32,
    private readonly first: i32,
    readonly count: i32,
    anchors: i32,
    readonly isRows: bool,
  ) {
    const valueBytes = <usize>tensor.valueBytes;
    this.rowBytes = <usize>anchors * valueBytes;
    this.fieldStride = isRows ? this.rowBytes : valueBytes;
    this.anchorStride = isRows ? valueBytes : <usize>tensor.dim(1) * valueBytes;
    this.type = tensor.type;
    this.scale = tensor.scale;
    this.zeroPoint = tensor.zeroPoint;
  }

  /** Field `field` (from 0) of an anchor. */
  @inline
  at(anchor: i32, field: i32): f32 {
    const at = this.base + <usize>anchor * this.anchorStride + <usize>field * this.fieldStride;
    if (this.type == DataType.Float32) return load<f32>(at);
    return realAt(at, this.type, this.scale, this.zeroPoint);
  }

  /** For fields that lie where the frame's data is: columns. */
  lookAt(): void {
    this.base = this.tensor.data + <usize>this.first * this.fieldStride;
  }

  /** For fields of an output that comes in blocks: makes room of their own. */
  keep(): void {
    this.base = heap.alloc(this.rowBytes * <usize>this.count + 16);
  }

  /** Copies what is in a block of output `index` to the room of `keep`. Blocks are whole rows. */
  take(index: i32, offset: u32, bytes: u32): void {
    if (index != this.index) return;
    const first = this.firstIn(offset, bytes);
    const count = this.countIn(offset, bytes);
    if (count <= 0) return;
    const to = this.base + <usize>first * this.rowBytes;
    memory.copy(to, this.addressIn(offset, first), <usize>count * this.rowBytes);
  }

  /** The first of these fields that a block has. */
  firstIn(offset: u32, bytes: u32): i32 {
    return max(<i32>(<usize>offset / this.rowBytes) - this.first, 0);
  }

  /** How many of these fields a block has. */
  countIn(offset: u32, bytes: u32): i32 {
    const end = min(<i32>((<usize>offset + bytes) / this.rowBytes) - this.first, this.count);
    return end - this.firstIn(offset, bytes);
  }

  /** Address of field `field` in the block that begins at `offset`. */
  addressIn(offset: u32, field: i32): usize {
    return this.tensor.data + <usize>(this.first + field) * this.rowBytes - offset;
  }
}
