// The few things about a WebAssembly binary that must be changed before it is compiled: how far its memory and tables may
// grow. A limit inside the binary holds for memory.grow and table.grow of this module alone, which no flag of V8 does.

import { Refusal } from "./refusal.ts";
import { checkFunction, expectValueType } from "./wasm_code.ts";

const HEADER_BYTES = 8;
const CUSTOM_SECTION = 0;
const TYPE_SECTION = 1;
const FUNCTION_SECTION = 3;
const TABLE_SECTION = 4;
const MEMORY_SECTION = 5;
const CODE_SECTION = 10;
/** A function type in the type section. */
const FUNCTION_TYPE = 0x60;
const SHARED_OR_64_BIT = ~1;

/**
 * The binary with `maximum` pages of memory at most, and tables that cannot grow.
 * Throws Refusal when it begins with more, is not a WebAssembly module, or has functions that the compiler would not
 * survive.
 */
export function bounded(binary: Uint8Array<ArrayBuffer>, maximum: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array<ArrayBuffer>[] = [binary.subarray(0, HEADER_BYTES)];
  const reader = new Reader(binary, HEADER_BYTES);
  let parameters: number[] = [];
  let types: number[] = [];
  const seen = new Set<number>();
  while (!reader.done) {
    const start = reader.at;
    const id = reader.byte();
    const bytes = reader.unsigned();
    const body = reader.take(bytes);
    if (id !== CUSTOM_SECTION && seen.has(id)) {
      throw new Refusal("module", "module.file", `the module is damaged: it has section ${id} twice`);
    }
    seen.add(id);
    if (id === MEMORY_SECTION) parts.push(section(id, boundMemories(body, maximum)));
    else if (id === TABLE_SECTION) parts.push(section(id, boundTables(body)));
    else parts.push(binary.subarray(start, reader.at));
    if (id === TYPE_SECTION) parameters = readParameterCounts(body);
    else if (id === FUNCTION_SECTION) types = readIndices(body);
    else if (id === CODE_SECTION)
      checkCode(
        body,
        types.map((type) => parameters[type] ?? 0),
      );
  }
  return concatenate(parts);
}

/** Parameters of each function type. */
function readParameterCounts(body: Uint8Array<ArrayBuffer>): number[] {
  const reader = new Reader(body, 0);
  return Array.from({ length: bounded32(reader, body) }, () => {
    if (reader.byte() !== FUNCTION_TYPE) {
      throw new Refusal("module", "module.file", "the module has types that are no functions, which modules may not");
    }
    const count = valueTypes(reader);
    valueTypes(reader);
    return count;
  });
}

/** Passes a list of value types; how many. */
function valueTypes(reader: Reader): number {
  const count = reader.unsigned();
  for (let i = 0; i < count; i++) expectValueType(reader.byte());
  return count;
}

function readIndices(body: Uint8Array<ArrayBuffer>): number[] {
  const reader = new Reader(body, 0);
  return Array.from({ length: bounded32(reader, body) }, () => reader.unsigned());
}

/** A count of entries of at least one byte each. */
function bounded32(reader: Reader, body: Uint8Array<ArrayBuffer>): number {
  const count = reader.unsigned();
  if (count <= body.length) return count;
  throw new Refusal(
    "module",
    "module.file",
    `the module is damaged: it counts ${count} entries in ${body.length} bytes`,
  );
}

function checkCode(body: Uint8Array<ArrayBuffer>, parameters: readonly number[]): void {
  const reader = new Reader(body, 0);
  const count = bounded32(reader, body);
  for (let i = 0; i < count; i++) {
    const bytes = reader.unsigned();
    checkFunction(new Reader(reader.take(bytes), 0), bytes, i, parameters[i] ?? 0);
  }
}

function boundMemories(body: Uint8Array<ArrayBuffer>, maximum: number): number[] {
  const reader = new Reader(body, 0);
  const out = unsigned(expectOne(reader.unsigned(), "memories"));
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

/** The limits are of one: a module with several would have as many times that. */
function expectOne(count: number, what: string): number {
  if (count <= 1) return count;
  throw new Refusal("module", "module.file", `the module has ${count} ${what}, modules may have one`);
}

function boundTables(body: Uint8Array<ArrayBuffer>): number[] {
  const reader = new Reader(body, 0);
  const out = unsigned(expectOne(reader.unsigned(), "tables"));
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

  skip(bytes: number): void {
    this.take(bytes);
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
