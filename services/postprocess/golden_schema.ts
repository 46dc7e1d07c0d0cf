// The JSON files of golden cases, checked.

import { z } from "zod";
import type { Found } from "./agreement.ts";
import type { Bundle } from "./bundle.ts";
import { Refusal } from "./refusal.ts";
import type { FrameFacts, SlotEvent, SlotObject } from "./slot_records.ts";

export interface ExpectedObject extends Found {
  /** Objects with the same number are the same track. */
  track: number | undefined;
}

export interface ExpectedFrame {
  objects: ExpectedObject[];
  /** Undefined: whatever they are. */
  events: Pick<SlotEvent, "type" | "rule">[] | undefined;
}

export interface FrameInput {
  facts: FrameFacts;
  objects: SlotObject[];
}

const object = z.strictObject({
  /** One of the bundle's labels, or its class id. */
  label: z.string().optional(),
  class: z.int().min(0).max(65_535).optional(),
  left: z.number(),
  top: z.number(),
  width: z.number().min(0),
  height: z.number().min(0),
  /** radians */
  angle: z.number().default(0),
  confidence: z.number().min(0).max(1).default(1),
  track: z.int().optional(),
});
const event = z.strictObject({ type: z.string(), rule: z.string().default("") });
const expectedFrame = z.strictObject({ objects: z.array(object).default([]), events: z.array(event).optional() });
const expected = z.union([z.strictObject({ frames: z.array(expectedFrame) }), expectedFrame]);

const frame = z.strictObject({
  source: z.int().min(0).default(0),
  frame: z.int().default(0),
  /** ns */
  pts: z.int().min(0).optional(),
  width: z.int().min(1).default(1280),
  height: z.int().min(1).default(720),
  inferred: z.boolean().default(true),
  discontinuity: z.boolean().default(false),
  objects: z.array(object).default([]),
});
const frames = z.strictObject({ frames: z.array(frame).min(1).max(10_000) });

type ObjectEntry = z.output<typeof object>;

/** Throws Refusal. */
export function parseExpected(text: string, bundle: Bundle, key: string): ExpectedFrame[] {
  const parsed = parse(text, expected, key);
  const list = "frames" in parsed ? parsed.frames : [parsed];
  return list.map(({ objects, events }) => ({
    objects: objects.map((entry) => ({ ...boxOf(entry, bundle, key), track: entry.track })),
    events,
  }));
}

/** Throws Refusal. */
export function parseFrames(text: string, bundle: Bundle, key: string): FrameInput[] {
  return parse(text, frames, key).frames.map((entry, i) => ({
    facts: {
      sourceId: entry.source,
      frameNumber: entry.frame || i,
      pts: BigInt(entry.pts ?? i * 40_000_000),
      width: entry.width,
      height: entry.height,
      inferred: entry.inferred,
      discontinuity: entry.discontinuity,
    },
    objects: entry.objects.map((found) => ({ ...boxOf(found, bundle, key), angle: found.angle, objectId: undefined })),
  }));
}

function boxOf(entry: ObjectEntry, bundle: Bundle, key: string): Found {
  const { left, top, width, height, confidence } = entry;
  return { left, top, width, height, confidence, classId: classOf(entry, bundle, key) };
}

function classOf({ label, class: classId }: ObjectEntry, bundle: Bundle, key: string): number {
  if (label === undefined) return classId ?? 0;
  const found = bundle.labels.indexOf(label);
  if (found >= 0) return found;
  throw new Refusal("bundle", key, `${key}: the bundle has no label "${label}"`);
}

function parse<T>(text: string, schema: z.ZodType<T>, key: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Refusal("bundle", key, `${key}: not JSON: ${(error as Error).message}`);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new Refusal("bundle", key, `${key}: ${z.prettifyError(result.error).replaceAll("\n", " ")}`);
}
