// The two sides of a replay. Left is what is compared with: the recording, another module over the same frames, or another
// recording. Right is a module over the recording, or the recording itself.

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { readWasm } from "../modules/wasm_info.ts";
import { loadBundle } from "../postprocess/bundle.ts";
import type { FrameOutput } from "./diff.ts";
import type { StreamInfo } from "./format.ts";
import { type FrameKey, type PairedBy, pairFrames } from "./pairing.ts";
import { RecordingReader } from "./reader.ts";
import { readFrame } from "./records.ts";
import { chooseStream, type ReplayedFrame, type ReplayModule, type ReplayOptions, replayFrames } from "./replay.ts";
import type { FrameParts } from "./writer.ts";

type Given = Readonly<Record<string, unknown>> | undefined;

/** A module with all that it is run with. */
export interface ModuleSide {
  name: string;
  module: ReplayModule;
  options: ReplayOptions;
  labels: readonly string[];
  warnings: string[];
}

/** What a frame is compared with. */
export interface LeftFrame {
  record: Uint8Array;
  out: FrameOutput;
  /** Why it failed; "" when it did not. */
  error: string;
}

export interface LeftSide {
  readonly name: string;
  /** By class id. */
  readonly labels: readonly string[];
  readonly warnings: readonly string[];
  /** How the frames of two recordings found each other. */
  readonly pairedBy: PairedBy | undefined;
  /** Of the right side's frame `index`, in their order; undefined: it has no partner. */
  next(index: number, frame: ReplayedFrame): Promise<LeftFrame | undefined>;
  close(): Promise<void>;
}

export async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** The recording itself. */
export function recordedLeft(stream: StreamInfo): LeftSide {
  return {
    name: "recording",
    labels: stream.labels,
    warnings: [],
    pairedBy: undefined,
    next: async (_, { recorded }) => ({ record: recorded.record, out: recorded.a, error: "" }),
    close: async () => {},
  };
}

/** Another module or bundle over the same frames. */
export function moduleLeft(reader: RecordingReader, stream: StreamInfo, side: ModuleSide): LeftSide {
  const frames = replayFrames(reader, stream, side.module, side.options);
  return {
    name: side.name,
    labels: side.labels,
    warnings: side.warnings,
    pairedBy: undefined,
    next: async (_, { recorded }) => {
      const { value } = await frames.next();
      return value && { record: recorded.record, out: value.replayed, error: value.replayed.error };
    },
    close: async () => {
      await frames.return(undefined);
    },
  };
}

/** What another recording has of the same frames. @throws ExpectedError when the two have none in common */
export function recordingLeft(reader: RecordingReader, stream: StreamInfo, file: string): LeftSide {
  const other = new RecordingReader(file);
  try {
    const its = chooseStream(other, stream.kind, stream.element);
    const frames = [...other.frames(its.stream)].map(({ record, objectsOut, eventsOut, auxOut }) => {
      return { record, out: { objects: objectsOut, events: eventsOut, aux: auxOut }, error: "" };
    });
    const keys = keysOf(other, frames);
    const pairing = pairFrames(keysOf(reader, [...reader.frames(stream.stream)]), keys);
    if (!pairing) {
      const problem = "have no frame in common: neither the time of capture, nor that of the stream, nor a picture";
      throw new ExpectedError(EXIT.configuration, `${reader.file} and ${file} ${problem}`);
    }
    const left = frames.length - pairing.pairs.size;
    return {
      name: nameOf(file),
      labels: labelsOf(other, its),
      warnings: left > 0 ? [`${left} of ${frames.length} frames of ${file} are not in ${reader.file}`] : [],
      pairedBy: pairing.by,
      next: async (index) => {
        const at = pairing.pairs.get(index);
        return at === undefined ? undefined : frames[at];
      },
      close: async () => {},
    };
  } finally {
    other.close();
  }
}

export function nameOf(file: string): string {
  return basename(file, ".njrec");
}

/** Of the stream, or of the recording's detector: analyze bundles mostly have none. */
export function labelsOf(reader: RecordingReader, { labels }: StreamInfo): readonly string[] {
  if (labels.length > 0) return labels;
  return reader.streams.find(({ info }) => info.labels.length > 0)?.info.labels ?? [];
}

/** The recording as it is, in the form of a replay. */
export async function* recordedFrames(reader: RecordingReader, stream: StreamInfo): AsyncGenerator<ReplayedFrame> {
  for (const parts of reader.frames(stream.stream)) {
    const a = { objects: parts.objectsOut, events: parts.eventsOut, aux: parts.auxOut };
    yield { parts, recorded: { record: parts.record, a }, replayed: { ...a, us: 0, error: "" } };
  }
}

/** Small pictures are those of the detector's frames: the same frame has the same number there. */
function keysOf(reader: RecordingReader, frames: readonly Pick<FrameParts, "record">[]): FrameKey[] {
  const pictures = new Map<string, string>();
  for (const { info } of reader.streams) {
    if (!info.thumbnail) continue;
    for (const { record, thumbnail } of reader.frames(info.stream)) {
      if (thumbnail.length > 0) pictures.set(placeOf(record), createHash("sha1").update(thumbnail).digest("base64"));
    }
  }
  return frames.map(({ record }) => {
    const { capture, pts } = readFrame(record);
    return { capture, pts, picture: pictures.get(placeOf(record)) ?? "" };
  });
}

function placeOf(record: Uint8Array): string {
  const { sourceId, number, capture } = readFrame(record);
  return `${sourceId}/${number}/${capture}`;
}

/** @param path a .wasm file or the directory of a bundle. @throws ExpectedError when it cannot be read or is none */
export async function sideOf(
  path: string,
  stream: StreamInfo,
  parameters: Given,
  runOperator: boolean | undefined,
): Promise<ModuleSide> {
  const side = await ((await isDirectory(path)) ? bundleSide : moduleSide)(path, stream, parameters);
  return { ...side, options: { ...side.options, runOperator } };
}

async function bundleSide(path: string, stream: StreamInfo, parameters: Given): Promise<ModuleSide> {
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
async function moduleSide(path: string, stream: StreamInfo, parameters: Given): Promise<ModuleSide> {
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
