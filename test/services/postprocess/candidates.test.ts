// Candidates that are gathered on the GPU: what bundle.yaml says, what the link and the element get of it.

import { describe, expect, it } from "vitest";
import type { Bundle } from "../../../services/postprocess/bundle.ts";
import { bundleSchema } from "../../../services/postprocess/bundle_schema.ts";
import { candidateRules, planElementTensors } from "../../../services/postprocess/model_plan.ts";

function bundle(output: object, parameters: object = {}): Bundle {
  const file = {
    name: "yolo",
    version: "1.0.0",
    kind: "detect",
    model: { file: "model.pt2", engine: "torch" },
    module: { file: "yolo.wasm" },
    outputs: { output0: output },
    parameters,
  };
  return bundleSchema.parse(file) as unknown as Bundle;
}

const head = { dtype: "float32", dims: [84, 8400] };

describe("candidates of an output", () => {
  it("take the place of its anchors in the link, and the element is told how to find them", () => {
    const yolo = bundle({ ...head, candidates: { keep: 1024, threshold: 0.25 } });
    expect(planElementTensors(yolo)).toMatchObject([{ name: "output0", dims: [84, 1024] }]);
    expect(candidateRules(yolo)).toEqual([
      { output: "output0", anchors: 8400, firstScore: 4, scores: 80, threshold: 0.25 },
    ]);
  });

  it("may be scores in front of other fields", () => {
    const seg = bundle({
      dtype: "float16",
      dims: [41, 300],
      candidates: { keep: 300, threshold: 0, "first-score": 4, scores: 5 },
    });
    expect(candidateRules(seg)).toMatchObject([{ firstScore: 4, scores: 5 }]);
  });

  it("are not needed", () => {
    expect(planElementTensors(bundle(head))).toMatchObject([{ dims: [84, 8400] }]);
    expect(candidateRules(bundle(head))).toEqual([]);
  });

  it.each([
    [{ ...head, candidates: { keep: 8000, threshold: 0.3 } }, { "confidence-threshold": 0.2 }, /below 0.3 .* from 0.2/],
    [{ ...head, candidates: { keep: 10, threshold: 0.3 } }, { "class-thresholds": [0.5, null, 0.1] }, /from 0.1/],
    [{ ...head, dims: [84, 100], candidates: { keep: 101, threshold: 0.3 } }, {}, /100 anchors .* asks for 101/],
    [{ ...head, dtype: "int8", candidates: { keep: 10, threshold: 0.3 } }, {}, /int8 \[84, 8400\]/],
    [{ ...head, dims: [84], candidates: { keep: 10, threshold: 0.3 } }, {}, /\[84\]/],
    [{ ...head, candidates: { keep: 10, threshold: 0.3, scores: 81 } }, {}, /84 fields/],
    [{ ...head, candidates: { keep: 10, threshold: 0.3, "first-score": 84 } }, {}, /84 fields/],
  ])("are refused when they do not fit: %j", (output, parameters, message) => {
    expect(() => planElementTensors(bundle(output, parameters))).toThrow(message);
  });
});
