// Compiles small AssemblyScript modules for tests. Kept in build/test-modules as long as they and the SDK stay the same.
// In a process of its own: the compiler is a large WebAssembly module itself, which the flags of the host would slow down.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const CACHE = join(ROOT, "build/test-modules");
const SDK = join(ROOT, "wasm/sdk");
const run = promisify(execFile);
const EXPORTS = ["nj_abi", "nj_kind", "nj_alloc", "nj_init", "nj_configure", "nj_process"];

/** An analyze module whose `process` and other members are `body`; `top` stands before the class. */
export function compileModule({ body = "", top = "", exports = EXPORTS }): Promise<Buffer> {
  return compile(`
    import { Frame, Kind, line, Module, Parameters, serve, Setup, Status } from "../../wasm/sdk";
    ${top}
    export { ${exports.join(", ")} } from "../../wasm/sdk/exports";
    class Subject extends Module {
      ${body.includes("process(") ? "" : "process(frame: Frame): i32 { return Status.Ok; }"}
      ${body}
    }
    serve(new Subject(Kind.Analyze));
  `);
}

export async function compile(source: string): Promise<Buffer> {
  const name = join(CACHE, hashOf(source));
  try {
    return readFileSync(`${name}.wasm`);
  } catch {
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(`${name}.ts`, source);
    const asc = join(ROOT, "node_modules/assemblyscript/bin/asc.js");
    const flags = ["--runtime", "stub", "-O1", "--enable", "simd", "--use", "abort="];
    await run(process.execPath, [asc, `${name}.ts`, "--baseDir", "/", "--outFile", `${name}.wasm`, ...flags]);
    return readFileSync(`${name}.wasm`);
  }
}

function hashOf(source: string): string {
  const hash = createHash("sha256").update(source);
  for (const file of readdirSync(SDK).sort()) hash.update(readFileSync(join(SDK, file)));
  return hash.digest("hex").slice(0, 16);
}
