// Golden cases of a bundle: inputs with the objects that must come out, tried before the bundle serves anybody.
// docs/reference/bundle.md describes the files.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ringBell } from "../../firmware/link/addon.ts";
import { Bell, SlotState } from "../../firmware/link/protocol.ts";
import type { Slot } from "../../firmware/link/slots.ts";
import { iouOf, matchObjects } from "./agreement.ts";
import type { Bundle, GoldenCase } from "./bundle.ts";
import type { Deployment } from "./deployment.ts";
import {
  type ExpectedFrame,
  type ExpectedObject,
  type FrameInput,
  parseExpected,
  parseFrames,
} from "./golden_schema.ts";
import { parsePicture, toTensor } from "./picture.ts";
import { Refusal } from "./refusal.ts";
import {
  eventsOut,
  objectsOut,
  type SlotEvent,
  type SlotObject,
  writeFrame,
  writeObjectsIn,
  writeSlotHeader,
} from "./slot_records.ts";

export interface GoldenReport {
  cases: number;
  ms: number;
  /** Why nothing was checked; "" when it was. */
  skipped: string;
}

/** Beyond the module's own limit, for the thread to get a processor; ms. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 1;

interface Outcome {
  objects: SlotObject[];
  events: SlotEvent[];
}

/**
 * Plays the element's part on the memory of a deployment that nobody uses yet. Throws Refusal with the first thing that
 * is not as expected. The module is not serving afterwards.
 */
export async function checkGolden(deployment: Deployment): Promise<GoldenReport> {
  const { bundle } = deployment;
  const began = performance.now();
  const report = (skipped: string) => ({ cases: bundle.golden.length, ms: performance.now() - began, skipped });
  if (bundle.golden.length === 0) return report("the bundle has no golden cases");
  if (bundle.kind === "detect" && !deployment.hasEngine) return report("its model runs in the element");
  for (const [index, golden] of bundle.golden.entries()) await checkCase(deployment, golden, `golden.${index}`);
  return report("");
}

/** What comes out for an input file of a golden case: to be looked at by a person, and kept as what is expected. */
export async function goldenResult(deployment: Deployment, input: string): Promise<object> {
  const { bundle } = deployment;
  await deployment.beginTrial();
  const outcomes =
    bundle.kind === "detect"
      ? [await runPicture(deployment, input, "golden")]
      : await runFrames(deployment, parseFrames(await readFile(input, "utf8"), bundle, "golden"), "golden");
  const tracks = new Map<bigint, number>();
  const frames = outcomes.map(({ objects, events }) => ({
    objects: objects.map((object) => expectedOf(object, bundle, tracks)),
    ...(bundle.kind === "analyze" ? { events: events.map(({ type, rule }) => ({ type, rule })) } : {}),
  }));
  return bundle.kind === "detect" ? frames[0]! : { frames };
}

function expectedOf({ objectId, ...object }: SlotObject, bundle: Bundle, tracks: Map<bigint, number>): object {
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  const label = bundle.labels[object.classId];
  if (objectId !== undefined && !tracks.has(objectId)) tracks.set(objectId, tracks.size + 1);
  return {
    ...(label === undefined ? { class: object.classId } : { label }),
    left: round(object.left, 2),
    top: round(object.top, 2),
    width: round(object.width, 2),
    height: round(object.height, 2),
    ...(object.angle === 0 ? {} : { angle: round(object.angle, 4) }),
    confidence: round(Math.min(1, Math.max(0, object.confidence)), 4),
    ...(objectId === undefined ? {} : { track: tracks.get(objectId) }),
  };
}

async function checkCase(deployment: Deployment, golden: GoldenCase, key: string): Promise<void> {
  const { bundle } = deployment;
  const expected = parseExpected(await readFile(golden.expected, "utf8"), bundle, `${key}.expected`);
  try {
    // Every case sees a module as new: a tracker would go on from the one before.
    await deployment.beginTrial();
    const outcomes =
      bundle.kind === "detect"
        ? [await runPicture(deployment, golden.input, key)]
        : await runFrames(deployment, parseFrames(await readFile(golden.input, "utf8"), bundle, `${key}.input`), key);
    compare(outcomes, expected, golden, bundle, key);
  } finally {
    await deployment.endTrial();
  }
}

async function runPicture(deployment: Deployment, file: string, key: string): Promise<Outcome> {
  const contents = await readFile(file);
  const plan = deployment.plan!;
  const picture = parsePicture(contents);
  const tensor = picture ? toTensor(picture, plan, deployment.bundle.input) : new Uint8Array(contents);
  const expectedBytes = plan.dims.reduce((product, dim) => product * dim, plan.type === "float16" ? 2 : 4);
  if (tensor?.length !== expectedBytes) {
    const found = picture ? `a picture of ${picture.width}x${picture.height}` : `${contents.length} bytes`;
    const size = `${plan.width}x${plan.height}`;
    throw refuse(key, `${file} is ${found}, the model takes ${size} (a PPM), or ${expectedBytes} bytes`);
  }
  const outputs = await deployment.infer(tensor);
  const slot = deployment.memory.slots[0]!;
  writeFrame(slot, 0, { ...FACTS, width: plan.width, height: plan.height });
  let index = 0;
  for (const output of slot.tensors) if (!output.layout.isInput) output.frames[0]!.set(outputs[index++]!);
  await run(deployment, slot, 1, key);
  return { objects: objectsOut(slot, 0), events: eventsOut(slot, 0) };
}

const FACTS = { sourceId: 0, frameNumber: 0, pts: 0n, inferred: true, discontinuity: false };

