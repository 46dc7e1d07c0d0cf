// From the picture that one network was given to the one that another wants, and from boxes in a network's picture to the
// frame. Nearest neighbour: good enough to compare two models, and quick.

import type { Box } from "./agreement.ts";
import type { BundleInput } from "./bundle_schema.ts";

/** How a frame lies in a network's picture: network = frame * scale + offset, pixels. */
export interface Letterbox {
  frameWidth: number;
  frameHeight: number;
  scaleX: number;
  scaleY: number;
  offsetX: number;
  offsetY: number;
}

/** The input tensor of one frame. */
export interface TensorPicture {
  bytes: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
  input: BundleInput;
}

/** A box in the network's picture, in the frame. */
export function toFrame(box: Box, { scaleX, scaleY, offsetX, offsetY }: Letterbox): Box {
  return {
    left: (box.left - offsetX) / (scaleX || 1),
    top: (box.top - offsetY) / (scaleY || 1),
    width: box.width / (scaleX || 1),
    height: box.height / (scaleY || 1),
  };
}

/** Where a frame lies in the picture of another network, as its bundle wants it. */
export function placeIn({ frameWidth, frameHeight }: Letterbox, target: TensorPicture): Letterbox {
  const { width, height, input } = target;
  const across = width / frameWidth;
  const down = height / frameHeight;
  const size = { frameWidth, frameHeight };
  if (input.letterbox === "stretch") return { ...size, scaleX: across, scaleY: down, offsetX: 0, offsetY: 0 };
  const scale = Math.min(across, down);
  const centred = input.letterbox === "centre" ? 0.5 : 0;
  return {
    ...size,
    scaleX: scale,
    scaleY: scale,
    offsetX: Math.round((width - frameWidth * scale) * centred),
    offsetY: Math.round((height - frameHeight * scale) * centred),
  };
}

/** Fills `target` with the frame that lies in `source` at `from`; where it lies in `target`. */
export function resample(source: TensorPicture, from: Letterbox, target: TensorPicture): Letterbox {
  const to = placeIn(from, target);
  const columns = axis(target.width, to.scaleX, to.offsetX, from.scaleX, from.offsetX, from.frameWidth);
  const rows = axis(target.height, to.scaleY, to.offsetY, from.scaleY, from.offsetY, from.frameHeight);
  const read = valuesOf(source);
  const write = valuesOf(target);
  for (let color = 0; color < 3; color++) {
    const [readAt, writeAt] = [strides(source, color), strides(target, color)];
    const factor = target.input.scale[color]! / source.input.scale[color]!;
    const shift = (source.input.mean[color]! - target.input.mean[color]!) * target.input.scale[color]!;
    const fill = (target.input.fill - target.input.mean[color]!) * target.input.scale[color]!;
    for (let y = 0; y < target.height; y++) {
      const row = rows[y]!;
      for (let x = 0; x < target.width; x++) {
        const column = columns[x]!;
        const inside = row >= 0 && column >= 0 && row < source.height && column < source.width;
        const value = inside
          ? read[readAt.start + (row * source.width + column) * readAt.step]! * factor + shift
          : fill;
        write[writeAt.start + (y * target.width + x) * writeAt.step] = value;
      }
    }
  }
  return to;
}

/** For each pixel of the target, the pixel of the source that shows the same place; -1 outside of the frame. */
function axis(count: number, scale: number, offset: number, fromScale: number, fromOffset: number, length: number) {
  return Int32Array.from({ length: count }, (_, i) => {
    const place = (i + 0.5 - offset) / scale;
    return place < 0 || place >= length ? -1 : Math.floor(place * fromScale + fromOffset);
  });
}

function valuesOf({ bytes, input }: TensorPicture): Float32Array | Float16Array {
  const { buffer, byteOffset, length } = bytes;
  return input.dtype === "float16"
    ? new Float16Array(buffer, byteOffset, length / 2)
    : new Float32Array(buffer, byteOffset, length / 4);
}

/** Where the values of a colour (0 red, 1 green, 2 blue) lie. */
function strides({ width, height, input }: TensorPicture, color: number): { start: number; step: number } {
  const channel = input.color === "BGR" ? 2 - color : color;
  return input.layout === "NCHW" ? { start: channel * width * height, step: 1 } : { start: channel, step: 3 };
}
