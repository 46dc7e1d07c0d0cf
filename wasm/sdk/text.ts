// Text without allocation: keys and messages are ASCII or UTF-8 in place, because the stub runtime never frees.

/** Whether the UTF-8 bytes at `at` are exactly `text`. `text` must be ASCII. */
export function textEquals(at: usize, bytes: u32, text: string): bool {
  if (bytes != <u32>text.length) return false;
  for (let i: u32 = 0; i < bytes; i++) {
    if (<i32>load<u8>(at + i) != text.charCodeAt(i)) return false;
  }
  return true;
}

/** Writes `text` as NUL-terminated UTF-8 into `capacity` bytes at `at`, cut to fit; the rest becomes zero. ASCII only. */
export function writeText(at: usize, capacity: i32, text: string): void {
  memory.fill(at, 0, capacity);
  const length = min(text.length, capacity - 1);
  for (let i = 0; i < length; i++) store<u8>(at + i, <u8>text.charCodeAt(i));
}

/** Writes `bytes` of UTF-8 at `from` as NUL-terminated text into `capacity` bytes at `at`, cut between characters. */
export function copyText(at: usize, capacity: i32, from: usize, bytes: u32): void {
  memory.fill(at, 0, capacity);
  let length = min(bytes, <u32>capacity - 1);
  // A cut in the middle of a character would leave continuation bytes (10xxxxxx) without their beginning or end.
  if (length < bytes) while (length > 0 && (load<u8>(from + length) & 0xc0) == 0x80) length--;
  memory.copy(at, from, length);
}
