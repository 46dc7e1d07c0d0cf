// Between the records of a slot and what an operator sees of them.

import {
  EVENT,
  EVENT_BYTES,
  EVENT_LABEL_BYTES,
  EVENT_RULE_BYTES,
  EVENT_TYPE_BYTES,
  EventFlags,
  FRAME,
  FrameFlags,
  OBJECT,
  OBJECT_BYTES,
  ObjectFlags,
  UNTRACKED,
} from "../../firmware/link/protocol.ts";
import type { Slot } from "../../firmware/link/slots.ts";
import { type EventMetadata, FrameMetadata, ObjectMetadata } from "../../sdk/operator/metadata.ts";
import { GuestError } from "./guest_memory.ts";
import { readExtras, UserWriter } from "./operator_extras.ts";

const DEGREES = 180 / Math.PI;
const encoder = new TextEncoder();

/** The frame with its objects, as they came in. */
export function readFrame(slot: Slot, frame: number, limits: { objects: number; events: number }): FrameMetadata {
  const record = viewOf(slot.frames[frame]!);
  const flags = record.getUint32(FRAME.flags, true);
  const facts = {
    batchId: frame,
    sourceId: record.getUint32(FRAME.sourceId, true),
    frameNumber: record.getInt32(FRAME.frameNumber, true),
    pts: record.getBigUint64(FRAME.pts, true),
    captureNs: record.getBigUint64(FRAME.capture, true),
    width: record.getUint32(FRAME.width, true),
    height: record.getUint32(FRAME.height, true),
    isInferred: (flags & FrameFlags.Inferred) !== 0,
    isDiscontinuity: (flags & FrameFlags.Discontinuity) !== 0,
  };
  const view = viewOf(slot.objectsIn[frame]!);
  const aux = slot.auxIn[frame]!.subarray(0, slot.auxInBytes(frame));
  const objects = Array.from({ length: slot.objectsInCount(frame) }, (_, i) => readObject(view, i, aux));
  objects.forEach((object, i) => {
    object.parent = objects[view.getInt32(i * OBJECT_BYTES + OBJECT.parent, true)];
  });
  return new FrameMetadata(facts, objects, limits);
}

function readObject(view: DataView, index: number, aux: Uint8Array): ObjectMetadata {
  const at = index * OBJECT_BYTES;
  const object = new ObjectMetadata(index, readExtras(view, index, aux));
  for (const field of ["left", "top", "width", "height", "confidence", "trackerConfidence"] as const) {
    object[field] = view.getFloat32(at + OBJECT[field], true);
  }
  const id = view.getBigUint64(at + OBJECT.objectId, true);
  const flags = view.getUint32(at + OBJECT.flags, true);
  object.angleDegrees = view.getFloat32(at + OBJECT.angle, true) * DEGREES;
  object.classId = view.getInt32(at + OBJECT.classId, true);
  object.objectId = id === UNTRACKED ? undefined : id;
  object.age = view.getUint32(at + OBJECT.age, true);
  object.isPredicted = (flags & ObjectFlags.Predicted) !== 0;
  object.isNew = (flags & ObjectFlags.New) !== 0;
  return object;
}

/** Writes what the operator left in the frame. Throws GuestError when a number is none, or there is too much. */
export function writeFrameResult(slot: Slot, frame: number, { objects, events, user }: FrameMetadata): void {
  const out = slot.objectsOut[frame]!;
  out.fill(0, 0, objects.length * OBJECT_BYTES);
  const places = new Map(objects.map((object, i) => [object, i]));
  objects.forEach((object, i) => {
    writeObject(viewOf(out), i, object, places);
  });
  const eventsOut = slot.eventsOut[frame]!;
  eventsOut.fill(0, 0, events.length * EVENT_BYTES);
  events.forEach((event, i) => {
    writeEvent(eventsOut, i, event, places);
  });
  const writer = new UserWriter(slot, frame);
  const ofFrame = user ? writer.add(user) : { at: 0, bytes: 0 };
  objects.forEach((object, i) => {
    if (object.user) writeUser(viewOf(out), i, writer.add(object.user));
  });
  slot.setResult(frame, objects.length, events.length, writer.used);
  slot.setFrameWord(frame, FRAME.user, ofFrame.at);
  slot.setFrameWord(frame, FRAME.userBytes, ofFrame.bytes);
}

