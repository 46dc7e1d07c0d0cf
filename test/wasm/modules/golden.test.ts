import { describe, expect, it } from "vitest";
import { Kind } from "../../../firmware/link/protocol.ts";
import { TestModule } from "../support/module.ts";
import { type Golden, goldenOf } from "./golden.ts";

// What NumPy makes of the same tensors: golden/make.py.

/** Within `digits` decimals, in one comparison, so that a difference shows all of them. */
function rounded(values: readonly number[], digits: number): number[] {
  return values.map((value) => Number(value.toFixed(digits)) + 0);
}

function run(module: string, golden: Golden) {
  const { labels, network, parameters } = golden;
  const outputs = golden.outputs.map(({ dims }) => dims);
  const subject = new TestModule(module, Kind.Detect, { outputs, labels, network, parameters, auxBytes: 1 << 20 });
  const { objects } = subject.run({ outputs: golden.outputs.map(({ values }) => values) });
  return { subject, objects };
}

describe.each([
  ["yolo", "yolo"],
  ["yolo-obb", "yolo-obb-probabilistic"],
  ["yolo-obb", "yolo-obb-polygon"],
  ["yolo-obb", "yolo-obb-matrix"],
  ["yolo-seg", "yolo-seg"],
  ["yolo-pose", "yolo-pose"],
  ["detr", "detr"],
  ["classifier", "classifier"],
])("the %s module on %s.json", (module, file) => {
  const golden = goldenOf(file);
  const { subject, objects } = run(module, golden);

  it("finds the same objects in the same order", () => {
    expect(objects.map(({ classId }) => classId)).toEqual(golden.objects.map((object) => object.class));
    objects.forEach((object, i) => {
      const { box = [0, 0, 0, 0], angle = 0, score } = golden.objects[i]!;
      expect(Math.abs(object.confidence - score)).toBeLessThan(1e-6);
      expect(Math.abs(object.angle - angle)).toBeLessThan(1e-6);
      [object.left, object.top, object.width, object.height].forEach((value, side) => {
        expect(Math.abs(value - box[side]!)).toBeLessThan(1e-3);
      });
    });
  });

  it("says the same about each", () => {
    golden.objects.forEach((object, i) => {
      const { mask, keypoints, attributes } = subject.extras(i);
      expect([mask?.width, mask?.height]).toEqual([object.mask?.width, object.mask?.height]);
      expect(largestDifference(mask?.values, object.mask?.values)).toBeLessThan(1e-4);
      expect(keypoints.map(({ x, y, confidence }) => rounded([x, y, confidence], 3))).toEqual(
        (object.keypoints ?? []).map((point) => rounded(point, 3)),
      );
      expect(attributes.map(({ group, classId, confidence }) => rounded([group, classId, confidence], 5))).toEqual(
        (object.attributes ?? []).map((attribute) => rounded(attribute, 5)),
      );
    });
  });
});

function largestDifference(a: readonly number[] = [], b: readonly number[] = []): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}
