// A case out of a recording: the module must do with its frames what was done then.

import { resolve } from "node:path";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { Differ, diffFrame } from "../recording/diff.ts";
import { RecordingReader } from "../recording/reader.ts";
import { chooseStream, replayFrames } from "../recording/replay.ts";
import type { Subject } from "./case_run.ts";
import type { CaseFile } from "./case_schema.ts";

type RecordingSpec = NonNullable<CaseFile["recording"]>;

/** Frames that may fail before the rest is left out: each may take its limit of time. */
const MOST_FAILED = 3;

export async function recordedCase(
  given: CaseFile,
  spec: RecordingSpec,
  folder: string,
  subject: Subject,
): Promise<{ problems: string[]; times: number[]; log: string[] }> {
  const reader = new RecordingReader(resolve(folder, spec.file));
  try {
    const stream = chooseStream(reader, subject.kind, spec.element);
    const differ = new Differ(stream.labels, stream.labels);
    const log: string[] = [];
    const times: number[] = [];
    const problems: string[] = [];
    const options = { parameters: given.parameters, limits: given.limits, from: spec.from, count: spec.count, log };
    for await (const { recorded, replayed } of replayFrames(reader, stream, subject, options)) {
      times.push(replayed.us);
      if (replayed.error) problems.push(`frame ${times.length - 1}: ${replayed.error}`);
      else differ.add(diffFrame(stream, recorded, replayed, given.tolerance.iou));
      if (problems.length === MOST_FAILED) break;
    }
    if (problems.length > 0) return { problems, times, log };
    if (times.length === 0) throw new ExpectedError(EXIT.configuration, `${spec.file} has no such frames`);
    const { agreement, events } = differ.report();
    if (agreement < spec.agreement) {
      problems.push(`${percent(agreement)} of the objects are as recorded, expected ${percent(spec.agreement)}`);
    }
    const off = events.filter(({ onlyA, onlyB }) => onlyA + onlyB > 0);
    if (spec.events)
      problems.push(...off.map(({ type, onlyA, onlyB }) => `events ${type}: ${onlyA} missing, ${onlyB} too many`));
    return { problems, times, log };
  } finally {
    reader.close();
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
