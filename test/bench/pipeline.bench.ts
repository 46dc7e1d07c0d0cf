// How much of the bare engine's speed the portable pipeline keeps.
//
// fps-over-bare-engine: four sources of frames that are already decoded (one picture each, repeated by reference),
// unthrottled, batch 4, one engine thread; frames per second of `njstreammux ! njinfer` over those of a bare
// onnxruntime-node loop on the same model, batch and threads. Both are differences of a long and a short run, so
// start-up is outside the clock; everything from the mux to the attached objects is inside.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Measurement } from "./figures.ts";
import { cost, difference, median } from "./process.ts";

const bundle = resolve("build/bundles/street");
const batch = 4;
const threads = 1; // of the engine, in both
const rounds = 5;

/** The host's settings of glibc's allocator, for the bare loop too: they are worth a few percent to it. */
const allocator = {
  MALLOC_MMAP_THRESHOLD_: "67108864",
  MALLOC_TRIM_THRESHOLD_: "536870912",
  MALLOC_TOP_PAD_: "16777216",
};

/** The middle frame of each clip as a PNG. */
async function stills(folder: string): Promise<string[]> {
  const { globSync } = await import("node:fs");
  const files = globSync("demo/clips/*.mp4").sort();
  if (files.length < batch) throw new Error(`demo/clips has ${files.length} clips, expected ${batch}`);
  const pictures: string[] = [];
  for (const [index, file] of files.slice(0, batch).entries()) {
    const picture = join(folder, `${index}.png`);
    await cost(
      `gst-launch-1.0 -q filesrc location=${file} ! decodebin ! videoconvert ! pngenc snapshot=true ! filesink location=${picture}`,
    );
    pictures.push(picture);
  }
  return pictures;
}

/** Four stills, each repeated `frames` times without copying, through mux and inference. */
const pipeline =
  (pictures: string[]) =>
  (frames: number): string =>
    [
      `gst-launch-1.0 -q njstreammux name=m batch-size=${batch} batched-push-timeout=-1 ! njinfer bundle=${bundle} batch-size=${batch} ! fakesink sync=false`,
      ...pictures.map(
        (picture, index) =>
          `filesrc location=${picture} ! pngdec ! videoconvert ! video/x-raw,format=NV12 ! imagefreeze num-buffers=${frames} ! m.sink_${index}`,
      ),
    ].join(" ");

async function bareSeconds(runs: number): Promise<number> {
  const command = `node test/bench/bare-engine.ts ${bundle}/model.onnx ${batch} ${threads} ${runs}`;
  const { stdout } = await cost(command, allocator);
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

export async function measure(): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-bench-"));
  try {
    const command = pipeline(await stills(folder));
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const ours = await difference(command, 20, 170, {
        NIGHTJAR_HOST: `${resolve("bin/nightjar-host")} --threads ${threads}`,
      });
      const bare = await bareSeconds(150);
      ratios.push(bare / ours.wall);
    }
    return [{ name: "pipeline.fps-over-bare-engine", value: median(ratios) }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
