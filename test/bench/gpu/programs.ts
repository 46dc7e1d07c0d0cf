// The programs that measure on the GPU, and what they print.

import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";

/** What scripts/bench-gpu hands over in the environment. */
export const build = required("NIGHTJAR_BUILD");
export const work = required("NIGHTJAR_BENCH_WORK");
export const clip = required("NIGHTJAR_BENCH_CLIP");

/** A network, as a bundle in the work folder. */
export interface Network {
  bundle: string;
  width: number;
  height: number;
  half: boolean;
  output: string;
}

export const street: Network = { bundle: "street", width: 512, height: 288, half: false, output: "output0:9,3024" };
export const yoloS: Network = { bundle: "yolos", width: 640, height: 640, half: true, output: "output0:84,8400" };
export const yoloM: Network = { ...yoloS, bundle: "yolom" };

export interface Value {
  name: string;
  value: number;
}

/** Of the network by itself; times in ms, with a CUDA graph and without. */
export interface EngineRun {
  batch: number;
  plain_p50_ms: number;
  plain_p99_ms: number;
  plain_fps: number;
  graph_p50_ms: number;
  graph_p99_ms: number;
  graph_fps: number;
  graph_problem: string;
}

/** Of a whole pipeline; times of `stats` in µs. */
export interface PipelineRun {
  streams: number;
  frames: number;
  fps: number;
  cpu_ms_per_1000_frames: number;
  gpu_mib: number;
  objects: number;
  stats: Record<string, number>;
}

export function preprocess(): Value[] {
  return JSON.parse(output(join(build, "cuda-preprocess-bench"), []));
}

/** The same work as PyTorch programs do it. */
export function torchPreprocess(): Value[] {
  return JSON.parse(output("python3", ["-W", "ignore", "test/bench/torch_preprocess.py"]));
}

export function drawing(): Value[] {
  return JSON.parse(output(join(build, "cuda-draw-bench"), []));
}

export function engine(network: Network, batch: number): EngineRun {
  const { width, height, half } = network;
  const model = join(work, network.bundle, "model.pt2");
  const kind = half ? "half" : "float";
  const rounds = batch > 8 ? 60 : 200;
  const args = [model, "torch", width, height, kind, batch, rounds, network.output].map(String);
  return JSON.parse(output(join(build, "cuda-engine-bench"), args));
}

export interface PipelineOptions {
  bundle?: string;
  streams: number;
  decoded?: boolean;
  /** Batches a second; 0: as many as go through. */
  pace?: number;
  batches?: number;
}

export function pipeline({ bundle, streams, decoded = false, pace = 0, batches = 150 }: PipelineOptions): PipelineRun {
  const args = ["--clip", clip, "--streams", streams, "--batches", batches, "--pace", pace].map(String);
  args.push("--frames", decoded ? "decoded" : "held");
  if (bundle === undefined) args.push("--only", "decode");
  else args.push("--bundle", join(work, bundle));
  return JSON.parse(output(join(build, "cuda-pipeline-bench"), args));
}

/** One line about the GPU, for the results. */
export function machine(): string {
  const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
  return execFileSync("nvidia-smi", query, { encoding: "utf8" }).trim();
}

function output(program: string, args: string[]): string {
  const { stdout, stderr, status, error } = spawnSync(program, args, {
    encoding: "utf8",
    timeout: 120_000,
    // What PyTorch brings along and what GStreamer brings along do not go together.
    env: program === "python3" ? { ...process.env, LD_LIBRARY_PATH: "" } : process.env,
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`}\n${stderr}`);
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/bench-gpu, which sets it`);
  return value;
}
