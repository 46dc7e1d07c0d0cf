// CPU preprocessing against GStreamer's own elements; preprocess_bench.cpp says what is in the clock.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Measurement } from "./figures.ts";

const program = fileURLToPath(new URL("../../build/firmware/preprocess-bench", import.meta.url));
const figure = "preprocess.speedup-over-videoconvertscale";

export function measure(): Promise<Measurement[]> {
  const rows = JSON.parse(execFileSync(program, { encoding: "utf8" })) as Measurement[];
  for (const { name, value } of rows) if (name !== figure) console.error(`  ${name}: ${value.toFixed(3)} ms`);
  return Promise.resolve(rows.filter(({ name }) => name === figure).map(({ name, value }) => ({ name, value })));
}
