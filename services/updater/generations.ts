/**
 * Verified metadata on the disk, in generations: a directory is written and synced beside the others and gets its name last.
 * The newest one that is whole counts, so that a torn one costs nothing but what it had learnt.
 *
 *   <directory>/gen-000012/{root,timestamp,snapshot,targets,…}.json, complete.json (SHA-256 of each)
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { copyFiles, makeDurableDirectory, moveDurably, sweep, sync, writeSynced } from "./durable.ts";

const PREFIX = "gen-";
const COMPLETE = "complete.json";
/** Where a client works; it becomes a generation when what it found is new and accepted. */
const WORK = ".work";
/** The newest ones stay. */
const KEPT = 3;

const complete = z.record(z.string(), z.string());

export class Generations {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    makeDurableDirectory(directory);
    // What was cut off in the middle.
    sweep(directory, (name) => name.startsWith("."));
  }

  /** The newest whole one; undefined when there is none. */
  current(): string | undefined {
    return this.#numbers()
      .map((number) => this.#path(number))
      .find(isWhole);
  }

  /** Names of generations that are not whole. */
  torn(): string[] {
    return this.#numbers()
      .filter((number) => !isWhole(this.#path(number)))
      .map(nameOf);
  }

  /** A directory with the files of the current generation, or with the given root alone. Not durable. */
  work(firstRoot: Uint8Array): string {
    const directory = join(this.#directory, WORK);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    const current = this.current();
    if (current === undefined) writeSynced(join(directory, "root.json"), firstRoot);
    else copyFiles(current, directory);
    rmSync(join(directory, COMPLETE), { force: true });
    return directory;
  }

  /** Makes a generation of a work directory, unless it says what the current one says. @returns whether there is a new one */
  keep(work: string): boolean {
    const current = this.current();
    const hashes = hashesIn(work);
    if (current !== undefined && JSON.stringify(readComplete(current)) === JSON.stringify(hashes)) return false;
    const fresh = join(this.#directory, ".new");
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh);
    copyFiles(work, fresh);
    for (const name of Object.keys(hashes)) sync(join(fresh, name));
    writeSynced(join(fresh, COMPLETE), JSON.stringify(hashes));
    sync(fresh);
    moveDurably(fresh, this.#path((this.#numbers()[0] ?? 0) + 1));
    for (const number of this.#numbers().slice(KEPT)) rmSync(this.#path(number), { recursive: true, force: true });
    return true;
  }

  /** Newest first. */
  #numbers(): number[] {
    const names = readdirSync(this.#directory).filter((name) => /^gen-\d+$/.test(name));
    return names.map((name) => Number(name.slice(PREFIX.length))).sort((a, b) => b - a);
  }

  #path(number: number): string {
    return join(this.#directory, nameOf(number));
  }
}

function nameOf(number: number): string {
  return `${PREFIX}${String(number).padStart(6, "0")}`;
}

function isWhole(directory: string): boolean {
  const expected = readComplete(directory);
  if (expected === undefined || expected["root.json"] === undefined) return false;
  return JSON.stringify(hashesIn(directory)) === JSON.stringify(expected);
}

function readComplete(directory: string): Record<string, string> | undefined {
  try {
    return complete.parse(JSON.parse(readFileSync(join(directory, COMPLETE), "utf8")));
  } catch {
    // Missing, torn, unreadable: it is not whole, whatever the reason.
    return undefined;
  }
}

/** By file name, sorted. */
function hashesIn(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => name.endsWith(".json") && name !== COMPLETE);
  const files = names.filter((name) => statSync(join(directory, name)).isFile()).sort();
  const hash = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(directory, name)))
      .digest("hex");
  return Object.fromEntries(files.map((name) => [name, hash(name)]));
}
