// The prototypes of a segmentation model: k small pictures, of which every mask is a weighted sum.

import { line, realAt, Setup, Tensor } from "../../../sdk";

@final
export class Prototypes {
  private constructor(
    private readonly tensor: Tensor,
    /** How many: k. */
    readonly count: i32,
    readonly width: i32,
    readonly height: i32,
    private readonly isPlanar: bool,
  ) {}

  /** The output of three axes; null after a message that says what was expected. */
  static find(setup: Setup): Prototypes | null {
    for (let i = 0; i < setup.tensors.length; i++) {
      const tensor = setup.tensors[i];
      if (tensor.rank != 3 || !tensor.isReal) continue;
      // Prototypes are fewer than the rows and columns of one: 32 of 160 x 160.
      const isPlanar = tensor.dim(0) <= tensor.dim(2);
      return isPlanar
        ? new Prototypes(tensor, tensor.dim(0), tensor.dim(2), tensor.dim(1), true)
        : new Prototypes(tensor, tensor.dim(2), tensor.dim(1), tensor.dim(0), false);
    }
    const message = line("the model gives");
    for (let i = 0; i < setup.tensors.length; i++) setup.tensors[i].describe(message.text(i > 0 ? ", " : " "));
    message.text("; expected [4 + classes + k, anchors] and prototypes [k, height, width]").error();
    return null;
  }

  /**
   * Adds weight × prototype over part of a row to `sums`.
   *
   * @param sums f32[count], one for each column from `left` on
   */
  addRow(prototype: i32, weight: f32, row: i32, left: i32, count: i32, sums: usize): void {
    const tensor = this.tensor;
    const first = this.isPlanar
      ? (prototype * this.height + row) * this.width + left
      : (row * this.width + left) * this.count + prototype;
    const valueBytes = <usize>tensor.valueBytes;
    const at = tensor.data + <usize>first * valueBytes;
    const stride = this.isPlanar ? valueBytes : valueBytes * <usize>this.count;
    if (this.isPlanar && tensor.isFloat32) {
      addFloats(at, weight, count, sums);
      return;
    }
    for (let i: usize = 0; i < <usize>count; i++) {
      const value = realAt(at + i * stride, tensor.type, tensor.scale, tensor.zeroPoint);
      store<f32>(sums + (i << 2), load<f32>(sums + (i << 2)) + weight * value);
    }
  }
}

/** sums[i] += weight * values[i], four at a time. */
function addFloats(values: usize, weight: f32, count: i32, sums: usize): void {
  const weights = f32x4.splat(weight);
  const bytes = (<usize>count) << 2;
  const whole = bytes & ~15;
  let i: usize = 0;
  for (; i < whole; i += 16) {
    v128.store(sums + i, f32x4.add(v128.load(sums + i), f32x4.mul(weights, v128.load(values + i))));
  }
  for (; i < bytes; i += 4) store<f32>(sums + i, load<f32>(sums + i) + weight * load<f32>(values + i));
}
