// V8 flags without which a module could not be bounded. Import this file first: they must be set before the first module
// compiles. Not on the command line, where they would also hold for the WebAssembly with which Node reads TypeScript:
// compiling that with them costs 5 s of processor time at each start.
//
//   --no-liftoff                 baseline code looks for terminate() too seldom: a loop of memory.fill ran 13 s longer
//   --no-wasm-lazy-compilation   compile at load time, not in the first frames
//   --wasm-max-mem-pages         resourceLimits of a worker do not cover a module's memory
//   --wasm-max-table-size        table.grow can end the process
//
// And two that keep threads small; each is an isolate of V8:
//
//   --no-short-builtin-calls     no copy of V8's own code beside each heap (2 MB)
//   --max-semi-space-size        MiB: our threads make little garbage, and none for each object (1 to 2 MB)

import { setFlagsFromString } from "node:v8";

/** 64 KiB each: no module gets more, whatever its bundle says. */
export const MAX_MEMORY_PAGES = 16_384;
export const MAX_TABLE_SIZE = 10_000;

export const V8_FLAGS: readonly string[] = [
  "--no-liftoff",
  "--no-wasm-lazy-compilation",
  `--wasm-max-mem-pages=${MAX_MEMORY_PAGES}`,
  `--wasm-max-table-size=${MAX_TABLE_SIZE}`,
  "--no-short-builtin-calls",
  "--max-semi-space-size=1",
];

for (const flag of V8_FLAGS) setFlagsFromString(flag);
