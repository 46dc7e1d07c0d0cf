// A worker thread that runs a candidate in the shadow of what serves: it copies batches as they come back to the element,
// gives them to the candidate as if it were an element itself, and compares what both found. It takes nothing from the
// running workers but memory bandwidth: a copy that the element has overwritten meanwhile is thrown away.

import { parentPort, workerData } from "node:worker_threads";
import { map, ringBell, unmap, waitBell } from "../../firmware/link/addon.ts";
import { Bell, FRAME, FRAME_BYTES, Kind, OBJECT_BYTES, SLOT, SlotState } from "../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../firmware/link/slots.ts";
import { Agreement, type ClassTally, type Found } from "./agreement.ts";
import type { BundleInput } from "./bundle_schema.ts";
import { type Letterbox, resample, type TensorPicture, toFrame } from "./resample.ts";
import { type Percentiles, percentiles } from "./samples.ts";
import { objectsOut, writeSlotHeader } from "./slot_records.ts";
import { WorkerControl } from "./worker_control.ts";

export interface ShadowSide {
  fd: number;
  bytes: number;
  /** detect: how pictures are given. */
  input: BundleInput | undefined;
  width: number;
  height: number;
  /** By class id. */
  labels: readonly string[];
}

export interface ShadowWorkerData {
  live: ShadowSide;
  candidate: ShadowSide;
  /** The outputs of the live model are what the candidate's module decodes; else the candidate's engine runs too. */
  sharesEngine: boolean;
  /** Batches per second at most; 0: every one (a tracker needs them all). */
  rate: number;
  /** Least overlap of two boxes that are the same object. */
  iou: number;
  control: SharedArrayBuffer;
}

export interface ShadowTally {
  batches: number;
  frames: number;
  /** Batches that the element took back while they were copied. */
  torn: number;
  /** Batches that the candidate failed on. */
  failed: number;
  lastError: string;
  agreement: number;
  classes: [classId: number, tally: ClassTally][];
  /** ms per batch, in the host. */
  live: Percentiles;
  candidate: Percentiles;
  /** The picture had to be resampled to the candidate's size: small objects may differ for that alone. */
  resampled: boolean;
}

/** That it looks; the agreement so far, now and then; at its end, everything. */
export type FromShadowWorker = "watching" | number | ShadowTally;

/** Frames between two words about the agreement: few frames say little. */
const WORD_EACH = 20;
const CANDIDATE_MS = 10_000;
const WAKE_MS = 100;
const KEPT = 4096;

const data = workerData as ShadowWorkerData;
const control = new WorkerControl(data.control);
const live = new LinkMemory(map(data.live.fd, data.live.bytes));
const candidate = new LinkMemory(map(data.candidate.fd, data.candidate.bytes));
const agreement = new Agreement();
const isDetect = live.layout.kind === Kind.Detect;
const liveMs: number[] = [];
const candidateMs: number[] = [];
const seen = new Uint32Array(live.slots.length);
const resampled = isDetect && !data.sharesEngine && !sameInput(data.live, data.candidate);
/** The candidate's class ids in the live bundle's numbers; labels that only one of them has agree with nothing. */
const classMap = mapClasses(data.candidate.labels, data.live.labels);
let batches = 0;
let torn = 0;
let failed = 0;
let lastError = "";
let sequence = 0;
let notBefore = 0;
let toldAt = 0;

for (const slot of live.slots) seen[slot.index] = slot.sequence;
tell("watching");
while (!control.stopped && !live.stopped) watch();
tell(tally());
unmap(live.buffer);
unmap(candidate.buffer);

function watch(): void {
  const bell = live.bell(Bell.Element);
  const fresh = live.slots
    .filter((slot) => slot.state === SlotState.ResultReady && slot.sequence !== seen[slot.index])
    .sort((a, b) => (a.sequence - b.sequence) | 0);
  for (const slot of fresh) {
    seen[slot.index] = slot.sequence;
    if (performance.now() >= notBefore) shadow(slot);
  }
  if (fresh.length === 0) waitBell(live, Bell.Element, bell, WAKE_MS);
}

function shadow(slot: Slot): void {
  if (data.rate > 0) notBefore = performance.now() + 1000 / data.rate;
  const before = slot.sequence;
  const target = candidate.slots[0]!;
  // The late answer of a batch that was given up: nobody waits for it any more, and the next one needs its place.
  if (!target.take(SlotState.ResultReady, SlotState.Free)) target.take(SlotState.Failed, SlotState.Free);
  if (target.state !== SlotState.Free) return;
  const frames = Math.min(slot.batch, candidate.layout.maxBatch);
  const found: Found[][] = [];
  const places: Letterbox[] = [];
  for (let frame = 0; frame < frames; frame++) {
    found.push(objectsOut(slot, frame));
    places.push(letterboxOf(slot, frame));
    copyFrame(slot, target, frame);
  }
  const ms = (slot.nanoseconds(SLOT.moduleEnd) - slot.nanoseconds(firstStage())) / 1e6;
  if (slot.sequence !== before || slot.state === SlotState.Filling) {
    torn++;
    return;
  }
  if (!runCandidate(target, frames)) return;
  keep(liveMs, ms);
  keep(candidateMs, (target.nanoseconds(SLOT.moduleEnd) - target.nanoseconds(firstStage())) / 1e6);
  for (let frame = 0; frame < frames; frame++) compare(found[frame]!, places[frame]!, target, frame);
  target.state = SlotState.Free;
  batches++;
  if (agreement.frames - toldAt < WORD_EACH) return;
  toldAt = agreement.frames;
  tell(agreement.share);
}

function tell(message: FromShadowWorker): void {
  parentPort!.postMessage(message);
}

