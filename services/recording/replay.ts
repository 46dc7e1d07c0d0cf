// Runs a module over the frames of a recording, as fast as it goes.

import { EXIT, ExpectedError } from "../log/errors.ts";
import { Rig, type RigFrame, type RigResult, type RigSetup } from "../modules/rig.ts";
import { type BundleLimits, limitsSchema } from "../postprocess/bundle_schema.ts";
import type { FrameOutput } from "./diff.ts";
import type { StreamInfo } from "./format.ts";
import type { RecordingReader } from "./reader.ts";
import type { FrameParts } from "./writer.ts";

export interface ReplayOptions {
  /** Over those of the recording. */
  parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Instead of those of the recording: the parameters of a bundle. */
  baseParameters?: Readonly<Record<string, unknown>> | undefined;
  labels?: readonly string[] | undefined;
  /** Whether an operator may run: code without a sandbox. Default: no. */
  runOperator?: boolean | undefined;
  limits?: Partial<BundleLimits> | undefined;
  /** Frames that are passed over at the beginning. */
  from?: number;
  count?: number | undefined;
  /** Called when the module has started: what comes after is its own time. */
  onStart?: () => void;
  /** What the module says is added here. */
  log?: string[];
}

export interface ReplayModule {
  file: string;
  binary: Buffer;
  kind: RigSetup["kind"];
}

export interface ReplayedFrame {
  parts: FrameParts;
  recorded: { record: Uint8Array; a: FrameOutput };
  replayed: RigResult;
}

/** Given at a time: waiting for a thread costs more than decoding a small frame. */
const BATCH = 16;
/** A whole batch may take so many times the limit of one frame's. */
const MOST_MS = 60_000;

/**
 * The stream that a module of this kind can be run over: that of the element that ran one of the same `name`, if there is one.
 * @throws ExpectedError that says what there is
 */
export function chooseStream(
  reader: RecordingReader,
  kind: RigSetup["kind"] | undefined,
  element: string | undefined,
  name = "",
): StreamInfo {
  const all = reader.streams.filter(({ frames }) => frames > 0).map(({ info }) => info);
  const fitting = all.filter(
    (info) => (kind === undefined || info.kind === kind) && (element === undefined || info.element === element),
  );
  // Elements come in the order of their connection; the tracker is what most modules stand in for.
  const [first] = [...fitting].sort((a, b) => rank(a, name) - rank(b, name));
  if (first) return first;
  const there = all.map(({ element: name, kind: its }) => `${name} (${its})`).join(", ") || "no frames at all";
  const wanted = [kind && `of kind ${kind}`, element && `of element ${element}`].filter(Boolean).join(" ");
  throw new ExpectedError(EXIT.configuration, `${reader.file} has no stream ${wanted}; it has ${there}`);
}

function rank({ element, bundle }: StreamInfo, name: string): number {
  if (bundle.name === name) return 0;
  return ["infer", "tracker"].indexOf(element.split("#")[0] ?? "") + 1 || 9;
}

/** @throws Refusal when the module does not start with what was recorded */
export async function* replayFrames(
  reader: RecordingReader,
  stream: StreamInfo,
  module: ReplayModule,
  options: ReplayOptions,
): AsyncGenerator<ReplayedFrame> {
  if (stream.kind === "detect" && stream.tensors.length === 0) {
    const advice = "record again without --no-tensors, or replay an analyze module";
    throw new ExpectedError(EXIT.configuration, `${reader.file} has no tensors: ${advice}`);
  }
  const rig = await Rig.open(module.file, module.binary, setupFor(stream, module, options));
  options.onStart?.();
  const { from = 0, count = Number.POSITIVE_INFINITY } = options;
  let index = 0;
  let batch: FrameParts[] = [];
  try {
    for (const parts of reader.frames(stream.stream)) {
      const at = index++;
      if (at < from) continue;
      if (at >= from + count) break;
      batch.push(parts);
      if (batch.length < BATCH) continue;
      yield* await runBatch(rig, batch);
      batch = [];
    }
    if (batch.length > 0) yield* await runBatch(rig, batch);
  } finally {
    options.log?.push(...rig.log);
    await rig.close();
  }
}

/** The first frames of a stream. @throws ExpectedError when there are none */
export function recordedFrames(reader: RecordingReader, stream: StreamInfo, most: number): RigFrame[] {
  const frames: RigFrame[] = [];
  for (const parts of reader.frames(stream.stream)) {
    frames.push(frameOf(parts));
    if (frames.length === most) break;
  }
  if (frames.length > 0) return frames;
  throw new ExpectedError(EXIT.configuration, `${reader.file} has no frames of ${stream.element}`);
}

async function runBatch(rig: Rig, batch: readonly FrameParts[]): Promise<ReplayedFrame[]> {
  const results = await rig.run(batch.map(frameOf));
  // A batch fails as a whole: alone, only the frame that cannot be decoded does.
  const isFailed = results.length > 1 && results.some(({ error }) => error !== "");
  const single = isFailed ? await oneByOne(rig, batch) : results;
  return batch.map((parts, i) => ({
    parts,
    recorded: { record: parts.record, a: { objects: parts.objectsOut, events: parts.eventsOut, aux: parts.auxOut } },
    replayed: single[i]!,
  }));
}

async function oneByOne(rig: Rig, batch: readonly FrameParts[]): Promise<RigResult[]> {
  const results: RigResult[] = [];
  await rig.restart().catch(() => {});
  for (const parts of batch) results.push((await rig.run([frameOf(parts)]))[0]!);
  return results;
}

function frameOf({ record, objectsIn, auxIn, outputs }: FrameParts): RigFrame {
  return { record, objects: objectsIn, aux: auxIn, outputs };
}

/** What a module of a recorded element is run with. */
export function setupFor(stream: StreamInfo, { kind }: ReplayModule, options: ReplayOptions): RigSetup {
  const recorded = limitsSchema.parse(known(stream.limits));
  const limits = { ...recorded, ...options.limits };
  return {
    kind,
    labels: options.labels ?? stream.labels,
    network: stream.network,
    outputs: stream.tensors.map(({ name, dataType, dims, scale, zeroPoint }) => {
      return { name, dataType: dataType as RigSetup["outputs"][number]["dataType"], dims, scale, zeroPoint };
    }),
    parameters: { ...(options.baseParameters ?? stream.parameters), ...options.parameters },
    // What came in must fit, whatever the new bundle allows.
    limits: {
      ...limits,
      objects: Math.max(limits.objects, recorded.objects),
      "aux-bytes": Math.max(limits["aux-bytes"], recorded["aux-bytes"]),
      "batch-ms": Math.min(MOST_MS, limits["batch-ms"] * BATCH),
    },
    batch: BATCH,
    runOperator: options.runOperator,
  };
}

/** Limits that a newer Nightjar has recorded are passed over. */
function known(limits: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(limits).filter(([key]) => key in limitsSchema.shape));
}
