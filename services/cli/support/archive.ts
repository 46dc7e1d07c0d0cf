/** A tar archive (POSIX ustar), compressed with gzip: what any machine can open. */
import { gzipSync } from "node:zlib";

const BLOCK = 512;

export interface Entry {
  /** Relative, at most 100 bytes. */
  readonly name: string;
  readonly content: Buffer;
}

/** @param at ms since 1970, of all entries */
export function tarGz(entries: readonly Entry[], at: number): Buffer {
  const blocks = entries.flatMap(({ name, content }) => [header(name, content.length, at), padded(content)]);
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]));
}

function header(name: string, bytes: number, at: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0, 100, "utf8");
  block.write(octal(0o600, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(bytes, 11), 124);
  block.write(octal(Math.floor(at / 1000), 11), 136);
  block.write("        ", 148);
  block.write("0", 156);
  block.write("ustar\0", 257);
  block.write("00", 263);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}
