// What an object has beyond its record, out of the aux bytes of a frame, and what an operator says beyond the fields.

import { OBJECT, OBJECT_BYTES, ProtocolError } from "../../firmware/link/protocol.ts";
import type { Slot } from "../../firmware/link/slots.ts";
import type { Attribute, Keypoint, ObjectExtras, UserMetadata } from "../../sdk/operator/metadata.ts";
import { GuestError } from "./guest_memory.ts";

const KEYPOINT_BYTES = 12;
const ATTRIBUTE_BYTES = 12;
const NOTHING: ObjectExtras = { mask: undefined, keypoints: [], attributes: [] };

/**
 * Mask, keypoints and attributes of object `index` that came in, copied. `aux`: those bytes of the frame that are used.
 * Throws ProtocolError when the record points outside of them.
 */
export function readExtras(record: DataView, index: number, aux: Uint8Array): ObjectExtras {
  const at = index * OBJECT_BYTES;
  const bytes = record.getUint32(at + OBJECT.auxBytes, true);
  if (bytes === 0) return NOTHING;
  const begin = record.getUint32(at + OBJECT.aux, true);
  const [width, height, points, attributes] = (["maskWidth", "maskHeight", "keypoints", "attributes"] as const).map(
    (field) => record.getUint16(at + OBJECT[field], true),
  ) as [number, number, number, number];
  const maskBytes = width * height * 4;
  const needed = maskBytes + points * KEYPOINT_BYTES + attributes * ATTRIBUTE_BYTES;
  if (begin + bytes > aux.length || needed > bytes) {
    throw new ProtocolError(
      `object ${index} has ${needed} aux bytes in ${bytes} at ${begin}, the frame has ${aux.length} in all`,
    );
  }
  const own = aux.slice(begin, begin + bytes);
  const view = new DataView(own.buffer);
  const pointsAt = maskBytes;
  const attributesAt = pointsAt + points * KEYPOINT_BYTES;
  return {
    mask: maskBytes > 0 ? { width, height, data: new Float32Array(own.buffer, 0, width * height) } : undefined,
    keypoints: Array.from({ length: points }, (_, i) => keypointAt(view, pointsAt + i * KEYPOINT_BYTES)),
    attributes: Array.from({ length: attributes }, (_, i) => attributeAt(view, attributesAt + i * ATTRIBUTE_BYTES)),
  };
}

function keypointAt(view: DataView, at: number): Keypoint {
  return {
    x: view.getFloat32(at, true),
    y: view.getFloat32(at + 4, true),
    confidence: view.getFloat32(at + 8, true),
  };
}

function attributeAt(view: DataView, at: number): Attribute {
  return {
    group: view.getUint32(at, true),
    classId: view.getUint32(at + 4, true),
    confidence: view.getFloat32(at + 8, true),
  };
}

/** The aux bytes that an operator gives for a frame: user metadata, each at a multiple of 4. */
export class UserWriter {
  readonly #out: Uint8Array;
  #used = 0;

  constructor(slot: Slot, frame: number) {
    this.#out = slot.auxOut[frame]!;
  }

  get used(): number {
    return this.#used;
  }

  /** Where it lies. Throws GuestError when the bundle's limits.aux-bytes has no room for it. */
  add(user: UserMetadata): { at: number; bytes: number } {
    const bytes = user instanceof Uint8Array ? user : jsonOf(user);
    const at = (this.#used + 3) & ~3;
    if (at + bytes.length > this.#out.length) {
      const message = `the operator gave ${at + bytes.length} bytes of user metadata for a frame, the bundle allows ${this.#out.length} (limits.aux-bytes)`;
      throw new GuestError("limits", message);
    }
    this.#out.set(bytes, at);
    this.#used = at + bytes.length;
    return { at, bytes: bytes.length };
  }
}

function jsonOf(user: UserMetadata): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(user));
  } catch (error) {
    throw new GuestError(
      "module",
      `the operator gave user metadata that JSON cannot carry: ${(error as Error).message}`,
    );
  }
}
