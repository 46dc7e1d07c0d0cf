// What an author writes: one class, served once.
//
//   class Doors extends Module {
//     process(frame: Frame): i32 { … return Status.Ok; }
//   }
//   serve(new Doors(Kind.Analyze));
//   export { nj_abi, nj_kind, nj_alloc, nj_init, nj_configure, nj_process } from "../../../sdk/exports";

import { Status } from "./abi";
import { Frame } from "./frame";
import { Parameters } from "./params";
import { Setup } from "./setup";

export abstract class Module {
  /** `kind` is one of Kind. */
  constructor(readonly kind: u32) {}

  /** Checks what the model gives and allocates everything for good. Status.Ok, or an error after one logged line. */
  init(setup: Setup): i32 {
    return Status.Ok;
  }

  /**
   * One block of an output that `init` asked for with Setup.stream: `bytes` from `offset` of output `tensor`, at its `data`.
   * Comes before `process` of the same frame, in order. No objects yet. Status.Ok, or an error that costs the frame.
   */
  block(frame: Frame, tensor: i32, offset: u32, bytes: u32): i32 {
    return Status.Ok;
  }

  /** Reads parameters: before the first frame, and whenever one changes. */
  configure(parameters: Parameters): i32 {
    return Status.Ok;
  }

  /** One frame. Allocates nothing: memory is never freed. */
  abstract process(frame: Frame): i32;

  /** Writes the state to `capacity` bytes at `at`; the bytes used, or Status.BadLimits when they are too few. */
  save(at: usize, capacity: i32): i32 {
    return 0;
  }

  /** Takes over the state that `save` of this or an earlier version wrote. Status.BadState leaves the module as new. */
  restore(at: usize, bytes: i32): i32 {
    return bytes == 0 ? Status.Ok : Status.BadState;
  }
}

let served: Module | null = null;

/** Makes `module` the one that the exports call. */
export function serve(module: Module): void {
  served = module;
}

export function current(): Module {
  return served!;
}
