// 1,000 swaps under a live pipeline of 30 frames/s with a detector and a tracker: other input sizes, other classes, other
// modules, other settings, in turn. Lost: frames that a stage failed on, passed by, or that never arrived. Delayed: frames
// that came more than one frame interval after the median. Activation: from the request until the new module serves, when
// the model stays; the median. NIGHTJAR_SWAPS sets another number for a quick look.
import { socketPath } from "../services/postprocess/support/bundles.ts";
import type { Measurement } from "./figures.ts";
import { median } from "./process.ts";
import { loadBundles, runSwaps, SwapLoad } from "./swap_load.ts";

const SWAPS = Number(process.env["NIGHTJAR_SWAPS"] ?? 1000);

export async function measure(): Promise<Measurement[]> {
  const bundles = await loadBundles();
  const load = await SwapLoad.start(socketPath(), bundles.detectors[0]!, bundles.trackers[0]!);
  const { moduleOnlyMs } = await runSwaps(load, bundles, SWAPS);
  const { missing, late, infer, tracker } = await load.end();
  return [
    {
      name: "swap.frames-lost-in-1000",
      value: missing + infer.failed + infer.passed + tracker.failed + tracker.passed,
    },
    { name: "swap.frames-delayed-in-1000", value: late },
    { name: "swap.module-activation", value: median(moduleOnlyMs) },
  ];
}
