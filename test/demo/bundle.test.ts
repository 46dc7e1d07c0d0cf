import { readFileSync, statSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";

const folder = new URL("../../demo/bundles/street/", import.meta.url);
const bundle = parse(readFileSync(new URL("bundle.yaml", folder), "utf8"));
const modelFile = new URL(bundle.model.file, folder);
const [width, height, anchors] = [512, 288, 3024];

describe("the demo detector", () => {
  let session: InferenceSession;

  beforeAll(async () => {
    session = await InferenceSession.create(readFileSync(modelFile), { intraOpNumThreads: 1, interOpNumThreads: 1 });
  });

  async function detect(batch: number): Promise<Tensor> {
    const pixels = Float32Array.from({ length: batch * 3 * width * height }, (_, i) => ((i * 7919) % 255) / 255);
    const feeds = { [session.inputNames[0] as string]: new Tensor("float32", pixels, [batch, 3, height, width]) };
    return (await session.run(feeds))[session.outputNames[0] as string] as Tensor;
  }

  it("fits the bundle's promise of at most 6 MB", () => {
    expect(statSync(modelFile).size).toBeLessThanOrEqual(6e6);
  });

  it.each([1, 3])("gives boxes and one row for each label for a batch of %i", async (batch) => {
    const output = await detect(batch);
    expect(output.dims).toEqual([batch, 4 + bundle.labels.length, anchors]);
  });

  it("gives finite boxes and probabilities, on any picture", async () => {
    const output = (await detect(1)).data as Float32Array;
    const classes = output.subarray(4 * anchors);
    expect(output.every(Number.isFinite)).toBe(true);
    expect(classes.every((p) => p >= 0 && p <= 1)).toBe(true);
  });
});
