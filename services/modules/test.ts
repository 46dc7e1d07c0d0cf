// Runs all cases of a module's folder, for people and for machines.

import { readdir } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { type CaseResult, runCase, subjectOf } from "./case_run.ts";
import { inspectModule } from "./inspect.ts";

export interface TestReport {
  module: string;
  passed: number;
  failed: number;
  ms: number;
  cases: CaseResult[];
}

/**
 * `file`: the module. `folder`: of its cases. `only`: part of the names of those to run.
 * @throws ExpectedError when there are none, or the module is none
 */
export async function testModule(file: string, folder: string, only: string): Promise<TestReport> {
  const began = performance.now();
  const { kind, manifest, problems } = await inspectModule(file);
  if (kind === "") throw new ExpectedError(EXIT.configuration, `${file} cannot be run: ${problems.join("; ")}`);
  const subject = await subjectOf(file, kind, {});
  const name = manifest?.name ?? basename(file, ".wasm");
  const cases: CaseResult[] = [];
  // One after the other: their times are measured.
  for (const path of await caseFiles(folder, only)) cases.push(await runCase(path, subject));
  const passed = cases.filter((result) => result.passed).length;
  return { module: name, passed, failed: cases.length - passed, ms: Math.round(performance.now() - began), cases };
}

/** @throws ExpectedError when there are none */
export async function caseFiles(folder: string, only = ""): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).sort();
  if (names.length === 0) {
    throw new ExpectedError(
      EXIT.configuration,
      `${folder} has no cases (*.yaml): docs/reference/module-cases.md shows one`,
    );
  }
  const chosen = names.filter((name) => name.includes(only));
  if (chosen.length > 0) return chosen.map((name) => join(folder, name));
  throw new ExpectedError(EXIT.usage, `no case in ${folder} has "${only}" in its name; there is ${names.join(", ")}`);
}

export function testText({ module, passed, failed, ms, cases }: TestReport): string {
  const lines = cases.flatMap((result) => {
    const times = result.frames > 0 ? ` (${result.frames} frames, median ${Math.round(result.medianUs)} us)` : "";
    const log = result.passed ? [] : result.log.map((line) => `    module: ${line}`);
    return [
      `${result.passed ? "✓" : "✗"} ${result.name}${times}`,
      ...result.problems.map((text) => `    ${text}`),
      ...log,
    ];
  });
  return [...lines, `${module}: ${passed} passed, ${failed} failed in ${ms} ms`].join("\n");
}

/** The report that CI systems read: https://github.com/testmoapp/junitxml */
export function junit({ module, failed, ms, cases }: TestReport): string {
  const body = cases.map(({ name, file, ms: took, problems }) => {
    const place = `classname="${escapeXml(module)}" file="${escapeXml(relative(process.cwd(), file))}"`;
    const open = `  <testcase name="${escapeXml(name || basename(file))}" ${place} time="${took / 1000}"`;
    if (problems.length === 0) return `${open}/>`;
    const [first = ""] = problems;
    return `${open}>\n    <failure message="${escapeXml(first)}">${escapeXml(problems.join("\n"))}</failure>\n  </testcase>`;
  });
  const head = `<testsuite name="${escapeXml(module)}" tests="${cases.length}" failures="${failed}" time="${ms / 1000}">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${[head, ...body, "</testsuite>"].join("\n")}\n`;
}

function escapeXml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (sign) => entities[sign]!).replaceAll(/[^\P{Cc}\n]/gu, " ");
}
