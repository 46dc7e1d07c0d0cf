// What the host calls. A module's entry file re-exports these.

// Compiled in where something asserts.
import "./abort";
import { ABI_MAJOR, ABI_MINOR, FrameBlock, InitBlock, ParamBlock, Status } from "./abi";
import { Frame } from "./frame";
import { current } from "./module";
import { Parameters } from "./params";
import { Setup } from "./setup";

const ALIGN: usize = 64;

let frame: Frame | null = null;
const parameters = new Parameters();

/** The ABI the module was built for: major << 16 | minor. */
export function nj_abi(): u32 {
  return (ABI_MAJOR << 16) | ABI_MINOR;
}

/** One of Kind. */
export function nj_kind(): u32 {
  return current().kind;
}

/** `bytes` at an address that is a multiple of 64, zeroed, never freed. Traps when there is no memory left. */
export function nj_alloc(bytes: usize): usize {
  const at = (heap.alloc(bytes + ALIGN) + ALIGN - 1) & ~(ALIGN - 1);
  memory.fill(at, 0, bytes);
  return at;
}

/** Called once, with everything that does not change. */
export function nj_init(block: usize): i32 {
  const setup = new Setup(changetype<InitBlock>(block));
  frame = new Frame(setup);
  return current().init(setup);
}

/** Called before the first frame and whenever a parameter changes. */
export function nj_configure(block: usize): i32 {
  return current().configure(parameters.attach(changetype<ParamBlock>(block)));
}

/** Called once for each frame. */
export function nj_process(block: usize): i32 {
  if (!frame) return Status.Failed;
  return current().process(frame!.attach(changetype<FrameBlock>(block)));
}

/** Called before nj_process, for each block of a tensor that the module wants in blocks. */
export function nj_block(block: usize, tensor: i32, offset: u32, bytes: u32): i32 {
  if (!frame) return Status.Failed;
  return current().block(frame!.place(changetype<FrameBlock>(block)), tensor, offset, bytes);
}

/** Writes the module's state; the bytes used, or a negative Status. */
export function nj_save(at: usize, capacity: i32): i32 {
  return current().save(at, capacity);
}

/** Takes over a state. */
export function nj_restore(at: usize, bytes: i32): i32 {
  return current().restore(at, bytes);
}
