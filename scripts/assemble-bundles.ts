#!/usr/bin/env node
// Puts the bundles of demo/bundles together in build/bundles/<name>: bundle.yaml with the SHA-256 of each file, the model,
// the module (built by scripts/build-modules.ts) and the labels. A bundle whose model is not there is skipped and said so.
//
//   node scripts/assemble-bundles.ts [NAME…]

import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Document, parseDocument } from "yaml";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCES = join(ROOT, "demo/bundles");
const MODULES = join(ROOT, "build/modules");
const OUT = join(ROOT, "build/bundles");

const PARTS = ["model", "module", "labels"] as const;

const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : await bundleNames()) await assemble(name);

async function bundleNames(): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(SOURCES)) if (await exists(join(SOURCES, name, "bundle.yaml"))) names.push(name);
  return names;
}

async function assemble(name: string): Promise<void> {
  const source = join(SOURCES, name);
  const text = await readFile(join(source, "bundle.yaml"), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (text === undefined) {
    console.error(
      `assemble-bundles: there is no bundle "${name}" in ${relative(ROOT, SOURCES)}; there is ${(await bundleNames()).join(", ")}`,
    );
    process.exitCode = 3;
    return;
  }
  const document = parseDocument(text);
  const files = filesOf(document, source);
  const missing = await firstMissing([...files.values()]);
  if (missing) {
    console.error(`${name}: skipped, ${relative(ROOT, missing)} is not there`);
    if (names.length > 0) process.exitCode = 1;
    return;
  }
  await addHashes(document, files);
  if (await isAssembled(name, document)) return;
  await write(name, document, files);
  console.log(`${relative(ROOT, join(OUT, name))}: ${[...files.values()].map((file) => basename(file)).join(", ")}`);
}

/** Where a bundle says which file it needs: ["model"], or ["golden", 0, "input"]. */
type Part = (string | number)[];

/** Where each part comes from: modules are built, everything else lies beside bundle.yaml. */
function filesOf(document: Document, source: string): Map<Part, string> {
  const files = new Map<Part, string>();
  const golden = (document.toJS() as { golden?: unknown[] }).golden ?? [];
  const cases = golden.flatMap((_, i): Part[] => [
    ["golden", i, "input"],
    ["golden", i, "expected"],
  ]);
  for (const part of [...PARTS.map((name): Part => [name]), ...cases]) {
    const file = document.getIn([...part, "file"]);
    if (typeof file === "string") files.set(part, join(part[0] === "module" ? MODULES : source, file));
  }
  return files;
}

async function firstMissing(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if (!(await exists(file))) return file;
  return undefined;
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}

async function addHashes(document: Document, files: Map<Part, string>): Promise<void> {
  for (const [part, file] of files) {
    document.setIn([...part, "file"], basename(file));
    document.setIn(
      [...part, "sha256"],
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
    );
  }
}

/** The hashes in bundle.yaml stand for the files. */
async function isAssembled(name: string, document: Document): Promise<boolean> {
  const written = await readFile(join(OUT, name, "bundle.yaml"), "utf8").catch(() => undefined);
  return written === document.toString();
}

/** Beside the old one, then in its place: a host that is loading never sees half a bundle. */
async function write(name: string, document: Document, files: Map<Part, string>): Promise<void> {
  const target = join(OUT, name);
  const fresh = `${target}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const file of files.values()) await copyFile(file, join(fresh, basename(file)));
  await writeFile(join(fresh, "bundle.yaml"), document.toString());
  await rm(target, { recursive: true, force: true });
  await rename(fresh, target);
}
