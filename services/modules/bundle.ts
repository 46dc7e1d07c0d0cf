// Puts the bundle of a module's folder together: bundle.yaml with the SHA-256 of each file, and the files. Each content has a
// directory of its own, for a bundle never changes under its path: what is rolled back to must still be what it was.
//
//   build/bundles/NAME-VERSION-HASH/     the last ones; files that several have in common are one file on the disk
//   build/bundle                         a link to the newest

import { createHash } from "node:crypto";
import { copyFile, link as linkFile, mkdir, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { type Document, isMap, parseDocument } from "yaml";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { readManifest } from "./manifest.ts";
import { isFile, type ModuleSource, writeWhole } from "./source.ts";

/** Bundles that are kept: what serves and what served before must be among them, after an afternoon of trying things. */
const KEPT = 64;
/** Keys of bundle.yaml that name a file. */
const PARTS = [["model"], ["module"], ["labels"]];

export interface Assembled {
  /** Absolute: the link to the newest; undefined when there is none. */
  readonly bundle: string | undefined;
  /** Why not; "" when there is one, or none is wanted. */
  readonly problem: string;
}

/**
 * `module`: the compiled file.
 * @throws ExpectedError when bundle.yaml is wrong, or sets parameters that the module does not have
 */
export async function assembleBundle({ directory, name, manifest }: ModuleSource, module: string): Promise<Assembled> {
  const file = join(directory, "bundle.yaml");
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return { bundle: undefined, problem: "" };
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new ExpectedError(EXIT.configuration, `${file}: ${error.message.trim()}`);
  const parts = partsOf(document);
  const files = new Map(parts.map((part) => [part, placeOf(document, part, directory, name, module)]));
  for (const path of files.values()) {
    if (await isFile(path)) continue;
    return { bundle: undefined, problem: `${relative(directory, path)} is not there (bundle.yaml names it)` };
  }
  for (const [part, path] of files) await setFile(document, part, path);
  const target = await place(directory, document, [...files.values()]);
  // Not before the module is compiled: this brings the host's V8 flags along, with which the compiler does not run.
  const { checkBundle } = await import("./bundle_check.ts");
  await checkBundle(target, directory, await readManifest(manifest));
  await removeOld(join(directory, "build", "bundles"), target);
  return { bundle: await link(join(directory, "build", "bundle"), target), problem: "" };
}

function partsOf(document: Document): string[][] {
  const golden = document.get("golden") as { items?: unknown[] } | undefined;
  const cases = (golden?.items ?? []).flatMap((_, i) => [
    ["golden", String(i), "input"],
    ["golden", String(i), "expected"],
  ]);
  return [...PARTS, ...cases].filter((part) => isMap(document.getIn(part, true)));
}

function placeOf(document: Document, part: string[], directory: string, name: string, module: string): string {
  const file = String(document.getIn([...part, "file"]));
  return part[0] === "module" && basename(file) === `${name}.wasm` ? module : resolve(directory, file);
}

async function setFile(document: Document, part: string[], path: string): Promise<void> {
  document.setIn([...part, "file"], basename(path));
  document.setIn(
    [...part, "sha256"],
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex"),
  );
}

/** Beside the others, then in its place: a host that is loading never sees half a bundle. */
async function place(directory: string, document: Document, files: readonly string[]): Promise<string> {
  const text = document.toString();
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const all = join(directory, "build", "bundles");
  const target = join(all, `${document.get("name")}-${document.get("version")}-${hash}`);
  if (!(await isFile(join(target, "bundle.yaml")))) {
    const fresh = `${target}.new`;
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true });
    for (const path of files) await take(path, join(directory, "build", "bundle"), fresh);
    await writeWhole(join(fresh, "bundle.yaml"), text);
    await rename(fresh, target);
  }
  return target;
}

/** A copy; of what the newest bundle has too (models are large) another name of its copy, to which nobody writes. */
async function take(path: string, newest: string, fresh: string): Promise<void> {
  const to = join(fresh, basename(path));
  const candidate = join(newest, basename(path));
  if (await hasContents(candidate, await readFile(path))) {
    const isLinked = await linkFile(candidate, to).then(
      () => true,
      () => false,
    );
    if (isLinked) return;
  }
  await copyFile(path, to);
}

async function hasContents(path: string, contents: Buffer): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info?.size === contents.length && contents.equals(await readFile(path));
}

async function link(path: string, target: string): Promise<string> {
  try {
    await rm(`${path}.new`, { force: true });
    await symlink(relative(join(path, ".."), target), `${path}.new`);
    await rename(`${path}.new`, path);
  } catch (error) {
    throw new ExpectedError(EXIT.environment, `${path} cannot be made a link to the bundle: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return path;
}

async function removeOld(directory: string, newest: string): Promise<void> {
  const paths = (await readdir(directory)).map((name) => join(directory, name)).filter((path) => path !== newest);
  const aged = await Promise.all(paths.map(async (path) => ({ path, at: (await stat(path)).mtimeMs })));
  const old = aged.sort((a, b) => b.at - a.at).slice(KEPT - 1);
  for (const { path } of old) await rm(path, { recursive: true, force: true });
}
