import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { detectBundle, module, writeBundle } from "../../services/postprocess/support/bundles.ts";
import { reshapeModel } from "../../services/postprocess/support/onnx.ts";

// A detector and a classifier behind it, each an njinfer with a host and a real model, in a pipeline as a user writes it.

const folder = mkdtempSync(join(tmpdir(), "nightjar-secondary-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Classifies by the first of its 192 numbers that is largest: which colour an 8 x 8 crop is brightest in, red taken away. */
async function colourBundle(): Promise<string> {
  const labels = Array.from({ length: 192 }, (_, i) => ["red", "green", "blue"][Math.floor(i / 64)]!);
  const yaml = {
    name: "colour",
    version: "1.0.0",
    kind: "detect",
    model: { file: "model.onnx" },
    module: { file: "classifier.wasm" },
    labels,
    input: { mean: [255, 0, 0] },
    parameters: { activation: "none" },
    limits: { "aux-bytes": 64 },
  };
  const model = reshapeModel({ input: ["batch", 3, 8, 8], output: ["batch", 192] });
  return writeBundle(yaml, { "model.onnx": model, "classifier.wasm": await module("classifier") });
}

it("a classifier behind a detector gives each object its attribute", { timeout: 60_000 }, async () => {
  const payloads = join(folder, "payloads");
  const descriptor = openSync(payloads, "w");
  // All ones: the tiny detector finds one car in the corner of a yellow picture.
  const pipeline = [
    "videotestsrc num-buffers=3 pattern=solid-color foreground-color=0xffffff00",
    "video/x-raw,format=RGB,width=64,height=64,framerate=5/1",
    "m.sink_0 njstreammux name=m width=64 height=64 batch-size=1",
    `njinfer bundle=${await detectBundle()} unique-id=1`,
    `njinfer bundle=${await colourBundle()} unique-id=2 process-mode=secondary infer-on-gie-id=1 classifier-type=colour`,
    "njmsgconv msg2p-newapi=true payload-type=1 frame-interval=1",
    "njpayloadsink fd=3",
  ].join(" ! ");
  const { status, stderr } = spawnSync("gst-launch-1.0", ["-q", ...pipeline.split(" ")], {
    stdio: ["ignore", "ignore", "pipe", descriptor],
    encoding: "utf8",
    timeout: 50_000,
  });
  closeSync(descriptor);
  expect(status, stderr).toBe(0);
  const objects = readFileSync(payloads, "latin1").match(/"\d+\|[^"]*"/g);
  expect(objects).toEqual(Array(3).fill('"18446744073709551615|4|4|12|12|car|#|green|1"'));
});
