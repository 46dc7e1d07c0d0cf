/**
 * Verified metadata on the disk, in generations: each is one file, written and synced beside the others, that gets its name
 * last. The newest one that is whole counts, so that a torn one costs nothing but what it had learnt.
 *
 *   <directory>/gen-000012.json   {"sha256": of the files as JSON, "files": {"root.json": "…", "timestamp.json": "…", …}}
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { makeDurableDirectory, replaceFile, sweep } from "./durable.ts";

const NAME = /^gen-(\d+)\.json$/;
/** Where a client works; it becomes a generation when what it found is new and accepted. */
const WORK = ".work";
/** The newest ones stay. */
const KEPT = 3;

/** Metadata files by name ("root.json"), in the order of their names. */
export type MetadataFiles = ReadonlyMap<string, Buffer>;

const written = z.object({ sha256: z.string(), files: z.record(z.string(), z.string()) });

export class Generations {
  readonly #directory: string;
  /** Newer ones that are not whole. */
  readonly torn: readonly string[];
  #current: MetadataFiles | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    makeDurableDirectory(directory);
    // What was cut off in the middle, and whatever else is not ours.
    sweep(directory, (name) => !NAME.test(name));
    const { torn, files } = newestIn(directory);
    this.#current = files;
    this.torn = torn;
  }

  /** The newest whole one; undefined when there is none. */
  get current(): MetadataFiles | undefined {
    return this.#current;
  }

  /** A directory with the files of the current generation, or with the given root alone. Not durable. */
  work(firstRoot: Uint8Array): string {
    const directory = join(this.#directory, WORK);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    const files: MetadataFiles = this.#current ?? new Map([["root.json", Buffer.from(firstRoot)]]);
    for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
    return directory;
  }

  /** Makes a generation of these files, unless the current one says the same. @returns whether there is a new one */
  keep(files: MetadataFiles): boolean {
    if (isSame(this.#current, files)) return false;
    const texts = Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.toString("utf8")]));
    const content = { sha256: hashOf(texts), files: texts } satisfies z.output<typeof written>;
    const [newest = 0, ...older] = numbersIn(this.#directory);
    replaceFile(join(this.#directory, nameOf(newest + 1)), JSON.stringify(content));
    this.#current = files;
    for (const number of older.slice(KEPT - 2)) rmSync(join(this.#directory, nameOf(number)), { force: true });
    return true;
  }
}

/** The newest whole generation of a directory that somebody else may be using, and the names of newer ones that are not whole. */
export function newestIn(directory: string): { readonly files: MetadataFiles | undefined; readonly torn: string[] } {
  const torn: string[] = [];
  for (const number of numbersIn(directory)) {
    const files = readWhole(join(directory, nameOf(number)));
    if (files !== undefined) return { files, torn };
    torn.push(nameOf(number));
  }
  return { files: undefined, torn };
}

/** Newest first. */
function numbersIn(directory: string): number[] {
  const numbers = readdirSync(directory).flatMap((name) => NAME.exec(name)?.[1] ?? []);
  return numbers.map(Number).sort((a, b) => b - a);
}

/** The metadata files of a directory, by name. */
export function filesIn(directory: string): MetadataFiles {
  const names = readdirSync(directory).filter((name) => name.endsWith(".json"));
  return new Map(names.sort().map((name) => [name, readFileSync(join(directory, name))]));
}

function nameOf(number: number): string {
  return `gen-${String(number).padStart(6, "0")}.json`;
}

/** Undefined: it is missing, torn or unreadable; which of these makes no difference. */
function readWhole(path: string): MetadataFiles | undefined {
  try {
    const { sha256, files } = written.parse(JSON.parse(readFileSync(path, "utf8")));
    if (sha256 !== hashOf(files) || files["root.json"] === undefined) return undefined;
    return new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]));
  } catch {
    return undefined;
  }
}

function hashOf(files: Readonly<Record<string, string>>): string {
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}

function isSame(a: MetadataFiles | undefined, b: MetadataFiles): boolean {
  return a !== undefined && a.size === b.size && [...b].every(([name, bytes]) => a.get(name)?.equals(bytes) === true);
}
