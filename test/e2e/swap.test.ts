// Swaps under a live pipeline: nothing is lost, and nothing stays behind. NIGHTJAR_LONG=1 is the long form.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LoadBundles, loadBundles, runSwaps, SwapLoad, type Usage } from "../bench/swap_load.ts";
import { socketPath } from "../services/postprocess/support/bundles.ts";

const isLong = process.env["NIGHTJAR_LONG"] === "1";
const swaps = isLong ? 1000 : 20;
const warmUp = isLong ? 100 : 10;
const MB = 1024 * 1024;
/** Node's heap breathes, and a swap that is under way has a worker more: a leak of one thing per swap is far above. */
const tolerance: Usage = { threads: 6, descriptors: 6, residentBytes: 60 * MB };

let bundles: LoadBundles;
let load: SwapLoad;

beforeAll(async () => {
  bundles = await loadBundles();
  load = await SwapLoad.start(socketPath(), bundles.detectors[0]!, bundles.trackers[0]!);
}, 90_000);

afterAll(() => load?.stop());

describe(`${swaps} swaps of models, input sizes, modules and settings while frames flow`, () => {
  it(
    "lose no frame, and leave memory, threads and descriptors level",
    async () => {
      await runSwaps(load, bundles, warmUp);
      const before = await load.settledUsage();
      const { restored } = await runSwaps(load, bundles, swaps);
      const after = await load.settledUsage();
      const report = await load.end();
      console.log(JSON.stringify({ before, after, report }));
      const { missing, infer, tracker } = report;
      expect({ missing, infer: infer.failed + infer.passed, tracker: tracker.failed + tracker.passed }).toEqual({
        missing: 0,
        infer: 0,
        tracker: 0,
      });
      expect(load.incidents).toEqual([]);
      expect(restored).toBe((swaps / 5) * 2);
      for (const field of ["threads", "descriptors", "residentBytes"] as const) {
        expect(after[field] - before[field], field).toBeLessThanOrEqual(tolerance[field]);
      }
    },
    isLong ? 1_800_000 : 120_000,
  );
});
