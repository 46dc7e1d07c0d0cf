// Objects and events of a frame as plain values, out of the bytes of their records (firmware/link/protocol.h).

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
  UNTRACKED,
} from "../../firmware/link/protocol.ts";
import type { Found } from "../postprocess/agreement.ts";

/** Boxes are pixels: of the network's picture out of a detect module, of the frame in and out of an analyze module. */
export interface ObjectView extends Found {
  /** Radians, clockwise on screen. */
  angle: number;
  /** Undefined: not tracked. */
  id: bigint | undefined;
  /** Index in the objects in that it continues; -1: none. */
  input: number;
}

export interface EventView {
  type: string;
  /** Zone or line; "" when it has none. */
  rule: string;
  label: string;
  classId: number;
  /** Undefined: of no object. */
  id: bigint | undefined;
  value: number;
  /** Across a line; "" otherwise. */
  direction: "in" | "out" | "";
}

/** Of one frame: FrameRecord, but for its counts. */
export interface FrameView {
  sourceId: number;
  number: number;
  /** ns; undefined: the stream has no times. */
  pts: bigint | undefined;
  /** ns since 1970; 0: unknown. */
  capture: bigint;
  width: number;
  height: number;
  /** network = frame × scale + offset */
  scaleX: number;
  scaleY: number;
  offsetX: number;
  offsetY: number;
  inferred: boolean;
  discontinuity: boolean;
}

const NO_TIME = 0xffff_ffff_ffff_ffffn;

/** All whole records in `bytes`. */
export function readObjects(bytes: Uint8Array): ObjectView[] {
  const view = viewOf(bytes);
  return Array.from({ length: Math.floor(bytes.length / OBJECT_BYTES) }, (_, i) => {
    const at = i * OBJECT_BYTES;
    const float = (field: number) => view.getFloat32(at + field, true);
    return {
      left: float(OBJECT.left),
      top: float(OBJECT.top),
      width: float(OBJECT.width),
      height: float(OBJECT.height),
      angle: float(OBJECT.angle),
      confidence: float(OBJECT.confidence),
      classId: view.getInt32(at + OBJECT.classId, true),
      id: idAt(view, at + OBJECT.objectId),
      input: view.getInt32(at + OBJECT.input, true),
    };
  });
}

/** All whole records in `bytes`. */
export function readEvents(bytes: Uint8Array): EventView[] {
  const view = viewOf(bytes);
  return Array.from({ length: Math.floor(bytes.length / EVENT_BYTES) }, (_, i) => {
    const at = i * EVENT_BYTES;
    const flags = view.getUint32(at + EVENT.flags, true);
    return {
      type: textAt(bytes, at + EVENT.type, EVENT_TYPE_BYTES),
      rule: textAt(bytes, at + EVENT.rule, EVENT_RULE_BYTES),
      label: textAt(bytes, at + EVENT.label, EVENT_LABEL_BYTES),
      classId: view.getInt32(at + EVENT.classId, true),
      id: idAt(view, at + EVENT.objectId),
      value: view.getFloat64(at + EVENT.value, true),
      direction: flags & EventFlags.In ? "in" : flags & EventFlags.Out ? "out" : "",
    };
  });
}

export function readFrame(bytes: Uint8Array): FrameView {
  const view = viewOf(bytes);
  const pts = view.getBigUint64(FRAME.pts, true);
  const flags = view.getUint32(FRAME.flags, true);
  return {
    sourceId: view.getUint32(FRAME.sourceId, true),
    number: view.getInt32(FRAME.frameNumber, true),
    pts: pts === NO_TIME ? undefined : pts,
    capture: view.getBigUint64(FRAME.capture, true),
    width: view.getUint32(FRAME.width, true),
    height: view.getUint32(FRAME.height, true),
    scaleX: view.getFloat32(FRAME.scaleX, true),
    scaleY: view.getFloat32(FRAME.scaleY, true),
    offsetX: view.getFloat32(FRAME.offsetX, true),
    offsetY: view.getFloat32(FRAME.offsetY, true),
    inferred: (flags & FrameFlags.Inferred) !== 0,
    discontinuity: (flags & FrameFlags.Discontinuity) !== 0,
  };
}

/** A FrameRecord without objects. */
export function frameRecord(frame: FrameView, bytes: Uint8Array): void {
  bytes.fill(0);
  const view = viewOf(bytes);
  view.setUint32(FRAME.sourceId, frame.sourceId, true);
  view.setInt32(FRAME.frameNumber, frame.number, true);
  view.setBigUint64(FRAME.pts, frame.pts ?? NO_TIME, true);
  view.setBigUint64(FRAME.capture, frame.capture, true);
  view.setUint32(FRAME.width, frame.width, true);
  view.setUint32(FRAME.height, frame.height, true);
  for (const field of ["scaleX", "scaleY", "offsetX", "offsetY"] as const) {
    view.setFloat32(FRAME[field], frame[field], true);
  }
  const inferred = frame.inferred ? FrameFlags.Inferred : 0;
  view.setUint32(FRAME.flags, inferred | (frame.discontinuity ? FrameFlags.Discontinuity : 0), true);
}

export type ObjectInput = Pick<
  ObjectView,
  "left" | "top" | "width" | "height" | "angle" | "confidence" | "classId" | "id"
>;

/** ObjectRecords without parent, input, mask, keypoints and attributes. */
export function objectRecords(objects: readonly ObjectInput[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(objects.length * OBJECT_BYTES);
  const view = viewOf(bytes);
  for (const [i, object] of objects.entries()) {
    const at = i * OBJECT_BYTES;
    for (const field of ["left", "top", "width", "height", "angle", "confidence"] as const) {
      view.setFloat32(at + OBJECT[field], object[field], true);
    }
    view.setInt32(at + OBJECT.classId, object.classId, true);
    view.setBigUint64(at + OBJECT.objectId, object.id ?? UNTRACKED, true);
    view.setUint32(at + OBJECT.flags, object.id === undefined ? 0 : 1, true);
    view.setInt32(at + OBJECT.parent, -1, true);
    view.setInt32(at + OBJECT.input, -1, true);
  }
  return bytes;
}

/** Of the network's picture, in pixels of the frame. */
export function toFrame<T extends ObjectView>(object: T, frame: FrameView): T {
  const scaleX = frame.scaleX || 1;
  const scaleY = frame.scaleY || 1;
  return {
    ...object,
    left: (object.left - frame.offsetX) / scaleX,
    top: (object.top - frame.offsetY) / scaleY,
    width: object.width / scaleX,
    height: object.height / scaleY,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function idAt(view: DataView, at: number): bigint | undefined {
  const id = view.getBigUint64(at, true);
  return id === UNTRACKED ? undefined : id;
}

function textAt(bytes: Uint8Array, at: number, room: number): string {
  const text = Buffer.from(bytes.subarray(at, at + room));
  const end = text.indexOf(0);
  return text.subarray(0, end < 0 ? room : end).toString();
}
