import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ABI_MAJOR, ABI_MINOR, TENSOR_INFO } from "../../../services/postprocess/module_abi.ts";
import { compileModule } from "../../services/postprocess/support/compile.ts";
import { compileC } from "../support/c.ts";
import { type GoldenField, goldenBytes, goldenFields, goldenFile, RECORDS, starts } from "./golden.ts";

// One set of bytes, and the three that read them: the host, the SDK (abi.ts) and C (nightjar.h).

const golden = readFileSync(goldenFile);
const fields = goldenFields();

interface Reader {
  memory: WebAssembly.Memory;
  room(): number;
  read(question: number, at: number): number;
  constant(question: number): number;
}

const IMPORTS = { nightjar: { log: () => {} } };

/** What a module reads from the golden bytes, field by field. */
function readAll(binary: Uint8Array): number[] {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(binary)), IMPORTS);
  const reader = instance.exports as unknown as Reader;
  const at = reader.room() >>> 0;
  new Uint8Array(reader.memory.buffer).set(golden, at);
  return fields.map(({ record }, i) =>
    reader.read(i, at + starts()[RECORDS.findIndex((known) => known.record === record)]!),
  );
}

const expected = Object.fromEntries(fields.map((field) => [nameOf(field), field.value]));
const answers = (values: readonly number[]) =>
  Object.fromEntries(fields.map((field, i) => [nameOf(field), values[i]!]));

function nameOf({ record, field }: GoldenField): string {
  return `${record}.${field}`;
}

function snake(name: string): string {
  return name.replace(/(?<!^)([A-Z])/g, "_$1").toLowerCase();
}

describe("the golden bytes of the module ABI", () => {
  it("are what the host writes", () => {
    expect(Buffer.from(goldenBytes()).equals(golden)).toBe(true);
  });

  it("are what the SDK reads, field by field", { timeout: 60_000 }, async () => {
    const cases = fields.map(
      ({ record, field }, i) => `case ${i}: return <f64>changetype<abi.${record}>(at).${field};`,
    );
    const top = `import * as abi from "../../wasm/sdk/abi";
      export function room(): usize { return heap.alloc(4096); }
      export function read(question: i32, at: usize): f64 { switch (question) { ${cases.join("\n")} } return NaN; }`;
    expect(answers(readAll(await compileModule({ top })))).toEqual(expected);
  });

  it("are what a module in C reads, field by field", () => {
    const cases = fields.map(({ record, field }, i) => {
      const place = `((const nj_${snake(record)} *)at)->${snake(field)}`;
      return `case ${i}: return (double)${/^(u32)$/.test(fields[i]!.type) ? `(uint32_t)${place}` : place};`;
    });
    const source = `#include "nightjar.h"
      static unsigned char bytes[4096];
      NJ_EXPORT(room) unsigned char *room(void) { return bytes; }
      NJ_EXPORT(read) double read(int question, const void *at) { switch (question) { ${cases.join("\n")} } return -1; }
      NJ_EXPORT(constant) int constant(int question) {
        switch (question) {
          case 0: return NJ_ABI_MAJOR;
          case 1: return NJ_ABI_MINOR;
          case 2: return offsetof(nj_tensor_info, dims);
          default: return sizeof(nj_frame_block);
        }
      }`;
    const binary = compileC(source);
    expect(answers(readAll(binary))).toEqual(expected);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(binary)), IMPORTS);
    const { constant } = instance.exports as unknown as Reader;
    expect([0, 1, 2, 3].map((question) => constant(question))).toEqual([ABI_MAJOR, ABI_MINOR, TENSOR_INFO.dims, 192]);
  });
});