async function runFrames(deployment: Deployment, frames: readonly FrameInput[], key: string): Promise<Outcome[]> {
  const slot = deployment.memory.slots[0]!;
  const outcomes: Outcome[] = [];
  for (const [i, { facts, objects }] of frames.entries()) {
    writeFrame(slot, 0, facts);
    writeObjectsIn(slot, 0, objects);
    await run(deployment, slot, i + 1, `${key}: frame ${i}`);
    outcomes.push({ objects: objectsOut(slot, 0), events: eventsOut(slot, 0) });
  }
  return outcomes;
}

async function run(deployment: Deployment, slot: Slot, sequence: number, what: string): Promise<void> {
  const { memory, bundle } = deployment;
  writeSlotHeader(memory, slot, 1, sequence);
  slot.state = SlotState.OutputReady;
  ringBell(memory, Bell.Module);
  const end = performance.now() + bundle.limits["batch-ms"] + PATIENCE_MS;
  while (!isDone(slot.state)) {
    if (performance.now() > end) throw refuse(what, "the module did not answer");
    deployment.check();
    await sleep(LOOK_MS);
  }
  const failed = slot.error;
  const succeeded = slot.take(SlotState.ResultReady, SlotState.Free);
  if (!succeeded) throw refuse(what, failed);
}

function isDone(state: SlotState): boolean {
  return state === SlotState.ResultReady || state === SlotState.Failed;
}

function compare(
  outcomes: readonly Outcome[],
  expected: readonly ExpectedFrame[],
  golden: GoldenCase,
  bundle: Bundle,
  key: string,
): void {
  if (outcomes.length !== expected.length) {
    throw refuse(key, `${golden.expected} has ${expected.length} frames, the input ${outcomes.length}`);
  }
  const ids = new Map<number, bigint>();
  for (const [i, outcome] of outcomes.entries()) {
    const where = outcomes.length > 1 ? `${key}: frame ${i}` : key;
    compareObjects(outcome.objects, expected[i]!.objects, golden, bundle, where, ids);
    compareEvents(outcome.events, expected[i]!.events, where);
  }
}

function compareObjects(
  found: readonly SlotObject[],
  expected: readonly ExpectedObject[],
  { tolerance }: GoldenCase,
  bundle: Bundle,
  where: string,
  ids: Map<number, bigint>,
): void {
  const matches = matchObjects(expected, found, tolerance.iou);
  const isMarginal = marginal(bundle, tolerance.confidence);
  const missing = expected.findIndex((object, i) => !isMarginal(object) && !matches.some(({ a }) => a === i));
  if (missing >= 0) throw refuse(where, missingText(expected[missing]!, found, bundle));
  const extra = found.findIndex((object, i) => !isMarginal(object) && !matches.some(({ b }) => b === i));
  if (extra >= 0) throw refuse(where, `found ${describe(found[extra]!, bundle)}, which is not expected`);
  for (const { a, b } of matches) {
    const off = Math.abs(expected[a]!.confidence - found[b]!.confidence);
    if (off > tolerance.confidence) {
      const text = `confidence ${found[b]!.confidence.toFixed(3)} for ${describe(expected[a]!, bundle)}`;
      throw refuse(where, `${text}, expected ${expected[a]!.confidence} within ${tolerance.confidence}`);
    }
    compareTrack(expected[a]!, found[b]!, bundle, where, ids);
  }
}

/** Objects so near to the bundle's threshold that another machine's rounding may bring them in or out. */
function marginal(bundle: Bundle, tolerance: number): (object: { confidence: number }) => boolean {
  const threshold = bundle.parameters["confidence-threshold"];
  return ({ confidence }) => typeof threshold === "number" && confidence < threshold + tolerance;
}

/** The ids themselves depend on the time; which objects share one does not. */
function compareTrack(
  { track, ...expected }: ExpectedObject,
  { objectId }: SlotObject,
  bundle: Bundle,
  where: string,
  ids: Map<number, bigint>,
): void {
  if (track === undefined) return;
  const known = ids.get(track);
  const isNew = known === undefined && objectId !== undefined && ![...ids.values()].includes(objectId);
  if (isNew) ids.set(track, objectId);
  else if (known === undefined || known !== objectId) {
    throw refuse(where, `${describe(expected, bundle)} has another track than ${track}`);
  }
}

function compareEvents(found: readonly SlotEvent[], expected: ExpectedFrame["events"], where: string): void {
  if (expected === undefined) return;
  const nameOf = ({ type, rule }: { type: string; rule?: string | undefined }) => (rule ? `${type} ${rule}` : type);
  const names = (events: readonly { type: string; rule?: string | undefined }[]) =>
    events.map(nameOf).sort().join(", ") || "none";
  if (names(found) !== names(expected)) {
    throw refuse(where, `events: ${names(found)}; expected: ${names(expected)}`);
  }
}

function missingText(object: ExpectedObject, found: readonly SlotObject[], bundle: Bundle): string {
  const nearest = [...found].sort((a, b) => iouOf(b, object) - iouOf(a, object))[0];
  const near = nearest ? `nearest is ${describe(nearest, bundle)}` : "nothing was found";
  return `expected ${describe(object, bundle)}; ${near}`;
}

function describe(object: Omit<ExpectedObject, "track">, bundle: Bundle): string {
  const { left, top, width, height, classId } = object;
  const [x, y, w, h] = [left, top, width, height].map((value) => Math.round(value * 10) / 10);
  return `${bundle.labels[classId] ?? `class ${classId}`} at ${x},${y} ${w}x${h}`;
}

function refuse(key: string, problem: string): Refusal {
  return new Refusal("bundle", key.split(":")[0] ?? "golden", `golden check: ${key}: ${problem}`);
}
