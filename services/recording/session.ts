// One replay: a module over a recording, compared with what was recorded or with another module over the same frames.

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { inspectModule } from "../modules/inspect.ts";
import { readWasm } from "../modules/wasm_info.ts";
import { loadBundle } from "../postprocess/bundle.ts";
import { classMap, Differ, type DiffReport, diffFrame, type FrameDiff } from "./diff.ts";
import type { StreamInfo } from "./format.ts";
import { RecordingReader } from "./reader.ts";
import { chooseStream, type ReplayModule, type ReplayOptions, replayFrames } from "./replay.ts";

export interface SessionOptions {
  file: string;
  /** A .wasm file; undefined with `bundle` undefined too: the bundle that served. */
  module?: string | undefined;
  bundle?: string | undefined;
  /** A .wasm file or the directory of a bundle; undefined: the recording. */
  against?: string | undefined;
  element?: string | undefined;
  parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Least overlap of two boxes that are the same object. */
  iou: number;
}

export interface Session {
  stream: StreamInfo;
  /** By class id, for people: analyze bundles mostly have none, the detector of the same recording does. */
  labels: readonly string[];
  /** Names of both sides. */
  a: string;
  b: string;
  report: DiffReport;
  /** Frames that the module failed on, and the last reason. */
  failed: number;
  lastError: string;
  /** Of the module alone, from frame to frame. */
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

interface Side {
  name: string;
  module: ReplayModule;
  options: ReplayOptions;
  labels: readonly string[];
  warnings: string[];
}

/** @throws ExpectedError or Refusal when something does not fit */
export async function replaySession(options: SessionOptions): Promise<Session> {
  const reader = new RecordingReader(options.file);
  try {
    const wanted = options.bundle ?? options.module;
    const kind = wanted === undefined ? undefined : await kindOf(wanted);
    const stream = chooseStream(reader, kind, options.element);
    const b = await sideOf(wanted ?? stream.bundle.directory, stream, options.parameters);
    const a = options.against === undefined ? undefined : await sideOf(options.against, stream, undefined);
    return await run(reader, stream, a, b, options.iou);
  } finally {
    reader.close();
  }
}

async function run(
  reader: RecordingReader,
  stream: StreamInfo,
  a: Side | undefined,
  b: Side,
  iou: number,
): Promise<Session> {
  const labels = a?.labels ?? stream.labels;
  const shown =
    labels.length > 0 ? labels : (reader.streams.find(({ info }) => info.labels.length > 0)?.info.labels ?? []);
  const differ = new Differ(shown, b.labels);
  const classOfB = classMap(labels, b.labels);
  const frames: FrameDiff[] = [];
  const times: number[] = [];
  const others = a && replayFrames(reader, stream, a.module, a.options);
  const state = { failed: 0, lastError: "", dropped: 0 };
  let busy = 0;
  let began = performance.now();
  const onStart = () => {
    began = performance.now();
  };
  for await (const { parts, recorded, replayed } of replayFrames(reader, stream, b.module, { ...b.options, onStart })) {
    busy += performance.now() - began;
    const other = (await others?.next())?.value?.replayed;
    const left = a === undefined ? recorded : { record: recorded.record, a: other ?? EMPTY };
    times.push(replayed.us);
    state.dropped += parts.droppedBefore;
    if (replayed.error || other?.error) {
      state.failed++;
      state.lastError = replayed.error || `${a?.name}: ${other?.error}`;
    } else {
      const diff = diffFrame(stream, left, replayed, iou, classOfB);
      differ.add(diff);
      frames.push(diff);
    }
    began = performance.now();
  }
  await others?.return(undefined);
  const sorted = times.sort((x, y) => x - y);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    ...state,
    stream,
    labels: shown,
    a: a?.name ?? "recording",
    b: b.name,
    report: differ.report(),
    framesPerSecond: busy > 0 ? (times.length * 1000) / busy : 0,
    timesRealTime: busy > 0 ? spanMs(frames) / busy : 0,
    medianUs: at(0.5),
    p99Us: at(0.99),
    cutOff: reader.cutOff,
    warnings: [...b.warnings, ...(a?.warnings ?? [])],
    frames,
  };
}

const EMPTY = { objects: new Uint8Array(0), events: new Uint8Array(0), aux: new Uint8Array(0) };

function spanMs(frames: readonly FrameDiff[]): number {
  const [first, last] = [frames[0]?.frame.capture, frames.at(-1)?.frame.capture];
  return first && last ? Number(last - first) / 1e6 : 0;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function kindOf(path: string): Promise<"detect" | "analyze"> {
  if (await isDirectory(path)) return (await loadBundle({ kind: undefined, bundle: path })).kind;
  const { kind, problems } = await inspectModule(path);
  if (kind !== "") return kind;
  throw new ExpectedError(EXIT.configuration, `${path} cannot be run: ${problems.join("; ")}`);
}

async function sideOf(path: string, stream: StreamInfo, parameters: SessionOptions["parameters"]): Promise<Side> {
  return (await isDirectory(path)) ? bundleSide(path, stream, parameters) : moduleSide(path, stream, parameters);
}

async function bundleSide(path: string, stream: StreamInfo, parameters: SessionOptions["parameters"]): Promise<Side> {
  const bundle = await loadBundle({ kind: stream.kind, bundle: resolve(path) });
  const warnings: string[] = [];
  const { name, version, labels, limits } = bundle;
  if (stream.kind === "detect" && bundle.digest !== stream.bundle.digest) {
    warnings.push(
      `${name} ${version} decodes what the model of ${stream.bundle.name} ${stream.bundle.version} gave: its own model is not run`,
    );
  }
  // What lay over the parameters of the bundle that served is not part of this one; the same bundle has it again.
  const isSame = bundle.digest === stream.bundle.digest;
  return {
    name: `${name} ${version}`,
    module: { file: bundle.moduleFile, binary: bundle.module, kind: bundle.kind },
    options: { baseParameters: isSame ? stream.parameters : bundle.parameters, parameters, labels, limits },
    labels,
    warnings,
  };
}

/** With the parameters that were recorded, as far as the module has them. */
async function moduleSide(path: string, stream: StreamInfo, parameters: SessionOptions["parameters"]): Promise<Side> {
  const binary = await readFile(path).catch((error: unknown) => {
    const hint = path === stream.bundle.directory ? "; say with --module or --bundle what to run" : "";
    throw new ExpectedError(EXIT.configuration, `${path} cannot be read: ${messageOf(error)}${hint}`);
  });
  const { manifest } = readWasm(binary, path);
  const known = Object.entries(stream.parameters).filter(([key]) => !manifest || key in manifest.parameters);
  const left = Object.keys(stream.parameters).filter((key) => manifest && !(key in manifest.parameters));
  return {
    name: manifest ? `${manifest.name} ${manifest.version}` : path,
    module: { file: path, binary, kind: stream.kind },
    options: { baseParameters: Object.fromEntries(known), parameters },
    labels: stream.labels,
    warnings: left.length > 0 ? [`recorded parameters that ${path} does not have: ${left.join(", ")}`] : [],
  };
}
