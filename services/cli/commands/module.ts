import { stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { BenchOptions, BenchRow } from "../../modules/bench.ts";
import type { Built } from "../../modules/build.ts";
import { buildApart } from "../../modules/build_process.ts";
import { KINDS, type ModuleKind, newModule } from "../../modules/template.ts";
import { type CommandSpec, isOn, type OptionSpec, textOf, type Values } from "../command.ts";
import { table } from "../table.ts";

// What runs modules brings V8 flags along, which nothing else here wants: it is imported by the commands that need it.

const DIRECTORY = { name: "<directory>", description: "folder of the module" };
const MODULE = { name: "<module>", description: "folder of the module, or its .wasm file (of whatever language)" };
const FORCE: OptionSpec = { flags: "--force", description: "compile also when nothing has changed" };

export const moduleNew: CommandSpec = {
  name: "module new",
  summary: "make the folder of a new module, with cases: a rule (analyze) or a decoder (detect)",
  arguments: [{ name: "<directory>", description: "the new folder; its last part is the module's name" }],
  options: [{ flags: "--kind <kind>", description: "analyze or detect", default: "analyze" }],
  json: true,
  run: async (values) => {
    const directory = textOf(values, "directory") ?? "";
    const kind = textOf(values, "kind") ?? "";
    if (!KINDS.includes(kind as ModuleKind)) {
      throw new ExpectedError(EXIT.usage, `--kind: found "${kind}", expected ${KINDS.join(" or ")}`);
    }
    const files = await newModule(directory, kind as ModuleKind);
    const text = [
      `${directory}: ${files.join(", ")}`,
      "",
      `  nightjar module test ${directory}    build it and run its cases`,
      `  ${join(directory, "assembly/index.ts")}    what to change first`,
    ].join("\n");
    return { exitCode: EXIT.ok, text, json: { directory: resolve(directory), files } };
  },
};

export const moduleBuild: CommandSpec = {
  name: "module build",
  summary: "compile a module, and put its bundle together",
  arguments: [DIRECTORY],
  options: [FORCE],
  json: true,
  run: async (values, terminal) => {
    const built = await build(values, terminal.stderr);
    return { exitCode: EXIT.ok, text: builtText(built), json: built };
  },
};

export const moduleTest: CommandSpec = {
  name: "module test",
  summary: "build a module and run its cases under its limits; exit code 3 when one fails",
  arguments: [MODULE],
  options: [
    FORCE,
    {
      flags: "--cases <directory>",
      description: "where the cases are (default: cases/ of the folder, or beside the file)",
    },
    { flags: "--case <text>", description: "only cases with this in the name of their file" },
    { flags: "--junit <file>", description: "write a report for a CI system" },
  ],
  json: true,
  run: async (values, terminal) => {
    const { file, cases } = await subjectOfTest(values, terminal.stderr);
    const { junit, testModule, testText } = await import("../../modules/test.ts");
    const report = await testModule(file, textOf(values, "cases") ?? cases, textOf(values, "case") ?? "");
    const target = textOf(values, "junit");
    if (target !== undefined) await write(target, junit(report));
    return { exitCode: report.failed === 0 ? EXIT.ok : EXIT.configuration, text: testText(report), json: report };
  },
};

export const moduleInspect: CommandSpec = {
  name: "module inspect",
  summary: "what a module is: manifest, parameters, ABI, imports, memory, size",
  arguments: [{ name: "<file>", description: "the .wasm file" }],
  json: true,
  run: async (values) => {
    const { inspectionText, inspectModule } = await import("../../modules/inspect.ts");
    const inspection = await inspectModule(textOf(values, "file") ?? "");
    const exitCode = inspection.problems.length === 0 ? EXIT.ok : EXIT.configuration;
    return { exitCode, text: inspectionText(inspection), json: inspection };
  },
};

export const moduleBench: CommandSpec = {
  name: "module bench",
  summary: "measure what a frame costs a module, on its cases or on a recording",
  arguments: [MODULE],
  options: [
    { flags: "--case <file>", description: "this case; for a .wasm file without a folder" },
    { flags: "--recording <file>", description: "on the frames of a recording (nightjar record)" },
    {
      flags: "-n, --frames <number>",
      description: "frames that are measured (default: 2000)",
      parse: countOf("--frames"),
    },
    { flags: "--warm-up <number>", description: "frames before that (default: 500)", parse: countOf("--warm-up") },
  ],
  json: true,
  run: async (values, terminal) => {
    const rows = await bench(values, terminal.stderr);
    return { exitCode: EXIT.ok, text: benchText(rows), json: rows };
  },
};

async function build(values: Values, stderr: NodeJS.WritableStream): Promise<Built> {
  return buildApart(textOf(values, "directory") ?? textOf(values, "module") ?? "", isOn(values, "force"), (text) =>
    stderr.write(`${text}\n`),
  );
}

function builtText({ file, bytes, fresh, ms, bundle, bundleProblem }: Built): string {
  const lines = [`${relative(process.cwd(), file)}: ${bytes} bytes${fresh ? ` in ${ms} ms` : ", up to date"}`];
  if (bundle !== undefined) lines.push(`${relative(process.cwd(), bundle)}: its bundle`);
  if (bundleProblem !== "") lines.push(`no bundle: ${bundleProblem}`);
  return lines.join("\n");
}

/** The module's file, and where its cases are. */
async function subjectOfTest(values: Values, stderr: NodeJS.WritableStream): Promise<{ file: string; cases: string }> {
  const target = resolve(textOf(values, "module") ?? "");
  if ((await stat(target).catch(() => undefined))?.isFile())
    return { file: target, cases: join(dirname(target), "cases") };
  return { file: (await build(values, stderr)).file, cases: join(target, "cases") };
}

async function bench(values: Values, stderr: NodeJS.WritableStream): Promise<BenchRow[]> {
  const target = textOf(values, "module") ?? "";
  const isFolder = (await stat(target).catch(() => undefined))?.isDirectory() ?? false;
  const file = isFolder ? (await build(values, stderr)).file : target;
  const { benchCase, benchRecording } = await import("../../modules/bench.ts");
  const { inspectModule } = await import("../../modules/inspect.ts");
  const { caseFiles } = await import("../../modules/test.ts");
  const { subjectOf } = await import("../../modules/case_run.ts");
  const { kind } = await inspectModule(file);
  if (kind === "")
    throw new ExpectedError(EXIT.configuration, `${file} is no module of Nightjar: nightjar module inspect says why`);
  const subject = await subjectOf(file, kind, {});
  const options: BenchOptions = { frames: numberOf(values.frames, 2000), warmUp: numberOf(values.warmUp, 500) };
  const recording = textOf(values, "recording");
  if (recording !== undefined) return [await benchRecording(recording, subject, options)];
  const only = textOf(values, "case");
  if (only === undefined && !isFolder) {
    throw new ExpectedError(
      EXIT.usage,
      `${basename(file)} alone says nothing of its input: give --case FILE or --recording FILE`,
    );
  }
  const rows: BenchRow[] = [];
  for (const path of only === undefined ? await caseFiles(join(resolve(target), "cases")) : [only]) {
    const row = await benchCase(path, subject, options);
    if (row) rows.push(row);
  }
  return rows;
}

function benchText(rows: readonly BenchRow[]): string {
  const us = (value: number) => (value < 100 ? value.toFixed(1) : String(Math.round(value)));
  return table(
    ["CASE", "MEDIAN us", "P99 us", "WORST us", "FIRST us", "FRAMES", "WARM-UP"],
    rows.map(({ name, medianUs, p99Us, worstUs, firstUs, frames, warmUp }) => {
      return [name, us(medianUs), us(p99Us), us(worstUs), us(firstUs), String(frames), String(warmUp)];
    }),
  );
}

function countOf(option: string): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (Number.isInteger(count) && count >= 1 && count <= 1_000_000) return count;
    throw new ExpectedError(EXIT.usage, `${option}: found "${text}", expected a whole number from 1 to 1000000`);
  };
}

function numberOf(value: unknown, standard: number): number {
  return typeof value === "number" ? value : standard;
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((error: unknown) => {
    throw new ExpectedError(EXIT.environment, `${file} cannot be written: ${messageOf(error)}`);
  });
}
