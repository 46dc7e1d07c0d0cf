// How hard a function is to compile, found out before the compiler sees it. V8's optimising compiler keeps the value of
// every local at every place where control may come together: some ten kilobytes of branches among a hundred locals keep
// it busy for seconds, and a little more make it run out of memory, which ends the process. Neither can be stopped from
// outside, so functions of that kind are refused.

import { Refusal } from "./refusal.ts";

/** Of one function. The largest one of the modules that come with Nightjar has a tenth of it. */
export const MAX_FUNCTION_BYTES = 32 * 1024;
/** Branches and blocks of one function times its locals; a tenth here too. */
export const MAX_MERGED_VALUES = 20_000;

interface Cursor {
  byte(): number;
  unsigned(): number;
  skip(bytes: number): void;
  readonly done: boolean;
}

/** Throws Refusal when a function is too large, or uses what modules may not. `body`: after its size. */
export function checkFunction(body: Cursor, bytes: number, index: number, parameters: number): void {
  if (bytes > MAX_FUNCTION_BYTES) {
    throw tooHard(`function ${index} of the module has ${bytes} bytes, at most ${MAX_FUNCTION_BYTES} are allowed`);
  }
  const locals = parameters + countLocals(body);
  let merges = 0;
  while (!body.done) {
    merges += instruction(body, index);
    if (merges * locals > MAX_MERGED_VALUES) {
      throw tooHard(`function ${index} of the module has too many branches for its ${locals} locals`);
    }
  }
}

function countLocals(body: Cursor): number {
  let locals = 0;
  for (let groups = body.unsigned(); groups > 0; groups--) {
    locals += body.unsigned();
    expectValueType(body.byte());
  }
  return locals;
}

/** Passes one instruction; the places of control flow that it adds. */
function instruction(body: Cursor, index: number): number {
  const code = body.byte();
  switch (code) {
    case 0x02: // block
    case 0x03: // loop
    case 0x04: // if
      blockType(body);
      return 1;
    case 0x0c: // br
    case 0x0d: // br_if
      leb(body);
      return 1;
    case 0x0e: // br_table
      return targets(body);
    case 0x11: // call_indirect
    case 0x13:
      leb(body);
      leb(body);
      return 0;
    case 0x1c: // select t*
      for (let count = body.unsigned(); count > 0; count--) expectValueType(body.byte());
      return 0;
    case 0x43: // f32.const
      body.skip(4);
      return 0;
    case 0x44: // f64.const
      body.skip(8);
      return 0;
    case 0xfc:
      bulk(body, index);
      return 0;
    case 0xfd:
      vector(body);
      return 0;
  }
  if (code >= 0x28 && code <= 0x3e) memoryArgument(body);
  else if (HAS_INDEX.has(code)) leb(body);
  else if (!isPlain(code)) throw unknown(code, index);
  return 0;
}

/** call, return_call, locals and globals, tables, memory.size and grow, integer constants, references: one LEB128. */
const HAS_INDEX = new Set([0x10, 0x12, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42, 0xd0, 0xd2]);
const VALUE_TYPES = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f]);
const MAX_ALIGNMENT = 4;
const PLAIN = new Set([0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b, 0xd1]);

function isPlain(code: number): boolean {
  return PLAIN.has(code) || (code >= 0x45 && code <= 0xc4);
}

function targets(body: Cursor): number {
  const count = body.unsigned();
  for (let i = 0; i <= count; i++) leb(body);
  return count + 1;
}

/** Alignment and offset. Larger numbers than an alignment say that another memory's index follows. */
function memoryArgument(body: Cursor): void {
  if (body.unsigned() > MAX_ALIGNMENT) throw new Refusal("module", "module.file", "the module uses several memories");
  leb(body);
}

/**
 * i32, i64, f32, f64, v128, funcref, externref: a byte each. Others, such as references with a type of their own, take
 * more bytes, and what follows would be read as something else than the compiler reads.
 */
export function expectValueType(type: number): void {
  if (VALUE_TYPES.has(type)) return;
  throw new Refusal(
    "module",
    "module.file",
    `the module uses the value type 0x${type.toString(16)}, which modules may not`,
  );
}

/** Nothing, a value type, or the index of a type. */
function blockType(body: Cursor): void {
  const first = body.byte();
  if (first >= 128) leb(body);
  else if (first > 0x40) expectValueType(first);
}

function bulk(body: Cursor, index: number): void {
  const code = body.unsigned();
  if (code > 17) throw unknown(0xfc00 + code, index);
  if (code < 8) return;
  leb(body);
  if (code === 8 || code === 10 || code === 12 || code === 14) leb(body);
}

function vector(body: Cursor): void {
  const code = body.unsigned();
  if (code <= 11 || code === 92 || code === 93) memoryArgument(body);
  else if (code === 12 || code === 13) body.skip(16);
  else if (code >= 21 && code <= 34) body.skip(1);
  else if (code >= 84 && code <= 91) {
    memoryArgument(body);
    body.skip(1);
  }
}

/** A number of whatever sign and size. */
function leb(body: Cursor): void {
  while (body.byte() >= 128);
}

function tooHard(problem: string): Refusal {
  const advice = "split it (a module that is built with -O3 may need --optimizeLevel 2)";
  return new Refusal("limits", "module.file", `${problem}: ${advice}`);
}

function unknown(code: number, index: number): Refusal {
  const text = `function ${index} of the module uses the instruction 0x${code.toString(16)}, which modules may not`;
  return new Refusal("module", "module.file", text);
}
