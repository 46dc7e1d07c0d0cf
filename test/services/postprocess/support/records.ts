// Records of the link as plain objects, for tests to write and to read.

import {
  DataType,
  EVENT,
  EVENT_BYTES,
  FRAME,
  FrameFlags,
  OBJECT,
  OBJECT_BYTES,
  UNTRACKED,
} from "../../../../firmware/link/protocol.ts";
import type { LinkMemory, Slot } from "../../../../firmware/link/slots.ts";

export interface ObjectOut {
  left: number;
  top: number;
  width: number;
  height: number;
  /** Radians, clockwise on screen. */
  angle: number;
  confidence: number;
  classId: number;
  flags: number;
  objectId: bigint;
  input: number;
  age: number;
  trackerConfidence: number;
}

export interface EventOut {
  type: string;
  objectId: bigint;
  classId: number;
  object: number;
  label: string;
  value: number;
}

export interface FrameIn {
  sourceId?: number;
  pts?: bigint;
  flags?: number;
  /** detect: the picture, flat. */
  picture?: ArrayLike<number>;
  /** The model's outputs, for a link without an engine. */
  outputs?: readonly ArrayBufferView[];
  /** analyze */
  objects?: readonly (Partial<ObjectOut> & Partial<Extras>)[];
  /** Aux bytes of the frame, into which objects point. */
  aux?: Uint8Array;
}

/** What a record says of its aux bytes. */
export interface Extras {
  aux: number;
  auxBytes: number;
  maskWidth: number;
  maskHeight: number;
  keypoints: number;
  attributes: number;
}

/** Writes a frame into a slot. */
export function fillFrame(memory: LinkMemory, slot: Slot, i: number, frame: FrameIn): void {
  slot.clearFrame(i);
  const view = new DataView(memory.buffer, slot.frames[i]!.byteOffset);
  view.setUint32(FRAME.sourceId, frame.sourceId ?? 0, true);
  view.setBigUint64(FRAME.pts, frame.pts ?? 0n, true);
  view.setUint32(FRAME.width, 1280, true);
  view.setUint32(FRAME.height, 720, true);
  view.setUint32(FRAME.flags, frame.flags ?? FrameFlags.Inferred, true);
  view.setUint32(FRAME.objectsIn, frame.objects?.length ?? 0, true);
  frame.objects?.forEach((object, k) => {
    writeObject(new DataView(memory.buffer, slot.objectsIn[i]!.byteOffset + k * OBJECT_BYTES, OBJECT_BYTES), object);
  });
  if (frame.aux) {
    slot.auxIn[i]!.set(frame.aux);
    view.setUint32(FRAME.auxIn, frame.aux.length, true);
  }
  const input = slot.tensors.find((tensor) => tensor.layout.isInput);
  if (input && frame.picture) {
    const numbers = Float32Array.from(frame.picture);
    const halves = input.layout.dataType === DataType.Float16;
    const bytes = halves ? new Float16Array(numbers).buffer : numbers.buffer;
    input.frames[i]!.set(new Uint8Array(bytes));
  }
  const outputs = slot.tensors.filter((tensor) => !tensor.layout.isInput);
  frame.outputs?.forEach((values, k) => {
    outputs[k]!.frames[i]!.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  });
}

function writeObject(view: DataView, object: Partial<ObjectOut> & Partial<Extras>): void {
  for (const field of ["left", "top", "width", "height", "angle", "confidence"] as const) {
    view.setFloat32(OBJECT[field], object[field] ?? 0, true);
  }
  view.setInt32(OBJECT.classId, object.classId ?? 0, true);
  view.setBigUint64(OBJECT.objectId, object.objectId ?? UNTRACKED, true);
  for (const field of ["aux", "auxBytes"] as const) view.setUint32(OBJECT[field], object[field] ?? 0, true);
  for (const field of ["maskWidth", "maskHeight", "keypoints", "attributes"] as const) {
    view.setUint16(OBJECT[field], object[field] ?? 0, true);
  }
}

/** Objects of a frame of a slot. */
export function objectsOf(slot: Slot, frame = 0): ObjectOut[] {
  const bytes = slot.objectsOut[frame]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: slot.frameWord(frame, FRAME.objectsOut) }, (_, i) => {
    const at = i * OBJECT_BYTES;
    return {
      left: view.getFloat32(at + OBJECT.left, true),
      top: view.getFloat32(at + OBJECT.top, true),
      width: view.getFloat32(at + OBJECT.width, true),
      height: view.getFloat32(at + OBJECT.height, true),
      angle: view.getFloat32(at + OBJECT.angle, true),
      confidence: view.getFloat32(at + OBJECT.confidence, true),
      classId: view.getInt32(at + OBJECT.classId, true),
      flags: view.getUint32(at + OBJECT.flags, true),
      objectId: view.getBigUint64(at + OBJECT.objectId, true),
      input: view.getInt32(at + OBJECT.input, true),
      age: view.getUint32(at + OBJECT.age, true),
      trackerConfidence: view.getFloat32(at + OBJECT.trackerConfidence, true),
    };
  });
}

/** Events of a frame of a slot. */
export function eventsOf(slot: Slot, frame = 0): EventOut[] {
  const bytes = slot.eventsOut[frame]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: slot.frameWord(frame, FRAME.eventsOut) }, (_, i) => {
    const at = i * EVENT_BYTES;
    return {
      type: textAt(bytes, at + EVENT.type, 24),
      label: textAt(bytes, at + EVENT.label, 32),
      object: view.getInt32(at + EVENT.object, true),
      objectId: view.getBigUint64(at + EVENT.objectId, true),
      classId: view.getInt32(at + EVENT.classId, true),
      value: view.getFloat64(at + EVENT.value, true),
    };
  });
}

/** User metadata of a frame of a slot, and of each of its objects; "" where there is none. */
export function userOf(slot: Slot, frame = 0): { frame: string; objects: string[] } {
  const aux = Buffer.from(slot.auxOut[frame]!.subarray(0, slot.frameWord(frame, FRAME.auxOut)));
  const text = (at: number, bytes: number) => aux.toString("utf8", at, at + bytes);
  const records = slot.objectsOut[frame]!;
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  return {
    frame: text(slot.frameWord(frame, FRAME.user), slot.frameWord(frame, FRAME.userBytes)),
    objects: Array.from({ length: slot.frameWord(frame, FRAME.objectsOut) }, (_, i) => {
      const word = (field: number) => view.getUint32(i * OBJECT_BYTES + field, true);
      return text(word(OBJECT.aux) + word(OBJECT.auxBytes) - word(OBJECT.userBytes), word(OBJECT.userBytes));
    }),
  };
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  const text = Buffer.from(bytes.subarray(at, at + length));
  return text.subarray(0, text.indexOf(0)).toString();
}
