// The few things about a WebAssembly binary that must be changed before it is compiled: how far its memory and tables may
// grow. A limit inside the binary holds for memory.grow and table.grow of this module alone, which no flag of V8 does.

import { Refusal } from "./refusal.ts";

const HEADER_BYTES = 8;
const TABLE_SECTION = 4;
const MEMORY_SECTION = 5;
const SHARED_OR_64_BIT = ~1;

/**
 * The binary with `maximum` pages of memory at most, and tables that cannot grow.
 * Throws Refusal when it begins with more, or is not a WebAssembly module.
 */
export function bounded(binary: Uint8Array<ArrayBuffer>, maximum: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array<ArrayBuffer>[] = [binary.subarray(0, HEADER_BYTES)];
  const reader = new Reader(binary, HEADER_BYTES);
  while (!reader.done) {
    const start = reader.at;
    const id = reader.byte();
    const bytes = reader.unsigned();
    const body = reader.take(bytes);
    if (id === MEMORY_SECTION) parts.push(section(id, boundMemories(body, maximum)));
    else if (id === TABLE_SECTION) parts.push(section(id, boundTables(body)));
    else parts.push(binary.subarray(start, reader.at));
  }
  return concatenate(parts);
}

function boundMemories(body: Uint8Array<ArrayBuffer>, maximum: number): number[] {
  const reader = new Reader(body, 0);
  const out = unsigned(reader.unsigned());
  while (!reader.done) {
    const { minimum, own } = readLimits(reader, "memory");
    if (minimum > maximum) {
      const found = `the module begins with ${minimum} memory pages of 64 KiB`;
      throw new Refusal("limits", "limits.memory-pages", `${found}, the bundle allows ${maximum}`);
    }
    out.push(1, ...unsigned(minimum), ...unsigned(Math.min(own ?? maximum, maximum)));
  }
  return out;
}

function boundTables(body: Uint8Array<ArrayBuffer>): number[] {
  const reader = new Reader(body, 0);
  const out = unsigned(reader.unsigned());
  while (!reader.done) {
    const type = reader.byte();
    const { minimum } = readLimits(reader, "table");
    out.push(type, 1, ...unsigned(minimum), ...unsigned(minimum));
  }
  return out;
}

function readLimits(reader: Reader, what: string): { minimum: number; own: number | undefined } {
  const flags = reader.byte();
  if (flags & SHARED_OR_64_BIT) {
    throw new Refusal(
      "module",
      "module.file",
      `the module's ${what} is shared or has 64-bit addresses, neither is supported`,
    );
  }
  return { minimum: reader.unsigned(), own: flags & 1 ? reader.unsigned() : undefined };
}

function section(id: number, body: number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([id, ...unsigned(body.length), ...body]);
}

/** LEB128. */
function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return out;
}

function concatenate(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

class Reader {
  at: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.at++];
    if (value === undefined)
      throw new Refusal("module", "module.file", "the module ends in the middle: it is truncated");
    return value;
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 1; shift <= 2 ** 28; shift *= 128) {
      const byte = this.byte();
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    throw new Refusal("module", "module.file", "the module is damaged: it has a length of more than 32 bits");
  }

  take(bytes: number): Uint8Array<ArrayBuffer> {
    const start = this.at;
    this.at += bytes;
    if (this.at > this.#bytes.length) {
      throw new Refusal("module", "module.file", "the module ends in the middle of a section: it is truncated");
    }
    return this.#bytes.subarray(start, this.at);
  }
}
