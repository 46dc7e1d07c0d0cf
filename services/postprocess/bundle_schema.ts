// bundle.yaml: every key, its type, range and default. docs/reference/bundle.md describes them for people.

import { z } from "zod";
import { MAX_BATCH, MAX_EVENTS, MAX_OBJECTS } from "../../firmware/link/protocol.ts";
import { MAX_MEMORY_PAGES } from "./v8_limits.ts";

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "expected lower-case letters, digits, . _ - (at most 64)");
const version = z.string().regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, 'expected a version such as "1.0.0"');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");
const count = (low: number, high: number) => z.int().min(low).max(high);

const file = z.strictObject({ file: z.string().min(1), sha256: sha256.optional() });

/** Who runs a model: this host (onnx), or the element that has a GPU. */
const model = file.extend({
  engine: z.enum(["onnx", "torch", "torchscript", "tensorrt"]).default("onnx"),
  /** Frames of one run in the element; 0: any number. */
  batch: count(0, MAX_BATCH).default(0),
  /** What an engine that is built of an ONNX file computes in (tensorrt). */
  precision: z.enum(["fp32", "fp16", "int8"]).default("fp16"),
});

/** One number for all channels, or one for each. */
const perChannel = z
  .union([z.number(), z.array(z.number()).length(3)])
  .transform((value) => (typeof value === "number" ? [value, value, value] : value) as [number, number, number]);

const input = z.strictObject({
  /** Pixels; only for models whose own axes are open. */
  width: count(1, 16_384).optional(),
  height: count(1, 16_384).optional(),
  color: z.enum(["RGB", "BGR"]).default("RGB"),
  layout: z.enum(["NCHW", "NHWC"]).default("NCHW"),
  dtype: z.enum(["float32", "float16"]).default("float32"),
  /** value = (pixel - mean) * scale, pixel 0..255 */
  scale: perChannel.default([1 / 255, 1 / 255, 1 / 255]),
  mean: perChannel.default([0, 0, 0]),
  letterbox: z.enum(["centre", "bottom-right", "stretch"]).default("centre"),
  fill: count(0, 255).default(114),
});

/** Characters of a text: zones of many cameras are one. */
const MAX_PARAMETER_TEXT = 200_000;

/** A number, yes or no, a text, or numbers by class id (null: not set for this class). */
export const parameterValue = z.union([
  z.number(),
  z.boolean(),
  z.string().max(MAX_PARAMETER_TEXT),
  z.array(z.number().nullable()).max(65_536),
]);
export const parameters = z.record(z.string().min(1).max(64), parameterValue);

const limits = z.strictObject({
  /** Of 64 KiB: what the module's memory may grow to. */
  "memory-pages": count(1, MAX_MEMORY_PAGES).default(512),
  /** ms for all frames of a batch */
  "batch-ms": count(1, 60_000).default(100),
  /** ms to compile the module */
  "compile-ms": count(1, 60_000).default(2000),
  /** ms from the start of the module to the end of its warm-up */
  "start-ms": count(1, 60_000).default(2000),
  /** in a frame, in and out */
  objects: count(1, MAX_OBJECTS).default(300),
  /** in a frame */
  events: count(0, MAX_EVENTS).default(64),
  /** in a frame, in and out: masks, keypoints, attributes */
  "aux-bytes": count(0, 16 * 1024 * 1024).default(0),
  /** bytes of the module's file */
  "module-bytes": count(8, 16 * 1024 * 1024).default(1024 * 1024),
  /** lines of log per second */
  "log-lines": count(0, 1000).default(20),
});

const dtype = z.enum(["float32", "float16", "int8", "int32", "int64", "uint8"]);

/** An output [fields, anchors] of which the module gets the candidates only, gathered on the GPU. */
const candidates = z.strictObject({
  /** anchors of a frame that there is room for; a frame with more fails, and says so */
  keep: count(1, 8192),
  /** an anchor with a score of at least this is one; at most the lowest threshold that the module works with */
  threshold: z.number().min(0).max(1),
  /** fields before the scores */
  "first-score": count(0, 65_535).default(4),
  /** fields that are scores; all that follow when it is left out */
  scores: count(1, 65_536).optional(),
});

/** What a model's file does not say about one of its outputs. */
const output = z.strictObject({
  /** Quantised outputs: real = scale * (q - zero-point). */
  scale: z.number().positive().default(1),
  "zero-point": z.int().min(-32_768).max(32_767).default(0),
  /** Only where the element runs the model itself, and this host never sees it. */
  dtype: dtype.optional(),
  /** Without the batch axis. */
  dims: z
    .array(count(1, 1 << 28))
    .max(7)
    .optional(),
  /** Only where the element runs the model itself. */
  candidates: candidates.optional(),
});

/** What is done about a module that fails while it serves. */
const policy = z.strictObject({
  /** failures within the window, after which it is given up */
  reloads: count(0, 1000).default(5),
  /** seconds */
  window: count(1, 86_400).default(60),
  /** seconds between two tries of a module that was given up; 0: none */
  retry: count(0, 86_400).default(60),
});

const golden = z.strictObject({
  /** detect: a picture (PPM) of the network's size, or the input tensor's bytes; analyze: frames with objects (JSON) */
  input: file,
  /** objects, and events of analyze bundles (JSON) */
  expected: file,
  tolerance: z
    .strictObject({
      /** least overlap of a box with the expected one */
      iou: z.number().min(0).max(1).default(0.9),
      /** how far a confidence may be off */
      confidence: z.number().min(0).max(1).default(0.05),
    })
    .prefault({}),
});

export const bundleSchema = z
  .strictObject({
    name,
    version,
    kind: z.enum(["detect", "analyze"]),
    model: model.optional(),
    module: file,
    labels: z.union([z.array(z.string().max(255)).max(65_536), file]).default([]),
    input: input.prefault({}),
    outputs: z.record(z.string().min(1).max(63), output).default({}),
    parameters: parameters.default({}),
    limits: limits.prefault({}),
    policy: policy.prefault({}),
    golden: z.array(golden).max(64).default([]),
  })
  .refine((bundle) => bundle.kind === "analyze" || bundle.model, {
    path: ["model"],
    message: "a detect bundle needs one",
  })
  .refine((bundle) => bundle.kind === "detect" || !bundle.model, {
    path: ["model"],
    message: "an analyze bundle has none: its input is the objects of a frame",
  });

export type BundleFile = z.output<typeof bundleSchema>;
export type BundleInput = BundleFile["input"];
export type BundleLimits = BundleFile["limits"];
export type BundlePolicy = BundleFile["policy"];
export type BundleOutput = BundleFile["outputs"][string];
export type GoldenTolerance = BundleFile["golden"][number]["tolerance"];
export type ParameterValue = z.output<typeof parameterValue>;
export type Parameters = Readonly<Record<string, ParameterValue>>;

export { limits as limitsSchema, MAX_BATCH };
