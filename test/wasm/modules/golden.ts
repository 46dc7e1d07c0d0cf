// The golden files of golden/make.py: tensors, and what NumPy makes of them.

import { readFileSync } from "node:fs";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";

export interface Golden {
  network: [number, number];
  labels: string[];
  parameters: Parameters;
  outputs: GoldenOutput[];
  objects: GoldenObject[];
}

export interface GoldenOutput {
  dims: number[];
  values: Float32Array;
}

export interface GoldenObject {
  /** left, top, width, height */
  box?: number[];
  angle?: number;
  class: number;
  score: number;
  mask?: { width: number; height: number; values: number[] };
  /** x, y, confidence */
  keypoints?: number[][];
  /** group, class, confidence */
  attributes?: number[][];
}

export function goldenOf(name: string): Golden {
  const text = readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8");
  const file = JSON.parse(text) as Omit<Golden, "outputs"> & { outputs: { dims: number[]; values: string }[] };
  return { ...file, outputs: file.outputs.map(({ dims, values }) => ({ dims, values: valuesOf(values) })) };
}

function valuesOf(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  return new Float32Array(bytes.buffer);
}