function writeObject(
  view: DataView,
  index: number,
  object: ObjectMetadata,
  places: ReadonlyMap<ObjectMetadata, number>,
): void {
  const at = index * OBJECT_BYTES;
  for (const field of ["left", "top", "width", "height", "confidence", "trackerConfidence"] as const) {
    view.setFloat32(at + OBJECT[field], finite(object[field], field, index), true);
  }
  view.setFloat32(at + OBJECT.angle, finite(object.angleDegrees, "angleDegrees", index) / DEGREES, true);
  view.setInt32(at + OBJECT.classId, object.classId, true);
  const tracked = object.objectId === undefined ? 0 : ObjectFlags.Tracked;
  const flags = tracked | (object.isPredicted ? ObjectFlags.Predicted : 0) | (object.isNew ? ObjectFlags.New : 0);
  view.setUint32(at + OBJECT.flags, flags, true);
  view.setBigUint64(at + OBJECT.objectId, object.objectId ?? UNTRACKED, true);
  view.setInt32(at + OBJECT.parent, (object.parent && places.get(object.parent)) ?? -1, true);
  view.setInt32(at + OBJECT.input, object.input, true);
  view.setUint32(at + OBJECT.age, object.age, true);
}

function writeUser(view: DataView, index: number, { at, bytes }: { at: number; bytes: number }): void {
  const record = index * OBJECT_BYTES;
  view.setUint32(record + OBJECT.aux, at, true);
  view.setUint32(record + OBJECT.auxBytes, bytes, true);
  view.setUint32(record + OBJECT.userBytes, bytes, true);
}

function writeEvent(
  bytes: Uint8Array,
  index: number,
  event: EventMetadata,
  places: ReadonlyMap<ObjectMetadata, number>,
): void {
  const at = index * EVENT_BYTES;
  const view = viewOf(bytes);
  writeText(bytes, at + EVENT.type, EVENT_TYPE_BYTES, event.type);
  writeText(bytes, at + EVENT.rule, EVENT_RULE_BYTES, event.rule);
  writeText(bytes, at + EVENT.label, EVENT_LABEL_BYTES, event.label);
  view.setBigUint64(at + EVENT.objectId, event.objectId ?? event.object?.objectId ?? UNTRACKED, true);
  view.setInt32(at + EVENT.classId, event.object?.classId ?? event.classId, true);
  view.setInt32(at + EVENT.object, (event.object && places.get(event.object)) ?? -1, true);
  view.setFloat32(at + EVENT.x, finite(event.x, "x", index), true);
  view.setFloat32(at + EVENT.y, finite(event.y, "y", index), true);
  view.setFloat64(at + EVENT.value, finite(event.value, "value", index), true);
  const direction = { in: EventFlags.In, out: EventFlags.Out, "": 0 }[event.direction];
  view.setUint32(at + EVENT.flags, direction, true);
}

/** Cut between characters, and NUL-terminated: the room was zeroed. */
function writeText(bytes: Uint8Array, at: number, room: number, text: string): void {
  encoder.encodeInto(text, bytes.subarray(at, at + room - 1));
}

export function highestIdOf({ objects }: FrameMetadata): bigint {
  return objects.reduce((highest, { objectId = 0n }) => (objectId > highest ? objectId : highest), 0n);
}

function finite(value: number, field: string, index: number): number {
  if (Number.isFinite(value)) return value;
  throw new GuestError("module", `the operator wrote ${field} = ${value} for number ${index}`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
