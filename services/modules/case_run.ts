// Runs a case of a module, and says what was not as expected.

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ExpectedError } from "../log/errors.ts";
import { Refusal } from "../postprocess/refusal.ts";
import { readEvents, readObjects } from "../recording/records.ts";
import { caseFrames, setupOf } from "./case_frames.ts";
import { type CaseFile, readCase } from "./case_schema.ts";
import { differences, type Tracks } from "./compare.ts";
import { recordedCase } from "./recorded_case.ts";
import { Rig, type RigResult, type RigSetup } from "./rig.ts";

export interface CaseResult {
  file: string;
  name: string;
  passed: boolean;
  /** What was not as expected, with the frame. */
  problems: string[];
  frames: number;
  /** Median and 99th percentile of a frame, microseconds; 0 when none was run. */
  medianUs: number;
  p99Us: number;
  ms: number;
  /** What the module said; shown with problems. */
  log: string[];
}

/** A module to test. */
export interface Subject {
  file: string;
  binary: Buffer;
  kind: RigSetup["kind"];
  /** Under those of the case: what the folder's bundle.yaml says. */
  parameters: RigSetup["parameters"];
}

/** What a case may say of each frame before the rest is left out. */
const MOST_PROBLEMS = 20;

/** Never throws for what the module does, nor for a case that is wrong: that is a case that failed. */
export async function runCase(file: string, subject: Subject): Promise<CaseResult> {
  const began = performance.now();
  const outcome = { name: file, problems: [] as string[], times: [] as number[], log: [] as string[] };
  try {
    const given = await readCase(file);
    outcome.name = given.name;
    if (given.recording)
      Object.assign(outcome, await recordedCase(given, given.recording, dirname(resolve(file)), subject));
    else await runFrames(given, dirname(resolve(file)), subject, outcome);
    checkTime(given, outcome);
  } catch (error) {
    if (!(error instanceof ExpectedError) && !(error instanceof Refusal)) throw error;
    outcome.problems.push(error.message);
  }
  const { name, times, log } = outcome;
  const problems = grouped(outcome.problems);
  const [medianUs, p99Us] = [quantile(times, 0.5), quantile(times, 0.99)];
  const ms = Math.round(performance.now() - began);
  return { file, name, passed: problems.length === 0, problems, frames: times.length, medianUs, p99Us, ms, log };
}

interface Running {
  problems: string[];
  times: number[];
  log: string[];
}

async function runFrames(given: CaseFile, folder: string, subject: Subject, outcome: Running): Promise<void> {
  const rig = await open(given, subject, outcome);
  if (!rig) return;
  const tracks: Tracks = new Map();
  let number = 0;
  try {
    for await (const { spec, frame } of caseFrames(given, folder)) {
      if (spec.restart) await rig.restart();
      const [result] = await rig.run([frame]);
      const problems = differences(seen(result!), spec.expect, given.tolerance, given.labels, tracks);
      outcome.times.push(result!.us);
      outcome.problems.push(...problems.map((problem) => `frame ${number}: ${problem}`));
      number++;
      if (outcome.problems.length > MOST_PROBLEMS) return;
    }
  } finally {
    outcome.log.push(...rig.log);
    await rig.close();
  }
}

/** Undefined when it does not start, which may be what is expected. */
async function open(
  given: CaseFile,
  { file, binary, kind, parameters }: Subject,
  outcome: Running,
): Promise<Rig | undefined> {
  try {
    const rig = await Rig.open(file, binary, setupOf(given, kind, parameters));
    if (given.fails === undefined) return rig;
    await rig.close();
    outcome.problems.push(`expected to be refused with "${given.fails}", but it started`);
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (given.fails === undefined) outcome.problems.push(error.message);
    else if (!error.message.includes(given.fails)) {
      outcome.problems.push(`expected to be refused with "${given.fails}", was refused with: ${error.message}`);
    }
    return undefined;
  }
}

const OF_FRAME = /^frame (\d+): (.*)$/s;

/** What several frames on end have in common is said once. */
export function grouped(problems: readonly string[]): string[] {
  const groups: { text: string; first: number; last: number }[] = [];
  for (const problem of problems) {
    const [, number, text = problem] = OF_FRAME.exec(problem) ?? [];
    const frame = number === undefined ? -1 : Number(number);
    const before = groups.findLast((group) => group.text === text && frame >= 0 && frame - group.last <= 1);
    if (before) before.last = frame;
    else groups.push({ text, first: frame, last: frame });
  }
  return groups.map(({ text, first, last }) => {
    if (first < 0) return text;
    return first === last ? `frame ${first}: ${text}` : `frames ${first} to ${last}: ${text}`;
  });
}

function seen({ objects, events, error }: RigResult) {
  return { objects: readObjects(objects), events: readEvents(events), error };
}

function checkTime({ "frame-us": limit }: CaseFile, { problems, times }: Running): void {
  if (limit === undefined || times.length === 0) return;
  const median = quantile(times, 0.5);
  if (median > limit)
    problems.push(`a frame takes ${Math.round(median)} us (median), at most ${limit} are allowed (frame-us)`);
}

/** 0 without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** The module of a file, with the kind that its manifest says. @throws ExpectedError when it cannot be read */
export async function subjectOf(
  file: string,
  kind: RigSetup["kind"],
  parameters: RigSetup["parameters"],
): Promise<Subject> {
  return { file, binary: await readFile(file), kind, parameters };
}
