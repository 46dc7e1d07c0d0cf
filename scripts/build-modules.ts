#!/usr/bin/env node
// Builds the WebAssembly modules of wasm/modules into build/modules/<name>.wasm, with each module's manifest inside.
//
//   node scripts/build-modules.ts [NAME…]      only these; only what is older than its sources
//   node scripts/build-modules.ts --force

import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { parse } from "yaml";
import { MANIFEST_SECTION } from "../services/postprocess/module_abi.ts";
import { manifestSchema } from "../services/postprocess/module_file.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "wasm/modules");
const SDK = join(ROOT, "wasm/sdk");
const OUT = join(ROOT, "build/modules");

// stub: no garbage collector, for a module allocates at start-up only. abort=: a failed assertion traps, no import.
const ASC_FLAGS = ["--runtime", "stub", "-O3", "--noAssert", "--enable", "simd", "--use", "abort="];

const args = process.argv.slice(2);
const force = args.includes("--force");
const wanted = args.filter((arg) => !arg.startsWith("--"));

await mkdir(OUT, { recursive: true });
for (const name of wanted.length > 0 ? wanted : await moduleNames()) await build(name);

async function moduleNames(): Promise<string[]> {
  const entries = await readdir(MODULES, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function build(name: string): Promise<void> {
  const out = join(OUT, `${name}.wasm`);
  if (!force && (await upToDate(name, out))) return;
  const began = performance.now();
  const manifest = manifestSchema.parse(parse(await readFile(join(MODULES, name, "module.yaml"), "utf8")));
  const binary = await compile(name);
  const complete = Buffer.concat([binary, customSection(MANIFEST_SECTION, JSON.stringify(manifest))]);
  // A reader never sees half a module.
  await writeFile(`${out}.new`, complete);
  await rename(`${out}.new`, out);
  console.log(`${relative(ROOT, out)}: ${complete.length} bytes in ${Math.round(performance.now() - began)} ms`);
}

async function upToDate(name: string, out: string): Promise<boolean> {
  const built = await stat(out).catch(() => undefined);
  if (!built) return false;
  const sources = await Promise.all([filesUnder(join(MODULES, name)), filesUnder(SDK)]);
  const times = await Promise.all(
    [...sources.flat(), fileURLToPath(import.meta.url)].map(async (file) => (await stat(file)).mtimeMs),
  );
  return times.every((time) => time < built.mtimeMs);
}

async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function compile(name: string): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stdout, stderr } = await asc.main(
    [`wasm/modules/${name}/assembly/index.ts`, "--baseDir", ROOT, "--outFile", "module.wasm", ...ASC_FLAGS],
    {
      writeFile: (_file, contents) => {
        binary = contents as Uint8Array;
      },
    },
  );
  const talk = `${stdout}${stderr}`.trim();
  if (talk) console.error(talk);
  if (error || !binary) throw new Error(`module ${name} does not compile`, { cause: error });
  return binary;
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
