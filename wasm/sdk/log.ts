// One line to the host's log, built in a fixed buffer.
//
//   line("output 0 has ").integer(rank).text(" axes, 2 expected").error();
//
// The host limits the rate; what a module logs at error level before it returns an error becomes part of the message
// that the operator reads, so say what was expected.

import { log } from "./nightjar";

const CAPACITY: i32 = 512;

@final
export class Line {
  private readonly buffer: usize = heap.alloc(CAPACITY);
  private length: i32 = 0;

  /** Begins again. */
  clear(): Line {
    this.length = 0;
    return this;
  }

  /** Appends ASCII text, cut at 512 bytes. */
  text(text: string): Line {
    for (let i = 0; i < text.length; i++) this.byte(<u8>text.charCodeAt(i));
    return this;
  }

  /** Appends UTF-8 bytes as they are. */
  bytes(at: usize, count: u32): Line {
    for (let i: u32 = 0; i < count; i++) this.byte(load<u8>(at + i));
    return this;
  }

  /** Appends a whole number. */
  integer(value: i64): Line {
    if (value < 0) this.byte(0x2d);
    let rest: u64 = value < 0 ? 0 - <u64>value : <u64>value;
    let step: u64 = 1;
    while (rest / step >= 10) step *= 10;
    for (; step > 0; step /= 10) {
      this.byte(0x30 + <u8>(rest / step));
      rest %= step;
    }
    return this;
  }

  /** Appends a number with three decimals. */
  number(value: f64): Line {
    if (!isFinite(value)) return this.text(isNaN(value) ? "NaN" : value < 0 ? "-inf" : "inf");
    const thousandths = <i64>Math.round(Math.min(Math.abs(value), 1e12) * 1000);
    if (value < 0 && thousandths > 0) this.byte(0x2d);
    this.integer(thousandths / 1000).byte(0x2e);
    const rest = <i32>(thousandths % 1000);
    this.byte(0x30 + <u8>(rest / 100));
    this.byte(0x30 + <u8>((rest / 10) % 10));
    this.byte(0x30 + <u8>(rest % 10));
    return this;
  }

  debug(): void {
    log(0, this.buffer, this.length);
  }

  info(): void {
    log(1, this.buffer, this.length);
  }

  warning(): void {
    log(2, this.buffer, this.length);
  }

  error(): void {
    log(3, this.buffer, this.length);
  }

  private byte(value: u8): void {
    if (this.length < CAPACITY) store<u8>(this.buffer + this.length++, value);
  }
}

const shared = new Line();

/** The one line buffer, begun with `text`. */
export function line(text: string): Line {
  return shared.clear().text(text);
}
