// One replay: a module over a recording, or what was recorded, compared with one of the left sides (sides.ts).

import { EXIT, ExpectedError } from "../log/errors.ts";
import { inspectModule } from "../modules/inspect.ts";
import { loadBundle } from "../postprocess/bundle.ts";
import { classMap, Differ, type DiffReport, diffFrame, type FrameDiff } from "./diff.ts";
import type { StreamInfo } from "./format.ts";
import type { PairedBy } from "./pairing.ts";
import { isRecording, RecordingReader } from "./reader.ts";
import { chooseStream, replayFrames } from "./replay.ts";
import {
  isDirectory,
  type LeftSide,
  labelsOf,
  type ModuleSide,
  moduleLeft,
  nameOf,
  recordedFrames,
  recordedLeft,
  recordingLeft,
  sideOf,
} from "./sides.ts";

export interface SessionOptions {
  file: string;
  /**
   * A .wasm file; undefined with `bundle` undefined too: the bundle that served, or nothing but what was recorded when
   * `against` is another recording.
   */
  module?: string | undefined;
  bundle?: string | undefined;
  /** A .wasm file, the directory of a bundle, or another recording; undefined: the recording. */
  against?: string | undefined;
  element?: string | undefined;
  parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Least overlap of two boxes that are the same object. */
  iou: number;
  /** Whether operators may run: code without a sandbox. Default: no. */
  runOperator?: boolean | undefined;
}

export interface Session {
  stream: StreamInfo;
  /** By class id, for people: analyze bundles mostly have none, the detector of the same recording does. */
  labels: readonly string[];
  /** Names of both sides. */
  a: string;
  b: string;
  /** How the frames of two recordings found each other; undefined without a second one. */
  pairedBy: PairedBy | undefined;
  /** Frames that the other recording does not have; they are not compared. */
  unpaired: number;
  report: DiffReport;
  /** Frames that the module failed on, and the last reason. */
  failed: number;
  lastError: string;
  /** Of the module alone, from frame to frame; this and the times below are 0 when none was run. */
  framesPerSecond: number;
  /** Length of what was recorded over the time that it took; 0 when its times are not known. */
  timesRealTime: number;
  medianUs: number;
  p99Us: number;
  /** The recording has no end: it was cut off. */
  cutOff: boolean;
  dropped: number;
  warnings: string[];
  /** Every frame, for a page. */
  frames: FrameDiff[];
}

/** @throws ExpectedError or Refusal when something does not fit */
export async function replaySession(options: SessionOptions): Promise<Session> {
  const reader = new RecordingReader(options.file);
  try {
    const { against, runOperator } = options;
    const isOther = against !== undefined && isRecording(against);
    const wanted = options.bundle ?? options.module;
    const subject = wanted === undefined ? undefined : await subjectOf(wanted);
    const stream = chooseStream(reader, subject?.kind, options.element, subject?.name);
    // Two recordings are compared as they are, unless something is to be run.
    const isAsRecorded = isOther && wanted === undefined && options.parameters === undefined;
    const right = isAsRecorded
      ? undefined
      : await sideOf(wanted ?? stream.bundle.directory, stream, options.parameters, runOperator);
    const left =
      against === undefined
        ? recordedLeft(stream)
        : isOther
          ? recordingLeft(reader, stream, against)
          : moduleLeft(reader, stream, await sideOf(against, stream, undefined, runOperator));
    return await run(reader, stream, left, right, options.iou);
  } finally {
    reader.close();
  }
}

async function run(
  reader: RecordingReader,
  stream: StreamInfo,
  left: LeftSide,
  right: ModuleSide | undefined,
  iou: number,
): Promise<Session> {
  const rightLabels = right?.labels ?? labelsOf(reader, stream);
  const shown = left.labels.length > 0 ? left.labels : labelsOf(reader, stream);
  const differ = new Differ(shown, rightLabels);
  const classOfB = classMap(left.labels, rightLabels);
  const frames: FrameDiff[] = [];
  const times: number[] = [];
  const state = { failed: 0, lastError: "", dropped: 0, unpaired: 0 };
  let busy = 0;
  let index = 0;
  let began = performance.now();
  const onStart = () => {
    began = performance.now();
  };
  const replayed = right
    ? replayFrames(reader, stream, right.module, { ...right.options, onStart })
    : recordedFrames(reader, stream);
  for await (const frame of replayed) {
    busy += performance.now() - began;
    const other = await left.next(index++, frame);
    state.dropped += frame.parts.droppedBefore;
    if (right) times.push(frame.replayed.us);
    if (frame.replayed.error || other?.error) {
      state.failed++;
      state.lastError = frame.replayed.error || `${left.name}: ${other?.error}`;
    } else if (!other) state.unpaired++;
    else {
      const recorded = { record: frame.recorded.record, recordOfA: other.record, a: other.out };
      const diff = diffFrame(stream, recorded, frame.replayed, iou, classOfB);
      differ.add(diff);
      frames.push(diff);
    }
    began = performance.now();
  }
  await left.close();
  const sorted = times.sort((x, y) => x - y);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    ...state,
    stream,
    labels: shown,
    ...namesOf(left.name, right?.name ?? nameOf(reader.file)),
    pairedBy: left.pairedBy,
    report: differ.report(),
    framesPerSecond: right && busy > 0 ? (times.length * 1000) / busy : 0,
    timesRealTime: right && busy > 0 ? spanMs(frames) / busy : 0,
    medianUs: at(0.5),
    p99Us: at(0.99),
    cutOff: reader.cutOff,
    warnings: [...(right?.warnings ?? []), ...left.warnings],
    frames,
  };
}

/** Told apart where both are called the same. */
function namesOf(a: string, b: string): { a: string; b: string } {
  return a === b ? { a: `${a} (against)`, b } : { a, b };
}

function spanMs(frames: readonly FrameDiff[]): number {
  const [first, last] = [frames[0]?.frame.capture, frames.at(-1)?.frame.capture];
  return first && last ? Number(last - first) / 1e6 : 0;
}

/** What is to be run: its kind, and the name by which a recorded element had it. */
async function subjectOf(path: string): Promise<{ kind: "detect" | "analyze"; name: string }> {
  if (await isDirectory(path)) return loadBundle({ kind: undefined, bundle: path });
  const { kind, problems, manifest } = await inspectModule(path);
  if (kind !== "") return { kind, name: manifest?.name ?? "" };
  throw new ExpectedError(EXIT.configuration, `${path} cannot be run: ${problems.join("; ")}`);
}
