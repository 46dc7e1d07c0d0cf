// Builds the folder of a module: build/NAME.wasm, and, where there is a bundle.yaml, the bundle around it.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { assembleBundle } from "./bundle.ts";
import { compileSource } from "./compile.ts";
import { SDK_DIRECTORY } from "./installation.ts";
import { filesUnder, type ModuleSource, moduleSource, writeWhole } from "./source.ts";
import { writeEditorConfig } from "./template.ts";

export interface Built {
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  readonly bytes: number;
  /** False: it was newer than its sources. */
  readonly fresh: boolean;
  readonly ms: number;
  /** Absolute; undefined when the folder has no bundle.yaml, or a file of it is not there yet. */
  readonly bundle: string | undefined;
  /** Why there is no bundle; "" when there is one, or none is wanted. */
  readonly bundleProblem: string;
}

export interface BuildOptions {
  /** Also when nothing has changed. */
  readonly force?: boolean;
  /** What the compiler has to say. */
  readonly say: (text: string) => void;
}

/** @throws ExpectedError when the folder is no module's, or it does not compile */
export async function buildModule(directory: string, { force = false, say }: BuildOptions): Promise<Built> {
  const began = performance.now();
  const source = await moduleSource(directory);
  const file = join(source.directory, "build", `${source.name}.wasm`);
  await writeEditorConfig(source.directory);
  const fresh = await compileTo(file, source, { force, say });
  const { bundle, problem } = await assembleBundle(source, file);
  const { size: bytes } = await stat(file);
  const ms = Math.round(performance.now() - began);
  return { name: source.name, file, bytes, fresh, ms, bundle, bundleProblem: problem };
}

/**
 * Compiles a module to a file. @returns false when the file was newer than its sources
 * @throws ExpectedError when it does not compile
 */
export async function compileTo(file: string, source: ModuleSource, options: BuildOptions): Promise<boolean> {
  if (!options.force && (await isUpToDate(file, source))) return false;
  await writeWhole(file, await compileSource(source, options.say));
  return true;
}

/** The SDK and this toolchain are sources too. */
async function isUpToDate(file: string, { directory, manifest }: ModuleSource): Promise<boolean> {
  const built = await stat(file).catch(() => undefined);
  if (!built) return false;
  const folders = [join(directory, "assembly"), SDK_DIRECTORY];
  const sources = [
    manifest,
    join(import.meta.dirname, "compile.ts"),
    ...(await Promise.all(folders.map(filesUnder))).flat(),
  ];
  const times = await Promise.all(sources.map(async (source) => (await stat(source).catch(() => undefined))?.mtimeMs));
  return times.every((time) => time !== undefined && time < built.mtimeMs);
}
