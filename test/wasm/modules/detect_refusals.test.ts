import { describe, expect, it } from "vitest";
import { DataType, Kind } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import { type OutputOption, TestModule } from "../support/module.ts";

// What the operator reads when a module and a model, or a bundle's settings, do not fit.

interface Case {
  module: string;
  outputs: (number[] | OutputOption)[];
  labels?: string[];
  auxBytes?: number;
  parameters?: Parameters;
  message: string;
}

const CASES: Case[] = [
  {
    module: "yolo",
    outputs: [[8, 100]],
    parameters: { nms: "soft" },
    message: "parameter nms is soft: expected greedy or linear or gaussian",
  },
  { module: "yolo", outputs: [[8, 100]], parameters: { nms: 1 }, message: "parameter nms is not a text" },
  { module: "yolo-obb", outputs: [[4, 100]], message: "output0 [4, 100] has no axis of 4 + classes + 1" },
  {
    module: "yolo-obb",
    outputs: [[8, 100]],
    labels: ["ship"],
    message: "output0 [8, 100] has no axis of 6 (4 + 1 labels + 1)",
  },
  {
    module: "yolo-obb",
    outputs: [[8, 100]],
    parameters: { overlap: "iou" },
    message: "parameter overlap is iou: expected probabilistic or polygon",
  },
  { module: "yolo-pose", outputs: [[5, 100]], message: "expected one output [4 + classes + keypoints x 3, anchors]" },
  {
    module: "yolo-pose",
    outputs: [[20, 100]],
    auxBytes: 24,
    message: "limits.aux-bytes is 24, too little for keypoints",
  },
  {
    module: "yolo-pose",
    outputs: [[21, 100]],
    message:
      "the model has 16 fields behind its classes, which are no keypoints of 3: set keypoint-fields, or the labels",
  },
  { module: "yolo-seg", outputs: [[40, 100]], message: "expected [4 + classes + k, anchors] and prototypes" },
  {
    module: "yolo-seg",
    outputs: [
      [40, 100],
      [32, 40, 40],
    ],
    auxBytes: 0,
    message: "limits.aux-bytes is 0, too little for masks",
  },
  {
    module: "yolo-seg",
    outputs: [
      [40, 100],
      [32, 40, 40],
    ],
    labels: ["cat"],
    message: "output0 [40, 100] has no axis of 37 (4 + 1 labels + 32)",
  },
  {
    module: "detr",
    outputs: [
      [300, 80],
      [200, 4],
    ],
    message: "expected scores [queries, classes] and boxes [queries, 4]",
  },
  { module: "detr", outputs: [[300, 9]], labels: ["a", "b"], message: "with 2 classes as there are labels" },
  { module: "classifier", outputs: [[7]], labels: ["a", "b"], message: "the model has 7 classes, the bundle 2 labels" },
  { module: "classifier", outputs: [[7]], auxBytes: 0, message: "limits.aux-bytes is 0, too little for the classes" },
  {
    module: "classifier",
    outputs: [{ dims: [7], dataType: DataType.Int64 }],
    message: "output0 int64 [7] is not float32, float16, or int8 with a scale",
  },
];

describe("a detect module that does not fit its model or bundle", () => {
  it.each(CASES)("$module says: $message", ({ module, message, auxBytes = 65_536, ...options }) => {
    expect(() => new TestModule(module, Kind.Detect, { ...options, auxBytes })).toThrow(message);
  });

  it("gives objects without extras, and one warning, when the arena is full", () => {
    const outputs = [[20, 100]];
    const module = new TestModule("yolo-pose", Kind.Detect, { outputs, labels: ["person"], auxBytes: 5 * 12 + 20 });
    const head = new Float32Array(2000);
    for (let i = 0; i < 3; i++) {
      for (const [row, value] of [100 + i * 200, 100, 50, 50, 0.9 - i / 10].entries()) head[row * 100 + i] = value;
    }
    for (let i = 0; i < 2; i++) expect(module.run({ outputs: [head] }).objects).toHaveLength(3);
    expect([0, 1, 2].map((i) => module.extras(i).keypoints.length)).toEqual([5, 0, 0]);
    expect(module.log).toEqual(["limits.aux-bytes is too small for the keypoints of all objects of a frame"]);
  });
});
