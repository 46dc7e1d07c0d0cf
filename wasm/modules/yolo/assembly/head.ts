// Where the numbers of a raw head lie, in either orientation.

import { line, Setup, Tensor } from "../../../sdk";

const BOX_FIELDS: i32 = 4;

@final
export class Head {
  /** Bytes from a field (x, y, width, height, score of class 0, …) to the next. */
  readonly fieldStride: usize;
  /** Bytes from an anchor to the next. */
  readonly anchorStride: usize;

  constructor(
    private readonly tensor: Tensor,
    readonly classes: i32,
    readonly anchors: i32,
    readonly transposed: bool,
  ) {
    this.fieldStride = transposed ? 4 : (<usize>anchors) << 2;
    this.anchorStride = transposed ? (<usize>(classes + BOX_FIELDS)) << 2 : 4;
  }

  /** The head among a model's outputs; null after a message that says what was expected. */
  static find(setup: Setup): Head | null {
    if (setup.tensors.length != 1) {
      line("the model has ")
        .integer(setup.tensors.length)
        .text(" outputs, expected one: [4 + classes, anchors]")
        .error();
      return null;
    }
    const tensor = setup.tensors[0];
    if (tensor.isFloat32 && tensor.rank == 2)
      return Head.orient(tensor, tensor.dim(0), tensor.dim(1), setup.labelCount);
    tensor.describe(line("the model's output ")).text(" is not float32 [4 + classes, anchors]").error();
    return null;
  }

  /** The labels tell the field axis from the anchor axis; without labels it is the shorter one. */
  private static orient(tensor: Tensor, rows: i32, columns: i32, labels: i32): Head | null {
    const fields = labels + BOX_FIELDS;
    if (labels > 0 ? rows == fields : rows <= columns && rows > BOX_FIELDS) {
      return new Head(tensor, rows - BOX_FIELDS, columns, false);
    }
    if (labels > 0 ? columns == fields : columns < rows && columns > BOX_FIELDS) {
      return new Head(tensor, columns - BOX_FIELDS, rows, true);
    }
    const message = tensor.describe(line("the model's output "));
    if (labels > 0)
      message.text(" has no axis of ").integer(fields).text(" (4 + ").integer(labels).text(" labels)").error();
    else message.text(" has no axis of 4 + classes").error();
    return null;
  }

  /** x, y, width or height of an anchor; `field` 0..3. */
  @inline
  field(anchor: i32, field: i32): f32 {
    return load<f32>(this.tensor.data + <usize>anchor * this.anchorStride + <usize>field * this.fieldStride);
  }

  /** Address of an anchor's score of class 0; the next class is fieldStride further. */
  @inline
  scores(anchor: i32): usize {
    return this.tensor.data + <usize>anchor * this.anchorStride + <usize>BOX_FIELDS * this.fieldStride;
  }

  @inline
  score(anchor: i32, classId: i32): f32 {
    return load<f32>(this.scores(anchor) + <usize>classId * this.fieldStride);
  }
}
