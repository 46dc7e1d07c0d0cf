// State that outlives an instance, for `save` and `restore` of a module: values in a fixed order behind a version.
//
//   save(at: usize, capacity: i32): i32 {
//     const out = new StateWriter(at, capacity, 1);
//     out.integer(this.count);
//     return out.result;
//   }
//   restore(at: usize, bytes: i32): i32 {
//     const state = new StateReader(at, bytes, 1);
//     const count = state.integer();
//     if (state.result == Status.Ok) this.count = count;
//     return state.result;
//   }
//
// Little-endian. A writer that runs out of room and a reader that runs out of bytes note it and do no more.

import { Status } from "./abi";

@final
export class StateWriter {
  private at: usize;
  private readonly start: usize;
  private readonly end: usize;
  private overrun: bool = false;

  /** Into `capacity` bytes at `at`. `version` of the module's own state: raise it when the order changes. */
  constructor(at: usize, capacity: i32, version: i32) {
    this.at = at;
    this.start = at;
    this.end = at + <usize>capacity;
    this.integer(version);
  }

  /** Bytes written, or Status.BadLimits when they were too many. Return it from `save`. */
  get result(): i32 {
    return this.overrun ? Status.BadLimits : <i32>(this.at - this.start);
  }

  integer(value: i32): void {
    if (this.has(4)) store<i32>(this.take(4), value);
  }

  long(value: i64): void {
    if (this.has(8)) store<i64>(this.take(8), value);
  }

  number(value: f64): void {
    if (this.has(8)) store<f64>(this.take(8), value);
  }

  /** `count` bytes at `from`, as they are. */
  bytes(from: usize, count: i32): void {
    if (this.has(count)) memory.copy(this.take(count), from, <usize>count);
  }

  private has(count: i32): bool {
    if (<usize>count > this.end - this.at) this.overrun = true;
    return !this.overrun;
  }

  private take(count: i32): usize {
    const at = this.at;
    this.at += <usize>count;
    return at;
  }
}

@final
export class StateReader {
  private at: usize;
  private readonly end: usize;
  private intact: bool = true;

  /** A state of another version than `version` gives zeros and a bad result. */
  constructor(at: usize, bytes: i32, version: i32) {
    this.at = at;
    this.end = at + <usize>max(bytes, 0);
    if (this.integer() != version) this.intact = false;
  }

  /** Status.Ok, or Status.BadState when the state was another version's or too short. Look at it before you use what was read. */
  get result(): i32 {
    return this.intact ? Status.Ok : Status.BadState;
  }

  integer(): i32 {
    return this.has(4) ? load<i32>(this.take(4)) : 0;
  }

  long(): i64 {
    return this.has(8) ? load<i64>(this.take(8)) : 0;
  }

  number(): f64 {
    return this.has(8) ? load<f64>(this.take(8)) : 0;
  }

  /** Copies `count` bytes to `to`; writes nothing when there are fewer. */
  bytes(to: usize, count: i32): void {
    if (count >= 0 && this.has(count)) memory.copy(to, this.take(count), <usize>count);
  }

  private has(count: i32): bool {
    if (<usize>count > this.end - this.at) this.intact = false;
    return this.intact;
  }

  private take(count: i32): usize {
    const at = this.at;
    this.at += <usize>count;
    return at;
  }
}
