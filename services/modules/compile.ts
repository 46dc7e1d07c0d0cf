// Compiles the AssemblyScript of a module, and puts its manifest inside. The compiler is a large WebAssembly module itself,
// which the host's V8 flags would slow down by seconds: never import this file together with v8_limits.ts.

import { readFile } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import asc from "assemblyscript/asc";
import { INSTALLATION } from "../config/directories.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { MANIFEST_SECTION } from "../postprocess/module_abi.ts";
import { SDK_DIRECTORY, SDK_NAME } from "./installation.ts";
import { readManifest } from "./manifest.ts";
import type { ModuleSource } from "./source.ts";

// stub: no garbage collector, for a module allocates at start-up only. debug: the names of functions stay, a trap names one.
const ASC_FLAGS = ["--runtime", "stub", "-O3", "--enable", "simd", "--debug"];
/** Where the compiler asks for the SDK: no folder of this name exists, sdkFile() answers. */
const SDK_LIBRARY = "@nightjar-sdk";

/**
 * The module as a file: WebAssembly with its manifest inside.
 * @param say what the compiler has to say: warnings, and errors with the place in the source
 * @throws ExpectedError when it does not compile, or its module.yaml is wrong
 */
export async function compileSource(source: ModuleSource, say: (text: string) => void): Promise<Buffer> {
  const manifest = await readManifest(source.manifest);
  const binary = await compile(source, say);
  return Buffer.concat([binary, customSection(MANIFEST_SECTION, JSON.stringify(manifest))]);
}

async function compile({ name, base, entry }: ModuleSource, say: (text: string) => void): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stdout, stderr } = await asc.main(
    [entry, "--baseDir", base, "--lib", SDK_LIBRARY, "--outFile", "module.wasm", ...ASC_FLAGS, "--use", abortOf(base)],
    {
      listFiles: () => [],
      readFile: (file, folder) => readText(folder === SDK_LIBRARY ? sdkFile(file) : join(folder, file)),
      writeFile: (_file, contents) => {
        binary = contents as Uint8Array;
      },
    },
  );
  const talk = `${stdout}${stderr}`.trim();
  if (talk) say(talk);
  if (error === null && binary) return binary;
  // What it says about a source stands in `talk` already; anything else is in the error.
  const reason = talk ? "the compiler's messages stand above" : String(error?.message);
  throw new ExpectedError(EXIT.configuration, `module ${name} does not compile: ${reason}`);
}

/** A failed assertion logs its message and traps; by the compiler's name of it, no import. */
function abortOf(base: string): string {
  const sdk = base === INSTALLATION ? relative(base, SDK_DIRECTORY) : `~lib/${SDK_NAME}`;
  return `abort=${sdk}/abort/abort`;
}

/** `import … from "nightjar"` is the SDK of this installation, wherever the module lies. */
function sdkFile(file: string): string | undefined {
  return file.startsWith(`${SDK_NAME}/`) ? join(SDK_DIRECTORY, file.slice(SDK_NAME.length + 1)) : undefined;
}

/** Null where there is no such file: the compiler then looks elsewhere. */
async function readText(file: string | undefined): Promise<string | null> {
  if (file === undefined || !isAbsolute(file)) return null;
  return readFile(file, "utf8").catch(() => null);
}

/** https://webassembly.github.io/spec/core/binary/modules.html#custom-section */
function customSection(name: string, contents: string): Buffer {
  const text = Buffer.from(name);
  const body = Buffer.concat([leb128(text.length), text, Buffer.from(contents)]);
  return Buffer.concat([Buffer.from([0]), leb128(body.length), body]);
}

function leb128(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}