/** Where the times of both begin that can be compared. */
function firstStage(): number {
  return isDetect && !data.sharesEngine ? SLOT.engineStart : SLOT.moduleStart;
}

function copyFrame(from: Slot, to: Slot, frame: number): void {
  to.frames[frame]!.set(from.frames[frame]!.subarray(0, FRAME_BYTES));
  for (const field of [FRAME.objectsOut, FRAME.eventsOut, FRAME.auxOut]) to.setFrameWord(frame, field, 0);
  if (!isDetect) copyObjects(from, to, frame);
  else if (data.sharesEngine) copyOutputs(from, to, frame);
  else copyPicture(from, to, frame);
}

function copyObjects(from: Slot, to: Slot, frame: number): void {
  const count = Math.min(from.objectsInCount(frame), candidate.layout.maxObjects);
  const aux = Math.min(from.auxInBytes(frame), candidate.layout.auxBytes);
  to.objectsIn[frame]!.set(from.objectsIn[frame]!.subarray(0, count * OBJECT_BYTES));
  to.auxIn[frame]!.set(from.auxIn[frame]!.subarray(0, aux));
  to.setFrameWord(frame, FRAME.objectsIn, count);
  to.setFrameWord(frame, FRAME.auxIn, aux);
}

function copyOutputs(from: Slot, to: Slot, frame: number): void {
  const outputs = from.tensors.filter((tensor) => !tensor.layout.isInput);
  for (const tensor of to.tensors) {
    if (tensor.layout.isInput) continue;
    const source = outputs.find((output) => output.layout.name === tensor.layout.name);
    if (source) tensor.frames[frame]!.set(source.frames[frame]!);
  }
}

function copyPicture(from: Slot, to: Slot, frame: number): void {
  const source = from.tensors[0]!.frames[frame]!;
  const target = to.tensors[0]!.frames[frame]!;
  if (!resampled) target.set(source);
  else {
    const place = resample(pictureOf(source, data.live), letterboxOf(from, frame), pictureOf(target, data.candidate));
    const view = new DataView(to.frames[frame]!.buffer, to.frames[frame]!.byteOffset, FRAME_BYTES);
    view.setFloat32(FRAME.scaleX, place.scaleX, true);
    view.setFloat32(FRAME.scaleY, place.scaleY, true);
    view.setFloat32(FRAME.offsetX, place.offsetX, true);
    view.setFloat32(FRAME.offsetY, place.offsetY, true);
  }
}

function pictureOf(bytes: Uint8Array<ArrayBuffer>, side: ShadowSide): TensorPicture {
  return { bytes, width: side.width, height: side.height, input: side.input! };
}

function letterboxOf(slot: Slot, frame: number): Letterbox {
  return {
    frameWidth: slot.frameWord(frame, FRAME.width),
    frameHeight: slot.frameWord(frame, FRAME.height),
    scaleX: slot.frameFloat(frame, FRAME.scaleX),
    scaleY: slot.frameFloat(frame, FRAME.scaleY),
    offsetX: slot.frameFloat(frame, FRAME.offsetX),
    offsetY: slot.frameFloat(frame, FRAME.offsetY),
  };
}

/** False when it failed. */
function runCandidate(slot: Slot, frames: number): boolean {
  writeSlotHeader(candidate, slot, frames, ++sequence);
  const viaEngine = isDetect && !data.sharesEngine;
  slot.state = viaEngine ? SlotState.InputReady : SlotState.OutputReady;
  ringBell(candidate, viaEngine ? Bell.Engine : Bell.Module);
  const end = performance.now() + CANDIDATE_MS;
  for (;;) {
    const bell = candidate.bell(Bell.Element);
    if (slot.take(SlotState.ResultReady, SlotState.Filling)) return true;
    if (slot.take(SlotState.Failed, SlotState.Filling)) break;
    if (control.stopped) return false;
    if (performance.now() > end) {
      // The slot is not ours as long as somebody may be working on it.
      failed++;
      lastError = `no answer within ${CANDIDATE_MS / 1000} s`;
      return false;
    }
    waitBell(candidate, Bell.Element, bell, WAKE_MS);
  }
  failed++;
  lastError = slot.error;
  slot.state = SlotState.Free;
  return false;
}

function compare(found: readonly Found[], place: Letterbox, slot: Slot, frame: number): void {
  const theirs = objectsOut(slot, frame).map((object) => ({
    ...object,
    classId: classMap.get(object.classId) ?? object.classId,
  }));
  if (!isDetect) {
    agreement.add(found, theirs, data.iou);
    return;
  }
  // Each in the pixels of its own network: the frame is what they share.
  const candidatePlace = letterboxOf(slot, frame);
  agreement.add(
    found.map((object) => ({ ...object, ...toFrame(object, place) })),
    theirs.map((object) => ({ ...object, ...toFrame(object, candidatePlace) })),
    data.iou,
  );
}

function sameInput(a: ShadowSide, b: ShadowSide): boolean {
  return a.width === b.width && a.height === b.height && JSON.stringify(a.input) === JSON.stringify(b.input);
}

const UNKNOWN_CLASS = 1 << 20;

function mapClasses(from: readonly string[], to: readonly string[]): Map<number, number> {
  if (from.length === 0 || to.length === 0) return new Map();
  return new Map(from.map((label, id) => [id, to.indexOf(label) < 0 ? UNKNOWN_CLASS + id : to.indexOf(label)]));
}

function keep(values: number[], value: number): void {
  values.push(value);
  if (values.length > KEPT) values.shift();
}

function tally(): ShadowTally {
  return {
    batches,
    frames: agreement.frames,
    torn,
    failed,
    lastError,
    agreement: agreement.share,
    classes: [...agreement.classes],
    live: percentiles(liveMs),
    candidate: percentiles(candidateMs),
    resampled,
  };
}
