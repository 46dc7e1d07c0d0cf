// cases/*.yaml of a module: what goes in, what must come out, what it may take. docs/reference/module-cases.md describes it.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { limitsSchema } from "../postprocess/bundle_schema.ts";
import { issueText } from "./key_issue.ts";

const dtype = z.enum(["float32", "float16", "int8", "int32", "int64", "uint8"]);
const number = z.number().or(z.nan()).or(z.literal(Number.POSITIVE_INFINITY)).or(z.literal(Number.NEGATIVE_INFINITY));
const share = z.number().min(0).max(1);

const classOf = {
  /** One of `labels`, or its class id. */
  label: z.string().optional(),
  class: z.int().min(0).max(65_535).optional(),
};
const box = {
  left: z.number(),
  top: z.number(),
  width: z.number().min(0),
  height: z.number().min(0),
  /** radians */
  angle: z.number().default(0),
};

const objectIn = z.strictObject({
  ...classOf,
  ...box,
  confidence: share.default(1),
  /** Of its track; none: not tracked. */
  id: z.int().min(0).optional(),
});
const objectOut = z.strictObject({
  ...classOf,
  ...box,
  confidence: share.optional(),
  /** Objects of all frames with the same number are the same track, those with others are others; null: not tracked. */
  track: z.int().nullable().optional(),
});
const event = z.strictObject({
  type: z.string(),
  rule: z.string().optional(),
  label: z.string().optional(),
  value: z.number().optional(),
  direction: z.enum(["in", "out", ""]).optional(),
});

type Nested = number | Nested[];
const nested: z.ZodType<Nested> = z.lazy(() => z.union([number, z.array(nested)]));
/** The numbers of a tensor, as the model means them: quantised tensors are written through their scale. */
const values = z.union([
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ values: nested }),
  z.strictObject({
    fill: number,
    /** Single numbers over it: [[index by axis, …], value] */
    set: z.array(z.tuple([z.array(z.int().min(0)), number])).default([]),
  }),
  z.strictObject({
    random: z.strictObject({ seed: z.int().min(0).default(1), from: z.number().default(0), to: z.number().default(1) }),
  }),
]);

const expectation = z.strictObject({
  /** Exactly these; absent: whatever they are. */
  objects: z.array(objectOut).optional(),
  events: z.array(event).optional(),
  /** So many, where it does not matter which. */
  "object-count": z.int().min(0).optional(),
  /** The frame fails, with a message that has this in it. */
  fails: z.string().min(1).optional(),
});

const frame = z.strictObject({
  source: z.int().min(0).default(0),
  number: z.int().optional(),
  /** seconds of the stream; default: 40 ms after the frame before */
  time: z.number().min(0).optional(),
  width: z.int().min(1).default(1280),
  height: z.int().min(1).default(720),
  inferred: z.boolean().default(true),
  discontinuity: z.boolean().default(false),
  /** The module is replaced before this frame, as by an update; its state is handed over. */
  restart: z.boolean().default(false),
  tensors: z.record(z.string(), values).default({}),
  objects: z.array(objectIn).default([]),
  /** So many times; `expect` is for the last. */
  repeat: z.int().min(1).max(100_000).default(1),
  expect: expectation.prefault({}),
});

const output = z.strictObject({
  name: z.string().min(1).max(63),
  dims: z.array(z.int().min(1)).min(1).max(7),
  dtype: dtype.default("float32"),
  scale: z.number().positive().default(1),
  "zero-point": z.int().default(0),
});

const recording = z.strictObject({
  file: z.string().min(1),
  /** infer, tracker, …; default: the first that fits the module's kind */
  element: z.string().optional(),
  /** From this frame of the recording on, and so many. */
  from: z.int().min(0).default(0),
  count: z.int().min(1).optional(),
  /** Least share of objects that must be as recorded (IoU-matched). */
  agreement: share.default(1),
  /** The events must be as recorded. */
  events: z.boolean().default(true),
});

const caseSchema = z
  .strictObject({
    name: z.string().min(1).optional(),
    parameters: z.record(z.string(), z.unknown()).default({}),
    labels: z.array(z.string()).default([]),
    /** Pixels of the network's picture. */
    network: z.strictObject({ width: z.int().min(1), height: z.int().min(1) }).default({ width: 640, height: 640 }),
    outputs: z.array(output).default([]),
    limits: limitsSchema.prefault({}),
    /** Median microseconds of a frame, at most; for machines that are known. */
    "frame-us": z.number().positive().optional(),
    tolerance: z
      .strictObject({
        /** least overlap of a box with the expected one */
        iou: share.default(0.9),
        confidence: share.default(0.05),
        /** of an event, absolute */
        value: z.number().min(0).default(1e-6),
      })
      .prefault({}),
    /** The module does not start, with a message that has this in it. */
    fails: z.string().min(1).optional(),
    frames: z.array(frame).max(100_000).default([]),
    recording: recording.optional(),
  })
  .refine(({ frames, recording }) => frames.length > 0 !== (recording !== undefined), {
    path: ["frames"],
    message: "a case needs frames, or a recording",
  });

export type CaseFile = z.output<typeof caseSchema>;
export type CaseFrame = CaseFile["frames"][number];
export type CaseOutput = CaseFile["outputs"][number];
export type CaseTolerance = CaseFile["tolerance"];
export type Expectation = CaseFrame["expect"];
export type ExpectedObject = NonNullable<Expectation["objects"]>[number];
export type ExpectedEvent = NonNullable<Expectation["events"]>[number];
export type TensorValues = CaseFrame["tensors"][string];
export type Numbers = Nested;

/** @throws ExpectedError that names file and key */
export async function readCase(file: string): Promise<CaseFile & { name: string }> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new ExpectedError(EXIT.configuration, `${file} cannot be read: ${messageOf(error)}`);
  });
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw new ExpectedError(EXIT.configuration, `${file}: ${problem.message.trim()}`);
  const result = caseSchema.safeParse(document.toJS() ?? {});
  if (result.success) return { ...result.data, name: result.data.name ?? basename(file, ".yaml") };
  throw new ExpectedError(EXIT.configuration, `${file}: ${issueText(result.error.issues, "case")}`);
}
