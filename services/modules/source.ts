// A module's folder: what lies where.

import { mkdir, readdir, rename, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { INSTALLATION } from "../config/directories.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";

export interface ModuleSource {
  /** Name of the folder, which is that of the file. */
  readonly name: string;
  /** Absolute. */
  readonly directory: string;
  /** The compiler's root; imports may not leave it but for the SDK. */
  readonly base: string;
  /** Relative to `base`. */
  readonly entry: string;
  /** Absolute: module.yaml. */
  readonly manifest: string;
}

/** @throws ExpectedError when it is no module's folder */
export async function moduleSource(directory: string): Promise<ModuleSource> {
  const path = resolve(directory);
  const entry = join(path, "assembly", "index.ts");
  if (!(await isFile(entry))) {
    const what = (await stat(path).catch(() => undefined))?.isDirectory() ? "has no assembly/index.ts" : "is no folder";
    const advice = "expected the folder of a module; nightjar module new NAME makes one";
    throw new ExpectedError(EXIT.configuration, `${path} ${what}: ${advice}`);
  }
  const base = path.startsWith(INSTALLATION + sep) ? INSTALLATION : path;
  return {
    name: basename(path),
    directory: path,
    base,
    entry: relative(base, entry),
    manifest: join(path, "module.yaml"),
  };
}

/** Absolute paths of all files below a folder; none when there is no such folder. */
export async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** A reader never sees half a file. */
export async function writeWhole(file: string, contents: Uint8Array | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, contents);
  await rename(`${file}.new`, file);
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
