// Modules that are made to harm the compiler, written byte by byte: no compiler makes them.
import "./support/load_stripper.ts";
import "../../../services/postprocess/v8_limits.ts";
import { describe, expect, it } from "vitest";
import { CompileTimeout, compileBinary } from "../../../services/postprocess/compiler.ts";
import { bounded } from "../../../services/postprocess/wasm_binary.ts";

const I32 = 0x7f;
const END = 0x0b;
const ADD = [0x20, 0, 0x20, 1, 0x6a, 0x21, 0];
const CALL = [0x20, 0, 0x20, 1, 0x10, 0, 0x21, 1];
const BLOCK = [0x02, 0x40, 0x20, 0, 0x0d, 0, 0x20, 1, 0x21, 0, END];
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** A module with `functions` of about `bytes`, each `unit` again and again among `locals` locals. */
function bomb(functions: number, bytes: number, unit: readonly number[], locals = 100): Uint8Array<ArrayBuffer> {
  const code = [
    1,
    ...leb(locals),
    I32,
    ...Array(Math.floor(bytes / unit.length))
      .fill(unit)
      .flat(),
    0x20,
    0,
    END,
  ];
  const body = Buffer.from([...leb(code.length), ...code]);
  return moduleOf([
    [1, Buffer.from([1, 0x60, 2, I32, I32, 1, I32])],
    [3, Buffer.concat([Buffer.from(leb(functions)), Buffer.alloc(functions)])],
    [10, Buffer.concat([Buffer.from(leb(functions)), ...Array<Buffer>(functions).fill(body)])],
  ]);
}

function moduleOf(sections: readonly (readonly [number, Buffer])[]): Uint8Array<ArrayBuffer> {
  const parts = sections.map(([id, body]) => Buffer.concat([Buffer.from([id, ...leb(body.length)]), body]));
  return new Uint8Array(Buffer.concat([Buffer.from(HEADER), ...parts]));
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))];
}

describe("a compile bomb", () => {
  it("of branches among many locals, which would end the process, is refused before it is compiled", () => {
    expect(() => bounded(bomb(1, 30_000, BLOCK), 100)).toThrow(
      /function 0 of the module has too many branches for its 102/,
    );
    expect(bounded(bomb(1, 30_000, BLOCK, 1), 100).length).toBeGreaterThan(30_000);
  });

  it("of one huge function is refused", () => {
    expect(() => bounded(bomb(1, 40_000, ADD), 100)).toThrow(
      /function 0 of the module has 40\d\d\d bytes, at most 32768/,
    );
  });

  it("of many functions is ended at its limit, and costs no more processor time than that", async () => {
    await compileBinary(bounded(bomb(1, 100, ADD), 100), 5000);
    const wasm = bounded(bomb(33, 30_000, CALL), 100);
    const before = process.cpuUsage();
    await expect(compileBinary(wasm, 50)).rejects.toBeInstanceOf(CompileTimeout);
    await compileBinary(bounded(bomb(1, 90, ADD), 100), 5000);
    const { user, system } = process.cpuUsage(before);
    // The whole of it takes some 600 ms.
    expect((user + system) / 1000).toBeLessThan(400);
  });

  it.each([
    ["an instruction of another proposal", [0x06, 0x40], /uses the instruction 0x6, which modules may not/],
    ["the end in the middle", [0x41], /ends in the middle/],
    [
      "a branch table of four billion targets",
      [0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f],
      /ends in the middle|too many branches/,
    ],
  ])("with %s is refused", (_what, unit, message) => {
    const code = Buffer.from([0, ...unit]);
    const wasm = moduleOf([
      [1, Buffer.from([1, 0x60, 0, 0])],
      [3, Buffer.from([1, 0])],
      [10, Buffer.concat([Buffer.from([1, ...leb(code.length)]), code])],
    ]);
    expect(() => bounded(wasm, 100)).toThrow(message);
  });

  it("with tables and counts that are lies is refused, or bounded", () => {
    expect(() => bounded(moduleOf([[1, Buffer.from([0xff, 0xff, 0x7f, 0x60])]]), 100)).toThrow(/counts .* entries in/);
    const growing = bounded(moduleOf([[4, Buffer.from([1, 0x70, 0, 4])]]), 100);
    // Its maximum is what it begins with: table.grow fails.
    expect([...growing.subarray(-6)]).toEqual([4, 5, 1, 0x70, 1, 4, 4].slice(-6));
  });
});

describe("what the compiler would read otherwise than the limits do is refused", () => {
  const type: [number, Buffer] = [1, Buffer.from([1, 0x60, 0, 0])];
  const oneFunction: [number, Buffer] = [3, Buffer.from([1, 0])];
  const codeOf = (...bytes: number[]): [number, Buffer] => [10, Buffer.from([1, bytes.length, ...bytes])];

  it("several memories, each of which would have the whole limit", () => {
    expect(() => bounded(moduleOf([[5, Buffer.from([2, 0, 1, 0, 1])]]), 100)).toThrow("the module has 2 memories");
  });

  it("several tables", () => {
    expect(() => bounded(moduleOf([[4, Buffer.from([2, 0x70, 0, 1, 0x70, 0, 1])]]), 100)).toThrow(
      "the module has 2 tables",
    );
  });

  it("a section that comes twice", () => {
    const memory: [number, Buffer] = [5, Buffer.from([1, 0, 1])];
    expect(() => bounded(moduleOf([memory, memory]), 100)).toThrow("it has section 5 twice");
  });

  it("locals of a type that takes two bytes, which hide how many there are", () => {
    const code = codeOf(2, 1, 0x63, 0x00, 0xc0, 0x86, 0x03, 0x7f, END);
    expect(() => bounded(moduleOf([type, oneFunction, code]), 100)).toThrow("the value type 0x63");
  });

  it("a block with such a type", () => {
    const code = codeOf(0, 0x02, 0x63, 0x00, END, END);
    expect(() => bounded(moduleOf([type, oneFunction, code]), 100)).toThrow("the value type 0x63");
  });

  it("parameters with such a type", () => {
    const types: [number, Buffer] = [1, Buffer.from([1, 0x60, 1, 0x64, 0x70, 0])];
    expect(() => bounded(moduleOf([types]), 100)).toThrow("the value type 0x64");
  });

  it("loads from another memory", () => {
    const code = codeOf(0, 0x41, 0, 0x28, 0x42, 1, 0, 0x1a, END);
    expect(() => bounded(moduleOf([type, oneFunction, code]), 100)).toThrow("several memories");
  });
});
