// What an object has in its frame's arena (firmware/link/protocol.h): mask, keypoints, attributes, in this order.

import { OBJECT } from "../../../firmware/link/protocol.ts";

export interface Extras {
  mask: { width: number; height: number; values: number[] } | undefined;
  keypoints: { x: number; y: number; confidence: number }[];
  attributes: { group: number; classId: number; confidence: number }[];
}

/** Reads the extras of one ObjectRecord; throws RangeError when they do not fill exactly what the record says. */
export function extrasOf(record: Uint8Array, arena: Uint8Array): Extras {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const aux = new DataView(arena.buffer, arena.byteOffset, arena.length);
  let at = view.getUint32(OBJECT.aux, true);
  const end = at + view.getUint32(OBJECT.auxBytes, true);
  const next = () => {
    at += 4;
    return at - 4;
  };
  const word = () => aux.getUint32(next(), true);
  const float = () => aux.getFloat32(next(), true);
  const times = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, read);

  const width = view.getUint16(OBJECT.maskWidth, true);
  const height = view.getUint16(OBJECT.maskHeight, true);
  const mask = width * height > 0 ? { width, height, values: times(width * height, float) } : undefined;
  const keypoints = times(view.getUint16(OBJECT.keypoints, true), () => ({
    x: float(),
    y: float(),
    confidence: float(),
  }));
  const attributes = times(view.getUint16(OBJECT.attributes, true), () => ({
    group: word(),
    classId: word(),
    confidence: float(),
  }));
  if (at !== end) throw new RangeError(`the extras end at ${at}, the record says ${end}`);
  return { mask, keypoints, attributes };
}
