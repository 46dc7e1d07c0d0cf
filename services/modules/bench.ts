// What a frame costs a module: in its worker, with the copies into its memory and out of it, on the frames of its cases or of a
// recording.

import { dirname, resolve } from "node:path";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { RecordingReader } from "../recording/reader.ts";
import { chooseStream, recordedFrames, setupFor } from "../recording/replay.ts";
import { caseFrames, setupOf } from "./case_frames.ts";
import { quantile, type Subject } from "./case_run.ts";
import { readCase } from "./case_schema.ts";
import { Rig, type RigFrame, type RigSetup } from "./rig.ts";

export interface BenchRow {
  name: string;
  /** Measured, and before that. */
  frames: number;
  warmUp: number;
  /** Microseconds of a frame. */
  medianUs: number;
  p99Us: number;
  worstUs: number;
  /** Of the very first frame, after the host's own warm-up. */
  firstUs: number;
}

export interface BenchOptions {
  /** Frames that are measured. */
  frames: number;
  /** Frames before that, which V8 needs to compile at its best. */
  warmUp: number;
}

/** Of a case, kept in memory; longer ones begin anew. */
const MOST_FRAMES = 256;

/** Undefined for a case that is not to start. */
export async function benchCase(file: string, subject: Subject, options: BenchOptions): Promise<BenchRow | undefined> {
  const given = await readCase(file);
  if (given.fails !== undefined) return undefined;
  const folder = dirname(resolve(file));
  if (given.recording)
    return benchRecording(resolve(folder, given.recording.file), subject, options, given.recording.element, given.name);
  const frames: RigFrame[] = [];
  for await (const { frame } of caseFrames(given, folder)) {
    frames.push(frame);
    if (frames.length === MOST_FRAMES) break;
  }
  return bench(given.name, subject, setupOf(given, subject.kind, subject.parameters), frames, options);
}

/** @throws ExpectedError when the recording has no such frames */
export async function benchRecording(
  file: string,
  subject: Subject,
  options: BenchOptions,
  element?: string,
  name = file,
): Promise<BenchRow> {
  const reader = new RecordingReader(file);
  try {
    const stream = chooseStream(reader, subject.kind, element);
    const frames = recordedFrames(reader, stream, MOST_FRAMES);
    const setup = { ...setupFor(stream, subject, { baseParameters: subject.parameters }), batch: 1 };
    return await bench(name, subject, setup, frames, options);
  } finally {
    reader.close();
  }
}

async function bench(
  name: string,
  { file, binary }: Subject,
  setup: RigSetup,
  frames: readonly RigFrame[],
  { frames: count, warmUp }: BenchOptions,
): Promise<BenchRow> {
  const rig = await Rig.open(file, binary, setup);
  const times: number[] = [];
  try {
    for (let i = 0; i < warmUp + count; i++) {
      const [result] = await rig.run([frames[i % frames.length]!]);
      if (result!.error)
        throw new ExpectedError(EXIT.configuration, `${name}: frame ${i % frames.length}: ${result!.error}`);
      times.push(result!.us);
    }
  } finally {
    await rig.close();
  }
  const measured = times.slice(warmUp);
  return {
    name,
    frames: measured.length,
    warmUp,
    medianUs: quantile(measured, 0.5),
    p99Us: quantile(measured, 0.99),
    worstUs: measured.reduce((most, us) => Math.max(most, us), 0),
    firstUs: times[0] ?? 0,
  };
}
