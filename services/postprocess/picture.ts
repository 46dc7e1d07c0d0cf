// Pictures as files (binary PPM), and as the input tensor of a model.

import type { BundleInput } from "./bundle_schema.ts";
import type { InputPlan } from "./model_plan.ts";

export interface Picture {
  width: number;
  height: number;
  /** RGB, row by row. */
  pixels: Uint8Array;
}

/** A PPM (P6, 8 bits); undefined when the file is none. */
export function parsePicture(file: Buffer): Picture | undefined {
  const header = /^P6\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s+255\s/.exec(file.subarray(0, 256).toString("latin1"));
  if (!header) return undefined;
  const [width, height] = [Number(header[1]), Number(header[2])];
  const pixels = file.subarray(header[0].length);
  return pixels.length === width * height * 3 ? { width, height, pixels } : undefined;
}

/** The bytes of the input tensor; undefined when the picture has another size than the network's. */
export function toTensor(picture: Picture, plan: InputPlan, input: BundleInput): Uint8Array | undefined {
  const { width, height, pixels } = picture;
  if (width !== plan.width || height !== plan.height) return undefined;
  const count = width * height;
  const values = plan.type === "float16" ? new Float16Array(count * 3) : new Float32Array(count * 3);
  const planar = input.layout === "NCHW";
  for (let channel = 0; channel < 3; channel++) {
    // The network's channel 0 is the picture's blue when it wants BGR; means and scales are by colour.
    const from = input.color === "BGR" ? 2 - channel : channel;
    for (let i = 0; i < count; i++) {
      const value = (pixels[i * 3 + from]! - input.mean[from]!) * input.scale[from]!;
      values[planar ? channel * count + i : i * 3 + channel] = value;
    }
  }
  return new Uint8Array(values.buffer);
}
