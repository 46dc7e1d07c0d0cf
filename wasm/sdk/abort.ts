// What the compiler calls where a module gives up: a failed assert, a throw, an index out of range.
// Nothing here may allocate, and no `Line` is used: the allocator calls abort too, while that one is being made.

import { log } from "./nightjar";

const CAPACITY: usize = 512;
const ERROR: i32 = 3;

/**
 * Has the host log the message with its place in the source, and traps: the message becomes that of the trap.
 * Compiled in with `--use abort=`; a module that asserts nothing does not contain it.
 */
export function abort(message: string | null, file: string | null, row: u32, column: u32): void {
  const text = memory.data(<i32>CAPACITY);
  let at = putText(text, 0, message ? message : "abort");
  at = putText(text, at, " (");
  at = putText(text, at, file ? file : "?");
  at = putNumber(text, putByte(text, at, 0x3a), row);
  at = putNumber(text, putByte(text, at, 0x3a), column);
  at = putByte(text, at, 0x29);
  log(ERROR, text, <i32>at);
  unreachable();
}

/** ASCII; cut at the capacity, as the two below. @returns where to go on */
function putText(buffer: usize, at: usize, text: string): usize {
  for (let i = 0; i < text.length; i++) at = putByte(buffer, at, <u8>text.charCodeAt(i));
  return at;
}

function putNumber(buffer: usize, at: usize, value: u32): usize {
  let step: u32 = 1;
  while (value / step >= 10) step *= 10;
  for (; step > 0; step /= 10) at = putByte(buffer, at, 0x30 + <u8>((value / step) % 10));
  return at;
}

function putByte(buffer: usize, at: usize, value: u8): usize {
  if (at >= CAPACITY) return at;
  store<u8>(buffer + at, value);
  return at + 1;
}
