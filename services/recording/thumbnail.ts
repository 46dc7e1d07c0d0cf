// A small picture of a frame out of the network's input, which is the only picture that this process has.

import type { BundleInput } from "../postprocess/bundle_schema.ts";
import type { FrameView } from "./records.ts";

/** A network's input of one frame. */
export interface InputPicture {
  bytes: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
  input: BundleInput;
}

/** The camera's noise is not worth its bytes. */
const KEPT_BITS = 0xfc;

/** Pixels of a thumbnail of a frame; its height follows the frame's shape. */
export function thumbnailSize(
  width: number,
  frame: { width: number; height: number },
): { width: number; height: number } {
  return { width, height: Math.max(1, Math.round((width * frame.height) / Math.max(1, frame.width))) };
}

/** RGB, 8 bits, row by row: the nearest pixel of the input for each. */
export function thumbnail(picture: InputPicture, frame: FrameView, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height * 3);
  const values = valuesOf(picture);
  const { isPlanar, plane } = { isPlanar: picture.input.layout === "NCHW", plane: picture.width * picture.height };
  const { scale, mean, color } = picture.input;
  const channels = color === "BGR" ? [2, 1, 0] : [0, 1, 2];
  const columns = Array.from({ length: width }, (_, x) =>
    place(((x + 0.5) * frame.width) / width, frame.scaleX, frame.offsetX, picture.width),
  );
  for (let y = 0; y < height; y++) {
    const row = place(((y + 0.5) * frame.height) / height, frame.scaleY, frame.offsetY, picture.height) * picture.width;
    for (let x = 0; x < width; x++) {
      const pixel = row + columns[x]!;
      for (let c = 0; c < 3; c++) {
        const channel = channels[c]!;
        const value = values[isPlanar ? channel * plane + pixel : pixel * 3 + channel]!;
        const grey = value / scale[channel]! + mean[channel]!;
        out[(y * width + x) * 3 + c] = Math.min(255, Math.max(0, grey)) & KEPT_BITS;
      }
    }
  }
  return out;
}

function valuesOf({ bytes, input }: InputPicture): ArrayLike<number> {
  const { buffer, byteOffset, byteLength } = bytes;
  return input.dtype === "float16"
    ? new Float16Array(buffer, byteOffset, byteLength / 2)
    : new Float32Array(buffer, byteOffset, byteLength / 4);
}

function place(position: number, scale: number, offset: number, size: number): number {
  return Math.min(size - 1, Math.max(0, Math.floor(position * scale + offset)));
}
