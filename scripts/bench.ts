// Measures, prints a table and writes build/bench.json: one entry for each figure of test/bench/figures.ts.
//
// A benchmark is a file test/bench/NAME.bench.ts that exports `measure(): Promise<Measurement[]>`. A value out of its
// bound makes the exit code 1; a figure that this target does not measure is entered as not run.
//
// usage: node scripts/bench.ts [NAME …]
import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, resolve } from "node:path";
import { type Entry, type Figure, figures, type Measurement } from "../test/bench/figures.ts";

function commit(): string {
  const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") === "" ? "" : "-modified");
}

function boundOf(figure: Figure): string | null {
  if (figure.atLeast !== undefined) return `≥ ${figure.atLeast}`;
  return figure.atMost === undefined ? null : `≤ ${figure.atMost}`;
}

function holds(figure: Figure, value: number): boolean | null {
  if (figure.atLeast !== undefined) return value >= figure.atLeast;
  return figure.atMost === undefined ? null : value <= figure.atMost;
}

function whoMeasures({ target }: Figure): string {
  return target === null ? "nothing measures it yet" : `make ${target}`;
}

function entryOf(figure: Figure, value: number | undefined, where: { machine: string; commit: string }): Entry {
  const base = { name: figure.name, unit: figure.unit, bound: boundOf(figure), ...where };
  if (value === undefined) return { ...base, value: null, holds: null, notRun: whoMeasures(figure) };
  return { ...base, value, holds: holds(figure, value) };
}

function print(entries: Entry[]): void {
  const mark = (entry: Entry): string => (entry.holds === null ? " " : entry.holds ? "✓" : "✗");
  for (const entry of entries) {
    const value =
      entry.value === null ? `not run (${entry.notRun})` : `${Number(entry.value.toPrecision(4))} ${entry.unit}`;
    console.log(`${mark(entry)} ${entry.name.padEnd(56)} ${value.padStart(24)}   ${entry.bound ?? ""}`);
  }
}

const chosen = process.argv.slice(2);
const files = globSync("test/bench/*.bench.ts")
  .sort()
  .filter((file) => chosen.length === 0 || chosen.includes(basename(file, ".bench.ts")));
const values = new Map<string, number>();
let broken = 0;
for (const file of files) {
  console.error(`▸ ${basename(file, ".bench.ts")}`);
  try {
    const { measure } = (await import(resolve(file))) as { measure: () => Promise<Measurement[]> };
    for (const { name, value } of await measure()) {
      if (!figures.some((figure) => figure.name === name)) throw new Error(`${name} is not in test/bench/figures.ts`);
      values.set(name, value);
    }
  } catch (error) {
    broken += 1;
    console.error(`bench: ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const where = { machine: `${cpus()[0]?.model.trim() ?? "unknown"} × ${cpus().length}`, commit: commit() };
const entries = figures.map((figure) => entryOf(figure, values.get(figure.name), where));
mkdirSync("build", { recursive: true });
writeFileSync("build/bench.json", JSON.stringify(entries, null, 2) + "\n");
print(entries);
process.exitCode = broken > 0 || entries.some((entry) => entry.holds === false) ? 1 : 0;
