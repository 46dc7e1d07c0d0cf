// Parameters: what the bundle, the element or the operator set. A module reads them in `configure`, which runs once
// before the first frame and again whenever one changes; it copies what it needs, because they are gone afterwards.

import { ParamBlock, ParamEntry, ParamType, Status } from "./abi";
import { line } from "./log";
import { textEquals } from "./text";

@final
export class Parameters {
  private block: ParamBlock = changetype<ParamBlock>(0);
  private status: i32 = Status.Ok;

  /** Called by the SDK. */
  attach(block: ParamBlock): Parameters {
    this.block = block;
    this.status = Status.Ok;
    return this;
  }

  /** Status.Ok, or Status.BadParameter when one of the reads so far met a wrong type or range. Return it from `configure`. */
  get result(): i32 {
    return this.status;
  }

  /** Whether the parameter is set. */
  has(key: string): bool {
    return changetype<usize>(this.find(key)) != 0;
  }

  /** A number from `low` to `high`; `fallback` when it is not set. */
  number(key: string, fallback: f64, low: f64, high: f64): f64 {
    const entry = this.find(key);
    if (changetype<usize>(entry) == 0) return fallback;
    if (entry.type == ParamType.Number && entry.number >= low && entry.number <= high) return entry.number;
    const message = line("parameter ").text(key);
    if (entry.type == ParamType.Number) message.text(" is ").number(entry.number);
    else message.text(" is not a number");
    message.text(": expected ").number(low).text(" to ").number(high).error();
    this.status = Status.BadParameter;
    return fallback;
  }

  /** A whole number from `low` to `high`; fractions are cut. */
  integer(key: string, fallback: i32, low: i32, high: i32): i32 {
    return <i32>this.number(key, fallback, low, high);
  }

  /** A yes or no, which arrives as 1 or 0. */
  flag(key: string, fallback: bool): bool {
    return this.number(key, fallback ? 1 : 0, 0, 1) != 0;
  }

  /** Numbers of a list; 0 when it is not set. */
  count(key: string): i32 {
    const entry = this.find(key);
    if (changetype<usize>(entry) == 0) return 0;
    if (entry.type == ParamType.Numbers) return <i32>entry.valueCount;
    line("parameter ").text(key).text(" is not a list of numbers").error();
    this.status = Status.BadParameter;
    return 0;
  }

  /** Number `index` of a list, NaN where the list has no entry. */
  at(key: string, index: i32): f64 {
    const entry = this.find(key);
    if (changetype<usize>(entry) == 0 || entry.type != ParamType.Numbers || <u32>index >= entry.valueCount) return NaN;
    return load<f64>(entry.value + ((<usize>index) << 3));
  }

  /**
   * Which of `values` (ASCII) a text parameter is set to; `fallback` when it is not set. Anything else is an error that
   * names them.
   */
  choice(key: string, values: StaticArray<string>, fallback: i32): i32 {
    const entry = this.find(key);
    if (changetype<usize>(entry) == 0) return fallback;
    for (let i = 0; i < values.length; i++) if (this.is(key, values[i])) return i;
    const message = line("parameter ").text(key);
    if (entry.type == ParamType.Text) message.text(" is ").bytes(entry.value, entry.valueCount);
    else message.text(" is not a text");
    message.text(": expected ");
    for (let i = 0; i < values.length; i++) message.text(i > 0 ? " or " : "").text(values[i]);
    message.error();
    this.status = Status.BadParameter;
    return fallback;
  }

  /** Address of a text (UTF-8, not terminated); 0 when it is not set. */
  textAt(key: string): usize {
    const entry = this.textEntry(key);
    return changetype<usize>(entry) == 0 ? 0 : entry.value;
  }

  /** Bytes of a text; 0 when it is not set. */
  textBytes(key: string): i32 {
    const entry = this.textEntry(key);
    return changetype<usize>(entry) == 0 ? 0 : <i32>entry.valueCount;
  }

  /** Whether a text parameter is set to `text` (ASCII). */
  is(key: string, text: string): bool {
    const entry = this.find(key);
    if (changetype<usize>(entry) == 0 || entry.type != ParamType.Text) return false;
    return textEquals(entry.value, entry.valueCount, text);
  }

  private textEntry(key: string): ParamEntry {
    const entry = this.find(key);
    if (changetype<usize>(entry) == 0 || entry.type == ParamType.Text) return entry;
    line("parameter ").text(key).text(" is not a text").error();
    this.status = Status.BadParameter;
    return changetype<ParamEntry>(0);
  }

  private find(key: string): ParamEntry {
    for (let i: u32 = 0; i < this.block.count; i++) {
      const entry = changetype<ParamEntry>(this.block.entries + i * offsetof<ParamEntry>());
      if (textEquals(entry.key, entry.keyBytes, key)) return entry;
    }
    return changetype<ParamEntry>(0);
  }
}
