// Writes the smallest ONNX models that a test needs: one Reshape, so that what the "picture" holds is what comes out, and a Cast
// where the output is to have another type.
// Field numbers are those of onnx.proto3.

/** A positive number, or the name of an open axis. */
export type Axis = number | string;

const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const TYPES = { float32: FLOAT, int8: 3, float16: 10 } as const;

export interface ReshapeModel {
  input: readonly Axis[];
  output: readonly Axis[];
  /** What the Reshape gets; 0 keeps an axis. Default: the output with open axes kept. */
  shape?: readonly number[];
  outputName?: string;
  /** Of the output. */
  type?: keyof typeof TYPES;
  inputType?: keyof typeof TYPES;
}

/** A model `images` -> `output0` that gives its input back in another shape. */
export function reshapeModel(options: ReshapeModel): Buffer {
  const { input, output, shape, outputName = "output0", type = "float32", inputType = "float32" } = options;
  const target = shape ?? output.map((axis) => (typeof axis === "number" ? axis : 0));
  const node = message([
    [1, text("images")],
    [1, text("shape")],
    [2, text("reshaped")],
    [4, text("Reshape")],
  ]);
  const to = message([
    [1, text("to")],
    [3, TYPES[type]],
    [20, ATTRIBUTE_INT],
  ]);
  const cast = message([
    [1, text("reshaped")],
    [2, text(outputName)],
    [4, text("Cast")],
    [5, to],
  ]);
  const data = Buffer.from(BigInt64Array.from(target, BigInt).buffer);
  const initializer = message([
    [1, target.length],
    [2, INT64],
    [8, text("shape")],
    [9, data],
  ]);
  const graph = message([
    [1, node],
    [1, cast],
    [2, text("test")],
    [5, initializer],
    [11, valueInfo("images", input, TYPES[inputType])],
    [12, valueInfo(outputName, output, TYPES[type])],
  ]);
  return message([
    [1, 8],
    [7, graph],
    [8, message([[2, 13]])],
  ]);
}

function valueInfo(name: string, axes: readonly Axis[], type: number): Buffer {
  const dims = axes.map((axis): [number, Buffer] => [
    1,
    message([typeof axis === "number" ? [1, axis] : [2, text(axis)]]),
  ]);
  const tensor = message([
    [1, type],
    [2, message(dims)],
  ]);
  return message([
    [1, text(name)],
    [2, message([[1, tensor]])],
  ]);
}

function message(fields: readonly (readonly [number, number | Buffer])[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) =>
      typeof value === "number"
        ? Buffer.concat([varint(number << 3), varint(value)])
        : Buffer.concat([varint((number << 3) | 2), varint(value.length), value]),
    ),
  );
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}
