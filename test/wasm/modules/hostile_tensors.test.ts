import { describe, expect, it } from "vitest";
import { DataType, Kind } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import { type OutputOption, TestModule } from "../support/module.ts";
import { randomFrom } from "../support/random.ts";

// A model is not trusted: whatever lies in its outputs, a module neither traps nor gives an object that is none. (The host would
// throw for a number that is not finite, and for more objects or bytes than the limits allow.)

interface Subject {
  module: string;
  dims: number[][];
  labels: number;
  parameters?: Parameters;
}

const SUBJECTS: Subject[] = [
  { module: "yolo", dims: [[9, 300]], labels: 5 },
  { module: "yolo", dims: [[300, 9]], labels: 5, parameters: { nms: "gaussian", "class-agnostic": true } },
  { module: "yolo", dims: [[84, 1000]], labels: 80, parameters: { "confidence-threshold": 0 } },
  { module: "yolo-end2end", dims: [[300, 6]], labels: 5 },
  { module: "yolo-obb", dims: [[10, 300]], labels: 5 },
  { module: "yolo-obb", dims: [[10, 300]], labels: 5, parameters: { overlap: "polygon", suppression: "greedy" } },
  { module: "yolo-pose", dims: [[20, 200]], labels: 1 },
  {
    module: "yolo-seg",
    dims: [
      [13, 200],
      [8, 24, 32],
    ],
    labels: 1,
  },
  {
    module: "detr",
    dims: [
      [50, 7],
      [50, 4],
    ],
    labels: 7,
    parameters: { "confidence-threshold": 0 },
  },
  { module: "detr", dims: [[50, 11]], labels: 7, parameters: { scores: "probabilities" } },
  { module: "classifier", dims: [[20], [7, 1, 1]], labels: 27, parameters: { "top-k": 30 } },
  { module: "classifier", dims: [[20]], labels: 20, parameters: { activation: "sigmoid" } },
];

const TYPES = [DataType.Float32, DataType.Float16, DataType.Int8] as const;
const BYTES = { [DataType.Float32]: 4, [DataType.Float16]: 2, [DataType.Int8]: 1 } as const;
type RealType = (typeof TYPES)[number];

const POISON = [Number.NaN, Infinity, -Infinity, 3e38, -3e38, 1e-40, 0, -0, 1e6, 1e30, -1];

function subject({ module, dims, labels, parameters = {} }: Subject, dataType: RealType): TestModule {
  const outputs = dims.map((each): OutputOption => ({ dims: each, dataType, scale: 1 / 64, zeroPoint: -128 }));
  const names = Array.from({ length: labels }, (_, i) => `class ${i}`);
  return new TestModule(module, Kind.Detect, { outputs, labels: names, parameters, maxObjects: 100, auxBytes: 65_536 });
}

function bytesOf(dims: readonly number[], dataType: RealType): number {
  return dims.reduce((product, dim) => product * dim, BYTES[dataType]);
}

/** Numbers of each frame: bytes of any value, and floats that like to break things. */
function frames(dims: readonly (readonly number[])[], dataType: RealType, seed: number): ArrayBufferView[][] {
  const random = randomFrom(seed);
  const noise = (count: number) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256));
  const all = (value: number) => dims.map((each) => new Uint8Array(bytesOf(each, dataType)).fill(value));
  const bytes = [dims.map((each) => noise(bytesOf(each, dataType))), all(0), all(255), all(0x7f), all(0x80)];
  if (dataType === DataType.Int8) return bytes;
  const arrayOf = (values: number[]) =>
    dataType === DataType.Float32 ? Float32Array.from(values) : Float16Array.from(values);
  const floats = (pick: () => number) =>
    dims.map((each) => arrayOf(Array.from({ length: bytesOf(each, dataType) / BYTES[dataType] }, pick)));
  const poisoned = floats(() => (random() < 0.3 ? POISON[Math.floor(random() * POISON.length)]! : random()));
  return [...bytes, poisoned, ...POISON.map((value) => floats(() => value))];
}

describe.each(SUBJECTS)("the $module module with outputs of $dims", (options) => {
  it.each([
    ["float32", DataType.Float32],
    ["float16", DataType.Float16],
    ["int8", DataType.Int8],
  ] as const)("survives any bytes of %s, and gives plausible objects only", (_name, dataType) => {
    const module = subject(options, dataType);
    for (let seed = 1; seed <= 3; seed++) {
      for (const outputs of frames(options.dims, dataType, seed)) {
        const { objects } = module.run({ outputs });
        objects.forEach((object, i) => {
          expect(object.confidence).toBeGreaterThanOrEqual(0);
          expect(object.confidence).toBeLessThanOrEqual(1);
          expect(object.classId).toBeGreaterThanOrEqual(0);
          expect(object.classId).toBeLessThan(options.labels);
          const { keypoints, mask, attributes } = module.extras(i);
          expect(attributes.length > 0 || (object.width > 0 && object.height > 0)).toBe(true);
          expect(keypoints.every(({ x, y, confidence }) => [x, y, confidence].every(Number.isFinite))).toBe(true);
          expect((mask?.values ?? []).every((value) => value >= 0 && value <= 1)).toBe(true);
        });
      }
    }
  });

  it("gives no object for nothing but NaN and infinities", () => {
    const module = subject(options, DataType.Float32);
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      const outputs = options.dims.map((dims) => new Float32Array(bytesOf(dims, DataType.Float32) / 4).fill(value));
      expect(module.run({ outputs }).objects).toEqual([]);
    }
  });

  it("gives the same bytes for the same tensors, whatever it saw before", () => {
    for (const dataType of TYPES) {
      const [first, second] = [subject(options, dataType), subject(options, dataType)];
      const all = frames(options.dims, dataType, 9);
      const expected = all.map((outputs) => {
        first.run({ outputs });
        return Buffer.from(first.resultBytes).toString("base64");
      });
      for (let i = all.length - 1; i >= 0; i--) {
        second.run({ outputs: all[i]! });
        expect(Buffer.from(second.resultBytes).toString("base64")).toBe(expected[i]);
      }
    }
  });
});
