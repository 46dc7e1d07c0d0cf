import { closeSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createLink, map } from "../../../firmware/link/addon.ts";
import { reshapeModel } from "./support/onnx.ts";

// What the engine worker builds on, and what another version of onnxruntime-node may change.

const BYTES = 4096;

function sharedFloats(): Float32Array<ArrayBuffer> {
  const fd = createLink(BYTES);
  const floats = new Float32Array(map(fd, BYTES));
  closeSync(fd);
  return floats;
}

const session = () => InferenceSession.create(reshapeModel({ input: ["n", 4], output: ["n", 4], shape: [0, 4] }));

describe("onnxruntime-node", () => {
  it("reads an input where it lies, also when it changes after the tensor was made", async () => {
    const memory = sharedFloats();
    const tensor = new Tensor("float32", memory.subarray(16, 20), [1, 4]);
    memory.set([1, 2, 3, 4], 16);
    const { output0 } = await (await session()).run({ images: tensor });
    expect([...(output0!.data as Float32Array)]).toEqual([1, 2, 3, 4]);
  });

  it("writes an output where we want it", async () => {
    const memory = sharedFloats();
    const output = new Tensor("float32", memory.subarray(32, 40), [2, 4]);
    const images = new Tensor("float32", Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 4]);
    await (await session()).run({ images }, { output0: output });
    expect([...memory.subarray(31, 41)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
  });
});
