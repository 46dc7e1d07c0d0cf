// Round trip of the link between the element (link_bench.cpp) and a worker in Node (the echo host of the tests), with
// no work inside. link_bench.cpp says what is in the clock.
//
// full-rate: both on one core, one round trip after the other. 30hz: wherever the scheduler puts them, at frame rate.
// Each is the median of three runs. On two busy cores of an AMD EPYC: 3 µs and 76 µs at p50.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Measurement } from "./figures.ts";

const program = fileURLToPath(new URL("../../build/firmware/link-bench", import.meta.url));
const echoHost = fileURLToPath(new URL("../firmware/link/echo_host.ts", import.meta.url));
const runs = 3;
const percentiles = ["p50", "p99", "p99.9"] as const;

type Result = Record<(typeof percentiles)[number], number>;

interface Setting {
  name: string;
  /** Both sides run on this core; absent: on any. */
  core?: number;
  options: readonly string[];
}

const settings: readonly Setting[] = [
  { name: "link.full-rate", core: 0, options: ["--round-trips", "50000"] },
  { name: "link.30hz", options: ["--round-trips", "300", "--rate", "30"] },
];

export async function measure(): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-bench-"));
  const measurements: Measurement[] = [];
  try {
    for (const setting of settings) {
      const results: Result[] = [];
      for (let run = 0; run < runs; run++) results.push(await runOnce(setting, join(folder, "link.sock")));
      for (const percentile of percentiles) {
        const value = median(results.map((result) => result[percentile]));
        measurements.push({ name: `${setting.name}.${percentile}`, value });
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return measurements;
}

async function runOnce(setting: Setting, socket: string): Promise<Result> {
  const host = startHost(setting, socket);
  try {
    const core = setting.core === undefined ? [] : ["--core", String(setting.core)];
    const output = execFileSync(program, ["--socket", socket, ...setting.options, ...core], { encoding: "utf8" });
    return JSON.parse(output) as Result;
  } finally {
    host.kill("SIGTERM");
    await once(host, "exit");
  }
}

function startHost(setting: Setting, socket: string): ChildProcess {
  const command = [process.execPath, echoHost, "--socket", socket];
  if (setting.core !== undefined) command.unshift("taskset", "--cpu-list", String(setting.core));
  return spawn(command[0]!, command.slice(1), { stdio: ["ignore", "inherit", "inherit"] });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
