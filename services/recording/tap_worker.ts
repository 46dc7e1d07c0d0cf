// A worker thread that copies the frames of one camera out of one link as they come back to the element, and hands them to the
// writer. It takes nothing from the running workers but memory bandwidth: what it is too slow for is left out and counted.

import { parentPort, workerData } from "node:worker_threads";
import { map, unmap, waitBell } from "../../firmware/link/addon.ts";
import { Bell, EVENT_BYTES, FRAME, OBJECT_BYTES, SLOT, SlotState } from "../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../firmware/link/slots.ts";
import type { BundleInput } from "../postprocess/bundle_schema.ts";
import { framesOf } from "../postprocess/serve_slots.ts";
import { WorkerControl } from "../postprocess/worker_control.ts";
import { Backlog } from "./backlog.ts";
import type { StreamInfo } from "./format.ts";
import { readFrame } from "./records.ts";
import { thumbnail, thumbnailSize } from "./thumbnail.ts";
import type { FrameParts } from "./writer.ts";

export interface TapData {
  fd: number;
  bytes: number;
  info: StreamInfo;
  /** detect: how the network's picture lies; undefined: there is none, or no thumbnails are wanted. */
  input: BundleInput | undefined;
  control: SharedArrayBuffer;
  backlog: SharedArrayBuffer;
}

/** From a tap to the writer. */
export type FromTap = FrameParts;

const WAKE_MS = 100;

const data = workerData as TapData;
const control = new WorkerControl(data.control);
const backlog = new Backlog(data.backlog);
const link = new LinkMemory(map(data.fd, data.bytes));
const { info } = data;
const seen = new Uint32Array(link.slots.length);
/** When the module was last done with each slot, ns: a batch that failed does not change it. */
const done = new Float64Array(link.slots.length);
/** Number of the last frame of this camera, and the smallest step to the next: a detector that skips batches has larger ones. */
let last: number | undefined;
let step = Number.POSITIVE_INFINITY;

for (const slot of link.slots) {
  seen[slot.index] = slot.sequence;
  done[slot.index] = slot.nanoseconds(SLOT.moduleEnd);
}
while (!control.stopped && !link.stopped) watch();
unmap(link.buffer);

function watch(): void {
  const bell = link.bell(Bell.Element);
  const fresh = link.slots.filter((slot) => slot.sequence !== seen[slot.index] && isDone(slot));
  fresh.sort((a, b) => (a.sequence - b.sequence) | 0);
  for (const slot of fresh) {
    seen[slot.index] = slot.sequence;
    done[slot.index] = slot.nanoseconds(SLOT.moduleEnd);
    take(slot);
  }
  if (fresh.length === 0) waitBell(link, Bell.Element, bell, WAKE_MS);
}

/** The element may have taken its results already: they lie there until it fills the slot again. */
function isDone(slot: Slot): boolean {
  const { state } = slot;
  if (state === SlotState.ResultReady) return true;
  return state === SlotState.Free && slot.nanoseconds(SLOT.moduleEnd) !== done[slot.index];
}

function take(slot: Slot): void {
  const before = slot.sequence;
  const frames = framesOf(slot);
  for (let frame = 0; frame < frames; frame++) {
    if (slot.frameWord(frame, FRAME.sourceId) !== info.sourceId) continue;
    const parts = backlog.full ? undefined : copy(slot, frame);
    // The element has it again: what was copied may be half of the next batch.
    const isTorn = slot.sequence !== before || slot.state === SlotState.Filling;
    if (parts === undefined || isTorn) continue;
    send({ ...parts, droppedBefore: missingBefore(slot.frameWord(frame, FRAME.frameNumber) | 0) });
  }
}

/** What was left out, or came by too fast for this thread. A source that restarts begins to count anew. */
function missingBefore(number: number): number {
  const gap = last === undefined ? 0 : number - last;
  last = number;
  if (gap <= 0) return 0;
  step = Math.min(step, gap);
  return Math.round(gap / step) - 1;
}

function send(parts: FrameParts): void {
  const sections = [parts.record, parts.objectsIn, parts.objectsOut, parts.eventsOut, parts.auxIn, parts.auxOut];
  const all = [...sections, ...parts.outputs, parts.thumbnail];
  backlog.add(all.reduce((sum, { length }) => sum + length, 0));
  parentPort!.postMessage(
    parts satisfies FromTap,
    all.map(({ buffer }) => buffer as ArrayBuffer),
  );
}

function copy(slot: Slot, frame: number): FrameParts {
  const used = (bytes: Uint8Array, field: number, size: number) =>
    bytes.slice(0, Math.min(bytes.length, slot.frameWord(frame, field) * size));
  const record = slot.frames[frame]!.slice();
  return {
    stream: info.stream,
    record,
    objectsIn: used(slot.objectsIn[frame]!, FRAME.objectsIn, OBJECT_BYTES),
    objectsOut: used(slot.objectsOut[frame]!, FRAME.objectsOut, OBJECT_BYTES),
    eventsOut: used(slot.eventsOut[frame]!, FRAME.eventsOut, EVENT_BYTES),
    auxIn: used(slot.auxIn[frame]!, FRAME.auxIn, 1),
    auxOut: used(slot.auxOut[frame]!, FRAME.auxOut, 1),
    outputs: info.tensors.map(({ name }) => {
      return slot.tensors.find(({ layout }) => !layout.isInput && layout.name === name)!.frames[frame]!.slice();
    }),
    thumbnail: pictureOf(slot, frame, record),
    droppedBefore: 0,
  };
}

function pictureOf(slot: Slot, frame: number, record: Uint8Array): Uint8Array {
  const picture = slot.tensors.find(({ layout }) => layout.isInput);
  if (!picture || !data.input || !info.thumbnail) return new Uint8Array(0);
  const { width, height } = info.network;
  const view = readFrame(record);
  const small = thumbnailSize(info.thumbnail.width, view);
  return thumbnail(
    { bytes: picture.frames[frame]!, width, height, input: data.input },
    view,
    small.width,
    small.height,
  );
}
