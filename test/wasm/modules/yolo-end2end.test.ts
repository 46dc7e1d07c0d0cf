import { describe, expect, it } from "vitest";
import { DataType, Kind } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import { TestModule, type TestModuleOptions } from "../support/module.ts";
import { asFloat16 } from "../support/typed.ts";

const LABELS = ["car", "truck", "bus"];

/** left, top, right, bottom, score, class */
type Row = [number, number, number, number, number, number];

const CAR: Row = [10, 20, 110, 70, 0.9, 0];
const BUS: Row = [200, 100, 400, 220, 0.6, 2];
const WEAK: Row = [1, 1, 9, 9, 0.1, 1];

function found(rows: readonly Row[], parameters: Parameters = {}, options: TestModuleOptions = {}) {
  const module = new TestModule("yolo-end2end", Kind.Detect, {
    outputs: [[rows.length, 6]],
    labels: LABELS,
    parameters,
    ...options,
  });
  const { objects } = module.run({ outputs: [Float32Array.from(rows.flat())] });
  return objects.map(({ left, top, width, height, classId }) => [classId, left, top, width, height]);
}

const CAR_OUT = [0, 10, 20, 100, 50];
const BUS_OUT = [2, 200, 100, 200, 120];

describe("the yolo-end2end module", () => {
  it("gives the rows from the threshold on, best first", () => {
    expect(found([WEAK, BUS, CAR])).toEqual([CAR_OUT, BUS_OUT]);
    expect(found([WEAK, BUS, CAR], { "confidence-threshold": 0.7 })).toEqual([CAR_OUT]);
  });

  it("gives the best up to top-k and to the limit of the frame", () => {
    expect(found([BUS, CAR], { "top-k": 1 })).toEqual([CAR_OUT]);
    expect(found([BUS, CAR], {}, { maxObjects: 1 })).toEqual([CAR_OUT]);
  });

  it("takes boxes in parts of the picture", () => {
    const part: Row = [0.25, 0.5, 0.5, 0.75, 0.9, 1];
    const options = { network: [320, 160] as const };
    expect(found([part], { "box-units": "normalised" }, options)).toEqual([[1, 80, 80, 80, 40]]);
  });

  it("takes the transposed output, and half precision", () => {
    const rows = [CAR, BUS];
    const columns = Float32Array.from({ length: 12 }, (_, i) => rows[i % 2]![Math.floor(i / 2)]!);
    const outputs = [{ dims: [6, 2], dataType: DataType.Float16 }];
    const module = new TestModule("yolo-end2end", Kind.Detect, { outputs, labels: LABELS });
    const { objects } = module.run({ outputs: [asFloat16(columns).bytes] });
    expect(objects.map(({ classId, left, width }) => [classId, left, width])).toEqual([
      [0, 10, 100],
      [2, 200, 200],
    ]);
  });

  it.each<[string, Row]>([
    ["a class that is not a number", [1, 1, 9, 9, 0.9, Number.NaN]],
    ["a class below the first", [1, 1, 9, 9, 0.9, -1]],
    ["a class behind the last label", [1, 1, 9, 9, 0.9, 3]],
    ["a right side left of the left one", [9, 1, 1, 9, 0.9, 0]],
    ["no height", [1, 9, 9, 9, 0.9, 0]],
    ["an infinite side", [1, 1, Number.POSITIVE_INFINITY, 9, 0.9, 0]],
    ["a score that is not a number", [1, 1, 9, 9, Number.NaN, 0]],
    ["an infinite score", [1, 1, 9, 9, Number.POSITIVE_INFINITY, 0]],
  ])("gives no object for %s", (_what, row) => {
    expect(found([row, CAR])).toEqual([CAR_OUT]);
  });

  it.each([
    { outputs: [[300, 7]], message: "output0 [300, 7] is not [objects, 6]" },
    { outputs: [[300]], message: "output0 [300] is not [objects, 6]" },
    { outputs: [[300, 6], [2]], message: "the model has 2 outputs, expected one: [objects, 6]" },
    { outputs: [{ dims: [300, 6], dataType: DataType.Int64 }], message: "int64 [300, 6] is not" },
  ])("refuses a model that it cannot decode: $message", ({ outputs, message }) => {
    expect(() => new TestModule("yolo-end2end", Kind.Detect, { outputs })).toThrow(message);
  });
});
