// Reads JSON (RFC 8259) from UTF-8 bytes, value by value, without allocation.
//
//   if (json.enterObject()) while (json.nextKey()) { if (json.keyIs("name")) … json.string(…) … }
//
// After a fault every call fails; `failed` says so.

import { textEquals } from "../../../sdk/text";

export namespace Token {
  export const End: i32 = 0; // or a fault
  export const Object: i32 = 1;
  export const Array: i32 = 2;
  export const Text: i32 = 3;
  export const Number: i32 = 4;
  export const Word: i32 = 5; // true, false, null
}

/** 10^0 to 10^22 are exact. */
const EXACT_POWER: i32 = 22;
/** A mantissa of more digits than this does not fit into 64 bits. */
const MOST_DIGITS: i32 = 18;

@final
export class Json {
  failed: bool = false;
  private at: usize = 0;
  private end: usize = 0;
  private keyAt: usize = 0;
  private keyBytes: u32 = 0;
  /** No element of the list or object at hand was read yet. */
  private first: bool = false;

  begin(at: usize, bytes: i32): void {
    this.at = at;
    this.end = at + <usize>bytes;
    this.failed = false;
    this.first = false;
  }

  /** What comes next. */
  peek(): i32 {
    const byte = this.look();
    if (this.failed) return Token.End;
    if (byte == 0x7b) return Token.Object;
    if (byte == 0x5b) return Token.Array;
    if (byte == 0x22) return Token.Text;
    if (byte == 0x2d || isDigit(byte)) return Token.Number;
    return byte == 0x74 || byte == 0x66 || byte == 0x6e ? Token.Word : Token.End;
  }

  /** Whether nothing but white space is left. */
  atEnd(): bool {
    return !this.failed && this.look() == 0;
  }

  enterArray(): bool {
    return this.enter(0x5b);
  }

  /** Goes to the next element; false behind the last one. */
  nextElement(): bool {
    return this.next(0x5d);
  }

  enterObject(): bool {
    return this.enter(0x7b);
  }

  /** Goes to the next member; false behind the last one. */
  nextKey(): bool {
    if (!this.next(0x7d)) return false;
    if (this.look() != 0x22) return this.fail();
    this.keyAt = ++this.at;
    while (this.at < this.end && load<u8>(this.at) != 0x22) this.at += load<u8>(this.at) == 0x5c ? 2 : 1;
    this.keyBytes = <u32>(this.at - this.keyAt);
    if (this.at++ >= this.end || this.look() != 0x3a) return this.fail();
    this.at++;
    return true;
  }

  /** Whether the key at hand is `name` (ASCII). */
  keyIs(name: string): bool {
    return textEquals(this.keyAt, this.keyBytes, name);
  }

  /** The key as it is written. */
  get keyText(): usize {
    return this.keyAt;
  }

  get keyLength(): u32 {
    return this.keyBytes;
  }

  /** A text, decoded into `capacity` bytes at `to`: its length, -1 when it is none or too long. */
  text(to: usize, capacity: i32): i32 {
    if (this.look() != 0x22) return this.failWith(-1);
    this.at++;
    let length = 0;
    while (this.at < this.end) {
      let byte = <u32>load<u8>(this.at++);
      if (byte == 0x22) return length;
      if (byte < 0x20) break;
      if (byte != 0x5c) {
        if (length >= capacity) break;
        store<u8>(to + <usize>length, <u8>byte);
        length++;
        continue;
      }
      byte = this.escaped();
      if (this.failed || length + 4 > capacity) break;
      length += encode(byte, to + <usize>length);
    }
    return this.failWith(-1);
  }

