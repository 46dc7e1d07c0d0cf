// JSON text into a fixed buffer.

@final
export class Writer {
  private readonly buffer: usize;
  private length: i32 = 0;
  /** What was written did not fit. */
  overflow: bool = false;

  constructor(private readonly capacity: i32) {
    this.buffer = heap.alloc(<usize>capacity);
  }

  get at(): usize {
    return this.buffer;
  }

  get bytes(): i32 {
    return this.length;
  }

  clear(): Writer {
    this.length = 0;
    this.overflow = false;
    return this;
  }

  /** ASCII as it is. */
  raw(text: string): Writer {
    for (let i = 0; i < text.length; i++) this.byte(<u8>text.charCodeAt(i));
    return this;
  }

  /** Bytes as they are. */
  copy(at: usize, bytes: i32): Writer {
    if (bytes > this.capacity - this.length) {
      this.overflow = true;
      return this;
    }
    memory.copy(this.buffer + <usize>this.length, at, <usize>bytes);
    this.length += bytes;
    return this;
  }

  /** NUL-terminated UTF-8 as a JSON text. */
  quoted(at: usize): Writer {
    this.byte(0x22);
    for (let byte = load<u8>(at); byte != 0; byte = load<u8>(++at)) {
      if (byte == 0x22 || byte == 0x5c) this.byte(0x5c).byte(byte);
      else if (byte < 0x20)
        this.raw("\\u00")
          .byte(hex(byte >> 4))
          .byte(hex(byte & 15));
      else this.byte(byte);
    }
    return this.byte(0x22);
  }

  whole(value: u64): Writer {
    let step: u64 = 1;
    while (value / step >= 10) step *= 10;
    for (; step > 0; step /= 10) {
      this.byte(0x30 + <u8>(value / step));
      value %= step;
    }
    return this;
  }

  /** 0 to 1 with six decimals, without zeros at the end. */
  share(value: f64): Writer {
    let millionths = <u64>Math.round(value * 1_000_000);
    this.whole(millionths / 1_000_000);
    millionths %= 1_000_000;
    if (millionths == 0) return this;
    this.byte(0x2e);
    for (let step: u64 = 100_000; millionths > 0; step /= 10) {
      this.byte(0x30 + <u8>(millionths / step));
      millionths %= step;
    }
    return this;
  }

  private byte(value: u8): Writer {
    if (this.length >= this.capacity) {
      this.overflow = true;
      return this;
    }
    store<u8>(this.buffer + <usize>this.length, value);
    this.length++;
    return this;
  }
}

function hex(digit: u8): u8 {
  return digit < 10 ? 0x30 + digit : 0x57 + digit;
}
