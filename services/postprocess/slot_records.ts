// Records of a slot as plain objects, and back: for golden cases and shadow runs, which play the element's part.

import {
  EVENT,
  EVENT_BYTES,
  EVENT_LABEL_BYTES,
  EVENT_RULE_BYTES,
  EVENT_TYPE_BYTES,
  FRAME,
  FrameFlags,
  OBJECT,
  OBJECT_BYTES,
  SLOT,
  UNTRACKED,
} from "../../firmware/link/protocol.ts";
import type { LinkMemory, Slot } from "../../firmware/link/slots.ts";
import type { Found } from "./agreement.ts";

export interface SlotObject extends Found {
  /** Radians. */
  angle: number;
  /** Undefined: not tracked. */
  objectId: bigint | undefined;
}

export interface SlotEvent {
  type: string;
  rule: string;
  label: string;
  classId: number;
  value: number;
}

export interface FrameFacts {
  sourceId: number;
  frameNumber: number;
  /** ns */
  pts: bigint;
  width: number;
  height: number;
  inferred: boolean;
  discontinuity: boolean;
}

/** The objects that the module gave for a frame. */
export function objectsOut(slot: Slot, frame: number): SlotObject[] {
  const bytes = slot.objectsOut[frame]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = Math.min(slot.frameWord(frame, FRAME.objectsOut), bytes.length / OBJECT_BYTES);
  return Array.from({ length: count }, (_, i) => readObject(view, i * OBJECT_BYTES));
}

function readObject(view: DataView, at: number): SlotObject {
  const objectId = view.getBigUint64(at + OBJECT.objectId, true);
  return {
    left: view.getFloat32(at + OBJECT.left, true),
    top: view.getFloat32(at + OBJECT.top, true),
    width: view.getFloat32(at + OBJECT.width, true),
    height: view.getFloat32(at + OBJECT.height, true),
    angle: view.getFloat32(at + OBJECT.angle, true),
    confidence: view.getFloat32(at + OBJECT.confidence, true),
    classId: view.getInt32(at + OBJECT.classId, true),
    objectId: objectId === UNTRACKED ? undefined : objectId,
  };
}

export function eventsOut(slot: Slot, frame: number): SlotEvent[] {
  const bytes = slot.eventsOut[frame]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = Math.min(slot.frameWord(frame, FRAME.eventsOut), bytes.length / EVENT_BYTES);
  return Array.from({ length: count }, (_, i) => {
    const at = i * EVENT_BYTES;
    return {
      type: textAt(bytes, at + EVENT.type, EVENT_TYPE_BYTES),
      rule: textAt(bytes, at + EVENT.rule, EVENT_RULE_BYTES),
      label: textAt(bytes, at + EVENT.label, EVENT_LABEL_BYTES),
      classId: view.getInt32(at + EVENT.classId, true),
      value: view.getFloat64(at + EVENT.value, true),
    };
  });
}

function textAt(bytes: Uint8Array, at: number, room: number): string {
  const text = Buffer.from(bytes.subarray(at, at + room));
  const end = text.indexOf(0);
  return text.subarray(0, end < 0 ? room : end).toString();
}

/** Writes a frame without objects: identity letterbox. */
export function writeFrame(slot: Slot, frame: number, facts: FrameFacts): void {
  slot.clearFrame(frame);
  const bytes = slot.frames[frame]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(FRAME.sourceId, facts.sourceId, true);
  view.setInt32(FRAME.frameNumber, facts.frameNumber, true);
  view.setBigUint64(FRAME.pts, facts.pts, true);
  view.setUint32(FRAME.width, facts.width, true);
  view.setUint32(FRAME.height, facts.height, true);
  view.setFloat32(FRAME.scaleX, 1, true);
  view.setFloat32(FRAME.scaleY, 1, true);
  const inferred = facts.inferred ? FrameFlags.Inferred : 0;
  view.setUint32(FRAME.flags, inferred | (facts.discontinuity ? FrameFlags.Discontinuity : 0), true);
}

/** Writes the objects in of a frame, as many as there is room for. */
export function writeObjectsIn(slot: Slot, frame: number, objects: readonly SlotObject[]): void {
  const bytes = slot.objectsIn[frame]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = Math.min(objects.length, bytes.length / OBJECT_BYTES);
  bytes.fill(0, 0, count * OBJECT_BYTES);
  for (let i = 0; i < count; i++) writeObject(view, i * OBJECT_BYTES, objects[i]!);
  slot.setFrameWord(frame, FRAME.objectsIn, count);
}

function writeObject(view: DataView, at: number, object: SlotObject): void {
  for (const field of ["left", "top", "width", "height", "angle", "confidence"] as const) {
    view.setFloat32(at + OBJECT[field], object[field], true);
  }
  view.setInt32(at + OBJECT.classId, object.classId, true);
  view.setBigUint64(at + OBJECT.objectId, object.objectId ?? UNTRACKED, true);
  view.setInt32(at + OBJECT.parent, -1, true);
  view.setInt32(at + OBJECT.input, -1, true);
}

/** Says how many frames a slot holds, and in which order it comes. Hand it over afterwards. */
export function writeSlotHeader(memory: LinkMemory, slot: Slot, batch: number, sequence: number): void {
  const words = new Uint32Array(memory.buffer, slot.offset, 4);
  words[SLOT.batch / 4] = batch;
  words[SLOT.sequence / 4] = sequence >>> 0;
  words[SLOT.sequence / 4 + 1] = 0;
}
