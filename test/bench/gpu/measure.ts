// Measures the profile `cuda`, prints a table and writes results.json to the work folder: the rows, and the figures of
// test/bench/figures.ts that this target has. Ratios are of one run. Run by scripts/bench-gpu.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { figures, type Measurement } from "../figures.ts";
import * as programs from "./programs.ts";
import { type EngineRun, type Network, street, work, yoloM, yoloS } from "./programs.ts";

const BATCHES = [1, 8, 32];
const rows: { what: string; [member: string]: unknown }[] = [];
const values: Measurement[] = [];
let failed = 0;

/** A part of the measurement; when it fails, the others are measured all the same. */
function part<T>(what: string, measure: () => T): T | undefined {
  try {
    const result = measure();
    rows.push({ what, ...(result as object) });
    console.log(`${what.padEnd(44)} ${text(result)}`);
    return result;
  } catch (error) {
    failed += 1;
    console.error(`bench-gpu: ${what}: ${(error as Error).message}`);
    return undefined;
  }
}

function text(result: unknown): string {
  return JSON.stringify(result).replaceAll(/["{}]/g, "").replaceAll(",", "  ").replaceAll(":", " ");
}

function report(name: string, value: number | undefined): void {
  if (value !== undefined && Number.isFinite(value)) values.push({ name, value });
}

function valueIn(all: programs.Value[] | undefined, part: string): number | undefined {
  return all?.find(({ name }) => name.includes(part))?.value;
}

function measurePreprocessing(): void {
  const ours = part("preprocessing", () => programs.preprocess());
  const theirs = part("preprocessing with PyTorch", () => programs.torchPreprocess());
  report("gpu.preprocess-of-bandwidth", valueIn(ours, "share"));
  const [own, other] = [valueIn(ours, "preprocess of"), valueIn(theirs, "preprocess of")];
  if (own && other) report("gpu.preprocess-speedup-over-torch-way", other / own);
}

/** The engine alone by batch. */
function measureEngine(network: Network): Map<number, EngineRun> {
  const runs = new Map<number, EngineRun>();
  for (const batch of BATCHES) {
    const run = part(`${network.bundle} alone, batch ${batch}`, () => programs.engine(network, batch));
    if (run) runs.set(batch, run);
  }
  return runs;
}

/** Frames that lie in GPU memory: the least ratio to the engine alone. */
function measureHeld(bundle: string, engines: Map<number, EngineRun>): number {
  let least = Infinity;
  for (const streams of BATCHES) {
    const run = part(`${bundle}, ${streams} streams held`, () => programs.pipeline({ bundle, streams }));
    const alone = engines.get(streams)?.graph_fps;
    if (!run || !alone) continue;
    const ratio = run.fps / alone;
    console.log(`${"".padEnd(44)} of the engine alone: ${ratio.toFixed(3)}`);
    least = Math.min(least, ratio);
  }
  return least;
}

/** With NVDEC: the least ratio to the slower of decoder and engine. */
function measureDecoded(bundle: string, engines: Map<number, EngineRun>, decoders: Map<number, number>): number {
  let least = Infinity;
  const memory: { streams: number; mib: number }[] = [];
  for (const streams of BATCHES) {
    const measure = () => programs.pipeline({ bundle, streams, decoded: true, batches: 100 });
    const run = part(`${bundle}, ${streams} streams NVDEC`, measure);
    const slower = Math.min(engines.get(streams)?.graph_fps ?? Number.NaN, decoders.get(streams) ?? Number.NaN);
    if (!run || Number.isNaN(slower)) continue;
    const ratio = run.fps / slower;
    console.log(`${"".padEnd(44)} of the slower part (${slower.toFixed(0)} frames/s): ${ratio.toFixed(3)}`);
    least = Math.min(least, ratio);
    memory.push({ streams, mib: run.gpu_mib });
    if (streams === 32) report("gpu.host-cpu-per-1000-frames", run.cpu_ms_per_1000_frames / 1000);
  }
  const [few, many] = [memory.at(-2), memory.at(-1)];
  if (few && many) report("gpu.memory-per-stream", ((many.mib - few.mib) * 1.048576) / (many.streams - few.streams));
  return least;
}

/** Batches that come one at a time, against the engine alone. */
function measureLatency(bundle: string, engines: Map<number, EngineRun>): void {
  const streams = 8;
  // More batches than the percentiles look back on: those in which graphs are made do not count.
  const run = part(`${bundle}, ${streams} streams, 60 batches a second`, () =>
    programs.pipeline({ bundle, streams, pace: 60, batches: 600 }),
  );
  const alone = engines.get(streams)?.graph_p50_ms;
  if (!run || !alone) return;
  report("gpu.added-latency.p50", run.stats["total-p50"]! - alone * 1000);
  report("gpu.added-latency.p99", run.stats["total-p99"]! - alone * 1000);
}

function printFigures(): void {
  for (const figure of figures.filter(({ target }) => target === "bench-gpu")) {
    const value = values.find(({ name }) => name === figure.name)?.value;
    const holds =
      value === undefined || (value >= (figure.atLeast ?? -Infinity) && value <= (figure.atMost ?? Infinity));
    const bound = figure.atLeast !== undefined ? `≥ ${figure.atLeast}` : "";
    const shown = value === undefined ? "not measured" : `${Number(value.toPrecision(4))} ${figure.unit}`;
    console.log(`${holds ? " " : "✗"} ${figure.name.padEnd(44)} ${shown.padStart(20)}   ${bound}`);
    if (!holds || value === undefined) failed += 1;
  }
}

const machine = programs.machine();
console.log(machine);
measurePreprocessing();
part("drawing", () => programs.drawing());
const decoders = new Map<number, number>();
for (const streams of BATCHES) {
  const run = part(`decoders alone, ${streams}`, () => programs.pipeline({ streams, decoded: true, batches: 100 }));
  if (run) decoders.set(streams, run.fps);
}
let held = Infinity;
let decoded = Infinity;
for (const network of [street, yoloS, yoloM]) {
  const engines = measureEngine(network);
  const first = engines.get(1);
  if (network === yoloS && first) report("gpu.cuda-graph-gain-at-batch-1", first.plain_p50_ms / first.graph_p50_ms);
  held = Math.min(held, measureHeld(network.bundle, engines));
  decoded = Math.min(decoded, measureDecoded(network.bundle, engines, decoders));
  if (network !== yoloS) continue;
  measureLatency(network.bundle, engines);
  // The same with every anchor on the bus.
  measureHeld(`${network.bundle}-all`, engines);
}
report("gpu.pipeline-over-engine", held);
report("gpu.pipeline-with-nvdec-over-slower-part", decoded);
printFigures();
writeFileSync(join(work, "results.json"), JSON.stringify({ machine, rows, figures: values }, null, 2) + "\n");
process.exitCode = failed > 0 ? 1 : 0;