  /** A number; NaN when it is none. Exact to one unit in the last place, and exact up to 15 digits. */
  number(): f64 {
    if (this.peek() != Token.Number) {
      this.fail();
      return NaN;
    }
    const negative = this.take(0x2d);
    if (!isDigit(this.here())) {
      this.fail();
      return NaN;
    }
    let mantissa: u64 = 0;
    let digits = 0;
    let exponent = 0;
    for (; isDigit(this.here()); this.at++) {
      if (digits < MOST_DIGITS) mantissa = mantissa * 10 + (this.here() - 0x30);
      else exponent++;
      if (mantissa > 0) digits++;
    }
    if (this.take(0x2e)) {
      for (; isDigit(this.here()); this.at++) {
        if (digits >= MOST_DIGITS) continue;
        mantissa = mantissa * 10 + (this.here() - 0x30);
        exponent--;
        if (mantissa > 0) digits++;
      }
    }
    if (this.take(0x65) || this.take(0x45)) exponent += this.exponent();
    const value = scaled(<f64>mantissa, exponent);
    return negative ? -value : value;
  }

  private exponent(): i32 {
    const negative = this.take(0x2d);
    if (!negative) this.take(0x2b);
    let value = 0;
    for (; isDigit(this.here()); this.at++) value = min(value * 10 + <i32>(this.here() - 0x30), 10_000);
    return negative ? -value : value;
  }

  /** The character of an escape sequence, behind its backslash. */
  private escaped(): u32 {
    const byte = this.here();
    this.at++;
    if (byte == 0x6e) return 0x0a;
    if (byte == 0x74) return 0x09;
    if (byte == 0x72) return 0x0d;
    if (byte == 0x62) return 0x08;
    if (byte == 0x66) return 0x0c;
    if (byte == 0x22 || byte == 0x5c || byte == 0x2f) return byte;
    if (byte != 0x75) return this.failWith(0);
    const high = this.fourDigits();
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high > 0xdbff || !this.take(0x5c) || !this.take(0x75)) return this.failWith(0);
    const low = this.fourDigits();
    if (low < 0xdc00 || low > 0xdfff) return this.failWith(0);
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  }

  private fourDigits(): u32 {
    let value: u32 = 0;
    for (let i = 0; i < 4; i++, this.at++) {
      const byte = this.here() | 0x20; // lower case
      if (isDigit(byte)) value = (value << 4) | (byte - 0x30);
      else if (byte >= 0x61 && byte <= 0x66) value = (value << 4) | (byte - 0x57);
      else return this.failWith(0);
    }
    return value;
  }

  private enter(bracket: u32): bool {
    if (this.look() != bracket) return this.fail();
    this.at++;
    this.first = true;
    return true;
  }

  private next(bracket: u32): bool {
    if (this.failed) return false;
    const byte = this.look();
    const first = this.first;
    this.first = false;
    if (byte == bracket) {
      this.at++;
      return false;
    }
    if (first) return true;
    if (byte != 0x2c) return this.fail();
    this.at++;
    return this.look() != bracket || this.fail();
  }

  /** The next byte that is no white space; 0 at the end. */
  private look(): u32 {
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return byte;
      this.at++;
    }
    return 0;
  }

  private here(): u32 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  private take(byte: u32): bool {
    if (this.here() != byte) return false;
    this.at++;
    return true;
  }

  private fail(): bool {
    this.failed = true;
    return false;
  }

  private failWith<T>(result: T): T {
    this.failed = true;
    return result;
  }
}

function isDigit(byte: u32): bool {
  return byte >= 0x30 && byte <= 0x39;
}

/** value x 10^exponent; one exact operation for ordinary numbers. */
function scaled(value: f64, exponent: i32): f64 {
  if (value == 0) return 0;
  for (; exponent > EXACT_POWER; exponent -= EXACT_POWER) value *= 1e22;
  for (; exponent < -EXACT_POWER; exponent += EXACT_POWER) value /= 1e22;
  let power: f64 = 1;
  for (let i = 0; i < abs(exponent); i++) power *= 10;
  return exponent < 0 ? value / power : value * power;
}

/** UTF-8 of a character; its bytes. */
function encode(character: u32, to: usize): i32 {
  if (character < 0x80) {
    store<u8>(to, <u8>character);
    return 1;
  }
  const bytes = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  for (let i = bytes - 1; i > 0; i--, character >>= 6) store<u8>(to + <usize>i, <u8>(0x80 | (character & 0x3f)));
  store<u8>(to, <u8>(((0xf00 >> bytes) & 0xff) | character));
  return bytes;
}
