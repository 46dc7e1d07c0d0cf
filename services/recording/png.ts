// PNG of RGB pixels, 8 bits. https://www.w3.org/TR/png-3/

import { crc32, deflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const RGB = 2;
/** Each byte minus the one above it: pictures of scenes change little from row to row. */
const FILTER_UP = 2;

/** `pixels`: width × height × 3 bytes, row by row. */
export function png(pixels: Uint8Array, width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = RGB;
  const row = width * 3;
  const rows = Buffer.alloc(height * (row + 1));
  for (let y = 0; y < height; y++) {
    rows[y * (row + 1)] = FILTER_UP;
    for (let x = 0; x < row; x++) {
      const above = y > 0 ? pixels[(y - 1) * row + x]! : 0;
      rows[y * (row + 1) + 1 + x] = pixels[y * row + x]! - above;
    }
  }
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
