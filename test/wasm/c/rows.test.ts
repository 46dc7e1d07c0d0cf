import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { detectBundle } from "../../services/postprocess/support/bundles.ts";
import { TestHost } from "../../services/postprocess/support/host.ts";
import { reshapeModel } from "../../services/postprocess/support/onnx.ts";
import { objectsOf } from "../../services/postprocess/support/records.ts";
import { waitUntil } from "../../support/wait.ts";
import { compileC } from "../support/c.ts";

// A module that was written from docs/reference/module-abi.md alone, in the real host with a real model: 32 rows of six numbers.

const host = new TestHost();
const wasm = compileC(readFileSync(new URL("rows.c", import.meta.url), "utf8"));

beforeAll(() => host.start());
afterEach(() => host.disconnect());
afterAll(() => host.close());

/** A first start on a busy machine takes its time: that is not what is tested here. */
const LIMITS = { "start-ms": 20_000 };

const bundle = (changes: object = {}, output: readonly number[] = [32, 6]) =>
  detectBundle(
    { limits: LIMITS, ...changes },
    {
      "module.wasm": wasm,
      "model.onnx": reshapeModel({ input: ["n", 3, 8, 8], output: ["n", ...output] }),
    },
  );

function pictureOf(...rows: number[][]): Float32Array {
  const picture = new Float32Array(192);
  rows.forEach((row, i) => {
    picture.set(row, i * 6);
  });
  return picture;
}

const CAR = [1, 2, 5, 8, 0.9, 0];
const BUS = [0, 0, 4, 4, 0.4, 2];

describe("a module in C", () => {
  it("turns tensors into objects", async () => {
    const element = host.connect();
    await element.open({ bundle: await bundle() });
    const slot = await element.run([
      { picture: pictureOf(CAR, [9, 9, 1, 1, 0.9, 1], BUS, [Number.NaN, 0, 4, 4, 0.9, 1]) },
    ]);
    expect(objectsOf(slot)).toMatchObject([
      { left: 1, top: 2, width: 4, height: 6, classId: 0, objectId: 0xffff_ffff_ffff_ffffn, input: -1 },
      { left: 0, top: 0, width: 4, height: 4, classId: 2 },
    ]);
  });

  it("takes parameters while it runs, and refuses wrong ones", async () => {
    const element = host.connect();
    await element.open({ bundle: await bundle() });
    const count = async () => {
      const slot = await element.run([{ picture: pictureOf(CAR, BUS) }]);
      const { length } = objectsOf(slot);
      element.release(slot);
      return length;
    };
    expect(await count()).toBe(2);
    element.send({ type: "parameters", parameters: { "confidence-threshold": 0.5 } });
    await waitUntil("the parameter holds", async () => (await count()) === 1);
    element.send({ type: "parameters", parameters: { "confidence-threshold": 2 } });
    // Parameters change between two frames.
    await waitUntil("the refusal is logged", async () => {
      expect(await count()).toBe(1);
      return host.log.some((line) => line.includes("expected 0 to 1"));
    });
  });

  it("refuses a model that it cannot decode, with its own words", async () => {
    const answer = await host.connect().open({ bundle: await bundle({}, [6, 32]) });
    expect(JSON.stringify(answer)).toContain("expected one output, float32 [objects, 6]");
  });

  it("keeps to the limit of objects", async () => {
    const element = host.connect();
    await element.open({ bundle: await bundle({ limits: { ...LIMITS, objects: 3 } }) });
    const rows = Array.from({ length: 32 }, () => CAR);
    expect(objectsOf(await element.run([{ picture: pictureOf(...rows) }]))).toHaveLength(3);
  });
});
