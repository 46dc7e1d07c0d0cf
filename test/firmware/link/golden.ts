// The link of golden.bin, written with the offsets of protocol.ts. golden_test.cpp writes the same with the structs of
// protocol.h. To make the file anew after an intended change of the protocol: node test/firmware/link/golden.ts

import { writeFileSync } from "node:fs";
import { computeLayout, type LinkLayout, writeHeader } from "../../../firmware/link/layout.ts";
import {
  BELL_COUNT,
  BELL_STRIDE,
  DataType,
  EVENT,
  FRAME,
  HEADER,
  Kind,
  LinkError,
  OBJECT,
  SLOT,
  SlotState,
  UNTRACKED,
} from "../../../firmware/link/protocol.ts";

export const goldenFile = new URL("golden.bin", import.meta.url);

export function goldenLayout(): LinkLayout {
  return computeLayout({
    kind: Kind.Detect,
    batch: 1,
    slots: 1,
    maxObjects: 1,
    maxEvents: 1,
    auxBytes: 64,
    generation: 7,
    tensors: [
      { name: "images", dataType: DataType.Float32, dims: [3, 2, 2], isInput: true },
      { name: "output0", dataType: DataType.Int8, dims: [5], isInput: false, scale: 0.5, zeroPoint: -3 },
    ],
  });
}

export function goldenBytes(): Uint8Array<ArrayBuffer> {
  const layout = goldenLayout();
  const bytes = new Uint8Array(layout.totalBytes);
  const view = new DataView(bytes.buffer);
  const slot = layout.firstSlot;
  writeHeader(bytes.buffer, layout);
  for (let i = 0; i < BELL_COUNT; i++) view.setUint32(HEADER.bells + i * BELL_STRIDE, 0x100 + i, true);
  view.setUint32(HEADER.stop, 0x200, true);
  writeSlot(view, slot);
  writeFrame(view, slot + layout.frames);
  writeObject(view, slot + layout.objectsIn, 0x7777777788888888n);
  writeObject(view, slot + layout.objectsOut, UNTRACKED);
  writeEvent(view, slot + layout.eventsOut);
  view.setUint8(slot + layout.auxIn, 0xa1);
  view.setUint8(slot + layout.auxOut, 0xa2);
  view.setFloat32(slot + layout.tensors[0]!.offset, 0.125, true);
  view.setInt8(slot + layout.tensors[1]!.offset, -5);
  return bytes;
}

function writeSlot(view: DataView, at: number): void {
  view.setUint32(at + SLOT.state, SlotState.Failed, true);
  view.setUint32(at + SLOT.batch, 1, true);
  view.setBigUint64(at + SLOT.sequence, 0x1111111122222222n, true);
  view.setBigUint64(at + SLOT.submitted, 1001n, true);
  view.setBigUint64(at + SLOT.engineStart, 1002n, true);
  view.setBigUint64(at + SLOT.engineEnd, 1003n, true);
  view.setBigUint64(at + SLOT.moduleStart, 1004n, true);
  view.setBigUint64(at + SLOT.moduleEnd, 1005n, true);
  view.setUint32(at + SLOT.errorCode, LinkError.Overflow, true);
  writeText(view, at + SLOT.error, "too many objects");
}

function writeFrame(view: DataView, at: number): void {
  view.setUint32(at + FRAME.sourceId, 3, true);
  view.setInt32(at + FRAME.frameNumber, -4, true);
  view.setBigUint64(at + FRAME.pts, 0x3333333344444444n, true);
  view.setBigUint64(at + FRAME.capture, 0x5555555566666666n, true);
  view.setUint32(at + FRAME.width, 1920, true);
  view.setUint32(at + FRAME.height, 1080, true);
  view.setFloat32(at + FRAME.scaleX, 0.25, true);
  view.setFloat32(at + FRAME.scaleY, 0.5, true);
  view.setFloat32(at + FRAME.offsetX, 1.5, true);
  view.setFloat32(at + FRAME.offsetY, 2.5, true);
  view.setUint32(at + FRAME.objectsIn, 1, true);
  view.setUint32(at + FRAME.objectsOut, 1, true);
  view.setUint32(at + FRAME.eventsOut, 1, true);
  view.setUint32(at + FRAME.auxIn, 12, true);
  view.setUint32(at + FRAME.auxOut, 16, true);
  view.setUint32(at + FRAME.flags, 3, true);
  view.setUint32(at + FRAME.user, 20, true);
  view.setUint32(at + FRAME.userBytes, 21, true);
}

function writeObject(view: DataView, at: number, objectId: bigint): void {
  view.setFloat32(at + OBJECT.left, 1.25, true);
  view.setFloat32(at + OBJECT.top, 2.25, true);
  view.setFloat32(at + OBJECT.width, 3.25, true);
  view.setFloat32(at + OBJECT.height, 4.25, true);
  view.setFloat32(at + OBJECT.angle, -0.5, true);
  view.setFloat32(at + OBJECT.confidence, 0.75, true);
  view.setInt32(at + OBJECT.classId, 17, true);
  view.setUint32(at + OBJECT.flags, 7, true);
  view.setBigUint64(at + OBJECT.objectId, objectId, true);
  view.setFloat32(at + OBJECT.trackerConfidence, 0.625, true);
  view.setInt32(at + OBJECT.parent, -1, true);
  view.setInt32(at + OBJECT.input, 5, true);
  view.setUint32(at + OBJECT.componentId, 6, true);
  view.setUint32(at + OBJECT.aux, 8, true);
  view.setUint32(at + OBJECT.auxBytes, 40, true);
  view.setUint16(at + OBJECT.maskWidth, 9, true);
  view.setUint16(at + OBJECT.maskHeight, 10, true);
  view.setUint16(at + OBJECT.keypoints, 11, true);
  view.setUint16(at + OBJECT.attributes, 12, true);
  view.setUint32(at + OBJECT.age, 13, true);
  view.setUint32(at + OBJECT.userBytes, 22, true);
}

function writeEvent(view: DataView, at: number): void {
  writeText(view, at + EVENT.type, "line-crossing");
  writeText(view, at + EVENT.rule, "gate");
  writeText(view, at + EVENT.label, "fahrräder");
  view.setBigUint64(at + EVENT.objectId, UNTRACKED, true);
  view.setInt32(at + EVENT.classId, 18, true);
  view.setInt32(at + EVENT.object, -1, true);
  view.setFloat32(at + EVENT.x, 5.5, true);
  view.setFloat32(at + EVENT.y, 6.5, true);
  view.setFloat64(at + EVENT.value, 1 / 3, true);
  view.setUint32(at + EVENT.flags, 19, true);
}

function writeText(view: DataView, at: number, text: string): void {
  new Uint8Array(view.buffer as ArrayBuffer, at).set(new TextEncoder().encode(text));
}

if (import.meta.main) writeFileSync(goldenFile, goldenBytes());
