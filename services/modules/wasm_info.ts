// What a WebAssembly file says of itself, without compiling or running it.
// https://webassembly.github.io/spec/core/binary/modules.html

import { EXIT, ExpectedError } from "../log/errors.ts";
import { MANIFEST_SECTION } from "../postprocess/module_abi.ts";
import { type Manifest, manifestSchema } from "../postprocess/module_file.ts";

export interface WasmInfo {
  bytes: number;
  imports: string[];
  exports: string[];
  /** Pages of 64 KiB; `maximum` undefined: as far as it may. */
  memory: { minimum: number; maximum: number | undefined } | undefined;
  /** Undefined: none, or not one of ours. */
  manifest: Manifest | undefined;
  /** Bytes by section, largest first. */
  sections: { name: string; bytes: number }[];
}

const SECTIONS = [
  "custom",
  "type",
  "import",
  "function",
  "table",
  "memory",
  "global",
  "export",
  "start",
  "element",
  "code",
  "data",
  "data count",
];
const KINDS = ["function", "table", "memory", "global"];
const MEMORY = 2;
const HEADER_BYTES = 8;

/** `file`: for messages. @throws ExpectedError when it is no WebAssembly module, or damaged */
export function readWasm(binary: Buffer, file: string): WasmInfo {
  if (binary.length < HEADER_BYTES || binary.readUInt32BE(0) !== 0x0061736d) {
    throw new ExpectedError(EXIT.configuration, `${file} is not a WebAssembly module`);
  }
  const info: WasmInfo = {
    bytes: binary.length,
    imports: [],
    exports: [],
    memory: undefined,
    manifest: undefined,
    sections: [],
  };
  try {
    const reader = new Reader(binary, HEADER_BYTES, binary.length);
    while (!reader.done) readSection(reader, info);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ExpectedError(EXIT.configuration, `${file} is damaged: ${error.message}`);
  }
  info.sections.sort((a, b) => b.bytes - a.bytes);
  return info;
}

function readSection(reader: Reader, info: WasmInfo): void {
  const id = reader.byte();
  const body = reader.part(reader.unsigned());
  const name = SECTIONS[id] ?? `section ${id}`;
  if (id !== 0) info.sections.push({ name, bytes: body.left });
  if (name === "custom") readCustom(body, info);
  else if (name === "import") readList(body, () => info.imports.push(readImport(body)));
  else if (name === "export") readList(body, () => info.exports.push(readExport(body)));
  else if (name === "memory") readList(body, () => (info.memory = readLimits(body)));
}

function readCustom(body: Reader, info: WasmInfo): void {
  const bytes = body.left;
  const name = body.text();
  info.sections.push({ name: `custom "${name}"`, bytes });
  if (name !== MANIFEST_SECTION) return;
  try {
    info.manifest = manifestSchema.safeParse(JSON.parse(body.rest())).data;
  } catch {
    // Not JSON: the host refuses it with a message of its own.
  }
}

function readImport(body: Reader): string {
  const from = body.text();
  const name = body.text();
  const kind = body.byte();
  if (kind === 0) body.unsigned();
  else if (kind === 1) {
    body.byte();
    readLimits(body);
  } else if (kind === MEMORY) readLimits(body);
  else body.part(2);
  return `${KINDS[kind] ?? "?"} ${from}.${name}`;
}

function readExport(body: Reader): string {
  const name = body.text();
  body.byte();
  body.unsigned();
  return name;
}

function readLimits(body: Reader): { minimum: number; maximum: number | undefined } {
  const flags = body.byte();
  return { minimum: body.unsigned(), maximum: flags & 1 ? body.unsigned() : undefined };
}

function readList(body: Reader, read: () => unknown): void {
  for (let left = body.unsigned(); left > 0; left--) read();
}

class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  byte(): number {
    if (this.done) throw new RangeError("it ends in the middle");
    return this.#bytes[this.#at++]!;
  }

  /** LEB128. */
  unsigned(): number {
    let value = 0;
    for (let shift = 1; shift <= 2 ** 28; shift *= 128) {
      const byte = this.byte();
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    throw new RangeError("a length has more than 32 bits");
  }

  part(bytes: number): Reader {
    if (bytes > this.left) throw new RangeError("it ends in the middle of a section");
    const start = this.#at;
    this.#at += bytes;
    return new Reader(this.#bytes, start, this.#at);
  }

  text(): string {
    return this.part(this.unsigned()).rest();
  }

  rest(): string {
    return this.#bytes.subarray(this.#at, this.#end).toString();
  }
}
