// What `nightjar module new` writes: the files of templates/KIND, with the module's name in them.

import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { EDITOR_TYPES, SDK_DIRECTORY, SDK_NAME, TEMPLATES } from "./installation.ts";
import { filesUnder, writeWhole } from "./source.ts";

export const KINDS = ["analyze", "detect"] as const;
export type ModuleKind = (typeof KINDS)[number];

const NAME = /^[a-z][a-z0-9-]{0,63}$/;
/** Never under version control. */
const IGNORED = "build/\n.nightjar/\n";

/**
 * Makes the folder of a new module; its last part is the module's name. @returns the files, relative to it
 * @throws ExpectedError when the name is none, or there is something already
 */
export async function newModule(directory: string, kind: ModuleKind): Promise<string[]> {
  const path = resolve(directory);
  const name = basename(path);
  if (!NAME.test(name)) {
    const expected = "expected lower-case letters, digits and -, beginning with a letter, at most 64";
    throw new ExpectedError(EXIT.usage, `"${name}" is no name of a module: ${expected}`);
  }
  if (await isTaken(path)) {
    throw new ExpectedError(EXIT.usage, `${path} is there already, and not empty; choose another name or remove it`);
  }
  const from = [join(TEMPLATES, "common"), join(TEMPLATES, kind)];
  const written: string[] = [];
  for (const folder of from) {
    for (const file of await filesUnder(folder)) written.push(await copy(file, folder, path, name));
  }
  await writeFile(join(path, ".gitignore"), IGNORED);
  await writeEditorConfig(path);
  return written.sort();
}

/** Templates end in .in, so that no tool of the checkout takes them for sources. */
async function copy(file: string, from: string, to: string, name: string): Promise<string> {
  const place = relative(from, file).replace(/\.in$/, "");
  const contents = (await readFile(file, "utf8")).replaceAll("@NAME@", name).replaceAll("@CLASS@", className(name));
  await mkdir(dirname(join(to, place)), { recursive: true });
  await writeFile(join(to, place), contents);
  return place;
}

function className(name: string): string {
  return name
    .split("-")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");
}

async function isTaken(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return false;
  return !info.isDirectory() || (await readdir(path)).length > 0;
}

/**
 * Has an editor find AssemblyScript's types and the SDK of this installation: the module's tsconfig.json extends this file.
 * Written at each build, for another machine has its installation elsewhere. Modules without that tsconfig.json are left alone.
 */
export async function writeEditorConfig(directory: string): Promise<void> {
  const own = await readFile(join(directory, "tsconfig.json"), "utf8").catch(() => "");
  if (!own.includes(".nightjar/")) return;
  const config = {
    extends: EDITOR_TYPES,
    compilerOptions: {
      types: [join(dirname(EDITOR_TYPES), "assembly")],
      paths: { [SDK_NAME]: [join(SDK_DIRECTORY, "index.ts")], [`${SDK_NAME}/*`]: [join(SDK_DIRECTORY, "*")] },
      strictPropertyInitialization: false,
      noEmit: true,
    },
  };
  await writeWhole(join(directory, ".nightjar", "tsconfig.json"), `${JSON.stringify(config, null, 2)}\n`);
}
