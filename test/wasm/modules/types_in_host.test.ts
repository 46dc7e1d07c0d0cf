import { afterAll, beforeAll, expect, it } from "vitest";
import { ANCHORS, detectBundle, FIELDS, pictureOf, SIZE } from "../../services/postprocess/support/bundles.ts";
import { TestHost } from "../../services/postprocess/support/host.ts";
import { type ReshapeModel, reshapeModel } from "../../services/postprocess/support/onnx.ts";
import { objectsOf } from "../../services/postprocess/support/records.ts";

// Models whose output is half precision or quantised, through ONNX Runtime, the link and the module.

const host = new TestHost();
beforeAll(() => host.start());
afterAll(() => host.close());

/** A first start on a busy machine takes its time: that is not what is tested here. */
const LIMITS = { "start-ms": 20_000 };

async function found(types: Pick<ReshapeModel, "type" | "inputType">, changes: object, picture: Float32Array) {
  const model = reshapeModel({ input: ["n", 3, SIZE, SIZE], output: ["n", FIELDS, ANCHORS], ...types });
  const element = host.connect();
  const answer = await element.open({
    bundle: await detectBundle({ limits: LIMITS, ...changes }, { "model.onnx": model }),
  });
  expect(answer).toMatchObject({ type: "layout" });
  const objects = objectsOf(await element.run([{ picture }]));
  return objects.map(({ classId, left, top, width, height, confidence }) => ({
    classId,
    box: [left, top, width, height],
    confidence: confidence.toFixed(3),
  }));
}

it("a float16 output is decoded as it is", async () => {
  const picture = pictureOf([[4, 4, 2, 2, 0.9], [], [], [6.25, 5, 2, 4, 0.1, 0.75]]);
  expect(await found({ type: "float16" }, {}, picture)).toEqual([
    { classId: 0, box: [3, 3, 2, 2], confidence: "0.900" },
    { classId: 1, box: [5.25, 3, 2, 4], confidence: "0.750" },
  ]);
});

it("a float16 picture reaches the model as it is", async () => {
  const picture = pictureOf([[4, 4, 2, 2, 0.9]]);
  expect(await found({ inputType: "float16" }, { input: { dtype: "float16" } }, picture)).toEqual([
    { classId: 0, box: [3, 3, 2, 2], confidence: "0.900" },
  ]);
});

it("an int8 output is decoded with the scale that the bundle says", async () => {
  // The Cast of the model cuts to whole numbers: the picture holds what the quantised model would give.
  const quantised = pictureOf([[64, 64, 32, 32, 127]]);
  const outputs = { output0: { scale: 1 / 128, "zero-point": 0 } };
  const parameters = { "box-units": "normalised" };
  expect(await found({ type: "int8" }, { outputs, parameters }, quantised)).toEqual([
    { classId: 0, box: [3, 3, 2, 2], confidence: "0.992" },
  ]);
});

it("an int8 output without a scale is taken in whole steps", async () => {
  expect(await found({ type: "int8" }, {}, pictureOf([[4, 4, 2, 2, 1]]))).toEqual([
    { classId: 0, box: [3, 3, 2, 2], confidence: "1.000" },
  ]);
});
