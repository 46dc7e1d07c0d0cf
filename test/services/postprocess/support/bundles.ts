// Bundles for tests, in folders that go when the test file ends.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { reshapeModel } from "./onnx.ts";

const root = mkdtempSync(join(tmpdir(), "nightjar-bundles-"));
process.once("exit", () => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** The pictures of the test models: 3 x 8 x 8 numbers, which come out as 4 + 4 fields of 24 anchors. */
export const SIZE = 8;
export const FIELDS = 8;
export const ANCHORS = 24;
export const LABELS = ["car", "truck", "bus", "person"];

export const TINY_MODEL = reshapeModel({ input: ["batch", 3, SIZE, SIZE], output: ["batch", FIELDS, ANCHORS] });

export const module = (name: string): Promise<Buffer> =>
  readFile(new URL(`../../../../build/modules/${name}.wasm`, import.meta.url));

/** Writes a bundle; what is undefined in `files` is not there. */
export function writeBundle(yaml: object | string, files: Record<string, Uint8Array | string | undefined>): string {
  const directory = join(root, String(count++));
  mkdirSync(directory);
  for (const [name, contents] of Object.entries(files)) if (contents) writeFileSync(join(directory, name), contents);
  writeFileSync(join(directory, "bundle.yaml"), typeof yaml === "string" ? yaml : stringify(yaml));
  return directory;
}

/** A detect bundle of the tiny model and the yolo module; `changes` go over its keys. */
export async function detectBundle(changes: object = {}, files: Record<string, Uint8Array | string | undefined> = {}) {
  const yaml = {
    name: "tiny",
    version: "1.0.0",
    kind: "detect",
    model: { file: "model.onnx" },
    module: { file: "module.wasm" },
    labels: LABELS,
    limits: { "memory-pages": 64 },
    ...changes,
  };
  return writeBundle(yaml, { "model.onnx": TINY_MODEL, "module.wasm": await module("yolo"), ...files });
}

/** An analyze bundle. */
export function analyzeBundle(wasm: Uint8Array, changes: object = {}): string {
  const yaml = { name: "tiny-analyze", version: "1.0.0", kind: "analyze", module: { file: "module.wasm" }, ...changes };
  return writeBundle(yaml, { "module.wasm": wasm });
}

/** A path for a socket that nobody uses. */
export function socketPath(): string {
  return join(root, `host-${count++}.sock`);
}

/** A picture whose numbers are `anchors` of [x, y, width, height, score of each class]. */
export function pictureOf(anchors: readonly (readonly number[])[]): Float32Array {
  const picture = new Float32Array(FIELDS * ANCHORS);
  anchors.forEach((fields, anchor) => {
    fields.forEach((value, field) => {
      picture[field * ANCHORS + anchor] = value;
    });
  });
  return picture;
}
