// The blocks and records of the module ABI with a number of its own in every field, written with the host's offsets. The bytes are
// kept in golden.bin, which AssemblyScript and C read in golden.test.ts. To make it anew after an intended change of the ABI:
//
//   node test/wasm/sdk/golden.ts

import { writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import * as link from "../../../firmware/link/protocol.ts";
import * as host from "../../../services/postprocess/module_abi.ts";

export const goldenFile = new URL("golden.bin", import.meta.url);

type FieldType = "u16" | "u32" | "i32" | "u64" | "f32" | "f64";

export interface GoldenField {
  /** As abi.ts calls them; nightjar.h has nj_init_block and first_object_id for InitBlock and firstObjectId. */
  record: string;
  field: string;
  /** In golden.bin. */
  at: number;
  type: FieldType;
  value: number;
}

const TYPES: Readonly<Record<string, FieldType>> = {
  ...fill("u64", ["firstObjectId", "pts", "capture", "objectId"]),
  ...fill("f64", ["number", "value"]),
  ...fill("f32", ["scaleX", "scaleY", "offsetX", "offsetY", "left", "top", "angle", "confidence", "trackerConfidence"]),
  ...fill("f32", ["x", "y", "scale"]),
  ...fill("i32", ["zeroPoint", "frameNumber", "classId", "parent", "input", "object"]),
  ...fill("u16", ["maskWidth", "maskHeight", "keypoints", "attributes"]),
};
/** The same name in another record has another type. */
const EXCEPTIONS: Readonly<Record<string, FieldType>> = {
  "ObjectRecord.width": "f32",
  "ObjectRecord.height": "f32",
  "ParamEntry.value": "u32",
};

/** In this order in golden.bin, each at a multiple of 64. */
export const RECORDS: readonly { record: string; bytes: number; fields: Readonly<Record<string, number>> }[] = [
  { record: "InitBlock", bytes: host.INIT_BYTES, fields: host.INIT },
  { record: "TensorInfo", bytes: host.TENSOR_INFO_BYTES, fields: without(host.TENSOR_INFO, "dims") },
  { record: "ParamEntry", bytes: host.PARAM_ENTRY_BYTES, fields: host.PARAM },
  { record: "FrameRecord", bytes: link.FRAME_BYTES, fields: without(link.FRAME, "reserved") },
  {
    record: "FrameBlock",
    bytes: host.FRAME_BLOCK_BYTES,
    fields: {
      tensors: host.FRAME_BLOCK.tensors,
      objectsInAt: host.FRAME_BLOCK.objectsIn,
      objectsOutAt: host.FRAME_BLOCK.objectsOut,
      eventsOutAt: host.FRAME_BLOCK.eventsOut,
      auxInAt: host.FRAME_BLOCK.auxIn,
      auxOutAt: host.FRAME_BLOCK.auxOut,
    },
  },
  { record: "ObjectRecord", bytes: link.OBJECT_BYTES, fields: without(link.OBJECT, "reserved") },
  { record: "EventRecord", bytes: link.EVENT_BYTES, fields: without(link.EVENT, "type", "rule", "label", "reserved") },
];

function fill(type: FieldType, names: readonly string[]): Record<string, FieldType> {
  return Object.fromEntries(names.map((name) => [name, type]));
}

export function without(fields: Readonly<Record<string, number>>, ...names: string[]): Record<string, number> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** Where each record begins. */
export function starts(): number[] {
  let at = 0;
  return RECORDS.map(({ bytes }) => {
    const start = at;
    at += Math.ceil(bytes / 64) * 64;
    return start;
  });
}

export function goldenFields(): GoldenField[] {
  const begins = starts();
  let count = 0;
  return RECORDS.flatMap(({ record, fields }, i) =>
    Object.entries(fields).map(([field, offset]): GoldenField => {
      const type = EXCEPTIONS[`${record}.${field}`] ?? TYPES[field] ?? "u32";
      return { record, field, at: begins[i]! + offset, type, value: numberFor(type, ++count) };
    }),
  );
}

/** A number that no other field has, and that no smaller type could hold. */
function numberFor(type: FieldType, n: number): number {
  if (type === "u16") return 60_000 + n;
  if (type === "i32") return -2_000_000_000 - n;
  if (type === "u64") return 2 ** 40 + n;
  if (type === "f32") return n + 0.25;
  return type === "f64" ? n + 1e-9 : 4_000_000_000 + n;
}

export function goldenBytes(): Uint8Array<ArrayBuffer> {
  const last = RECORDS.length - 1;
  const bytes = new Uint8Array(starts()[last]! + Math.ceil(RECORDS[last]!.bytes / 64) * 64);
  const view = new DataView(bytes.buffer);
  for (const { at, type, value } of goldenFields()) {
    if (type === "u16") view.setUint16(at, value, true);
    else if (type === "u32") view.setUint32(at, value, true);
    else if (type === "i32") view.setInt32(at, value, true);
    else if (type === "u64") view.setBigUint64(at, BigInt(value), true);
    else if (type === "f32") view.setFloat32(at, value, true);
    else view.setFloat64(at, value, true);
  }
  return bytes;
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(goldenFile, goldenBytes());
