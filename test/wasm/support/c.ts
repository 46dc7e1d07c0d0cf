// Compiles C to WebAssembly, for tests of the ABI without our SDK. Kept in build/test-modules while source and header stay the same.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CACHE = join(ROOT, "build/test-modules");
const SDK = join(ROOT, "wasm/sdk");
const FLAGS = [
  "--target=wasm32",
  "-mbulk-memory",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-nostdlib",
  "-ffreestanding",
  "-Wl,--no-entry",
];

/** The module of a C source, compiled by clang with wasm/sdk on the include path. */
export function compileC(source: string): Buffer {
  const hash = createHash("sha256")
    .update(source)
    .update(readFileSync(join(SDK, "nightjar.h")));
  const name = join(CACHE, `c-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(`${name}.wasm`)) {
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(`${name}.c`, source);
    execFileSync("clang", [...FLAGS, "-I", SDK, "-o", `${name}.wasm`, `${name}.c`], {
      stdio: ["ignore", "inherit", "pipe"],
    });
  }
  return readFileSync(`${name}.wasm`);
}
