#!/usr/bin/env node
// Builds the WebAssembly modules of wasm/modules into build/modules/<name>.wasm, with each module's manifest inside.
// `nightjar module build` does the same for one folder (services/modules).
//
//   node scripts/build-modules.ts [NAME…]      only these; only what is older than its sources
//   node scripts/build-modules.ts --force

import { readdir, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { EXIT, ExpectedError } from "../services/log/errors.ts";
import { compileTo } from "../services/modules/build.ts";
import { moduleSource } from "../services/modules/source.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "wasm/modules");
const OUT = join(ROOT, "build/modules");

const args = process.argv.slice(2);
const force = args.includes("--force");
const wanted = args.filter((arg) => !arg.startsWith("--"));

try {
  const known = await moduleNames();
  for (const name of wanted) requireKnown(name, known);
  for (const name of wanted.length > 0 ? wanted : known) await build(name);
} catch (error) {
  if (!(error instanceof ExpectedError)) throw error;
  console.error(`build-modules: ${error.message}`);
  process.exitCode = error.exitCode;
}

function requireKnown(name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const message = `there is no module "${name}" in ${relative(ROOT, MODULES)}; there is ${known.join(", ")}`;
  throw new ExpectedError(EXIT.configuration, message);
}

async function moduleNames(): Promise<string[]> {
  const entries = await readdir(MODULES, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    const message = `${relative(ROOT, MODULES)} cannot be read (${error.code}): this checkout is incomplete`;
    throw new ExpectedError(EXIT.configuration, message);
  });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function build(name: string): Promise<void> {
  const out = join(OUT, `${name}.wasm`);
  const began = performance.now();
  const source = await moduleSource(join(MODULES, name));
  if (!(await compileTo(out, source, { force, say: (text) => console.error(text) }))) return;
  const { size } = await stat(out);
  console.log(`${relative(ROOT, out)}: ${size} bytes in ${Math.round(performance.now() - began)} ms`);
}
