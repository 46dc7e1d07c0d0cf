// The worker of echo_host.ts: engine and module in one. It answers each frame of a detect link with one object that
// carries numbers of the frame and its picture, and each frame of an analyze link with the objects that came in.

import { parentPort, workerData } from "node:worker_threads";
import { map, ringBell, stamp, waitBell } from "../../../firmware/link/addon.ts";
import {
  Bell,
  FRAME,
  Kind,
  LinkError,
  OBJECT,
  OBJECT_BYTES,
  ProtocolError,
  SLOT,
  SlotState,
  UNTRACKED,
} from "../../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../../firmware/link/slots.ts";

/** What an element may ask for with the source_id of its first frame. */
const Ask = {
  Nothing: 1000, // an empty result: the round trip alone
  Silence: 1001, // never an answer
  Failure: 1002,
  TooMany: 1003, // a count above the limit
  WildMask: 1004, // a mask outside of the arena
  NotFinite: 1005,
  Late: 1006, // an answer after 300 ms
  WildEvent: 1007, // an event without ends of strings, about an object that does not exist
} as const;

const { fd, bytes } = workerData as { fd: number; bytes: number };
const link = new LinkMemory(map(fd, bytes));
const detect = link.layout.kind === Kind.Detect;
const bell = detect ? Bell.Engine : Bell.Module;
const [from, to] = detect
  ? ([SlotState.InputReady, SlotState.Inferring] as const)
  : ([SlotState.OutputReady, SlotState.Decoding] as const);
parentPort?.postMessage("ready");
while (!link.stopped) serve();

function serve(): void {
  const seen = link.bell(bell);
  let worked = false;
  for (const slot of link.slots) {
    if (!slot.take(from, to)) continue;
    worked = true;
    answer(slot);
  }
  if (!worked) waitBell(link, bell, seen);
}

function answer(slot: Slot): void {
  try {
    if (!fill(slot)) return;
    slot.state = SlotState.ResultReady;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    slot.fail(LinkError.Protocol, error.message);
  }
  ringBell(link, Bell.Element);
}

/** False when the slot is to be kept or has failed already. */
function fill(slot: Slot): boolean {
  const ask = slot.frameWord(0, FRAME.sourceId);
  if (ask === Ask.Nothing) return true;
  stamp(link.buffer, slot.offset + SLOT.moduleStart);
  if (ask === Ask.Silence) return false;
  if (ask === Ask.Late) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  for (let frame = 0; frame < slot.batch; frame++) (detect ? detectFrame : analyzeFrame)(slot, frame);
  misbehave(slot, ask);
  stamp(link.buffer, slot.offset + SLOT.moduleEnd);
  if (ask === Ask.Failure) throw new ProtocolError("asked to fail");
  return true;
}

function detectFrame(slot: Slot, frame: number): void {
  const view = recordView(slot, frame);
  const picture = slot.tensors[0]!.all as Float32Array;
  slot.objectsOut[frame]!.fill(0, 0, OBJECT_BYTES);
  view.setFloat32(OBJECT.left, slot.frameWord(frame, FRAME.sourceId), true);
  view.setFloat32(OBJECT.top, picture[(frame * picture.length) / link.layout.maxBatch] as number, true);
  view.setBigUint64(OBJECT.objectId, UNTRACKED, true);
  view.setInt32(OBJECT.parent, -1, true);
  view.setInt32(OBJECT.input, -1, true);
  slot.setResult(frame, 1, 0, 0);
  slot.markInferred(frame);
}

function analyzeFrame(slot: Slot, frame: number): void {
  const objects = slot.objectsInCount(frame);
  const aux = slot.auxInBytes(frame);
  slot.objectsOut[frame]!.set(slot.objectsIn[frame]!.subarray(0, objects * OBJECT_BYTES));
  slot.auxOut[frame]!.set(slot.auxIn[frame]!.subarray(0, aux));
  slot.setResult(frame, objects, 0, aux);
}

function misbehave(slot: Slot, ask: number): void {
  const view = recordView(slot, 0);
  if (ask === Ask.TooMany) slot.setFrameWord(0, FRAME.objectsOut, 0xffff_ffff);
  if (ask === Ask.WildMask) {
    view.setUint32(OBJECT.aux, 0xffff_fffc, true);
    view.setUint32(OBJECT.auxBytes, 16, true);
    view.setUint16(OBJECT.maskWidth, 2, true);
    view.setUint16(OBJECT.maskHeight, 2, true);
  }
  if (ask === Ask.NotFinite) view.setFloat32(OBJECT.width, Number.NaN, true);
  if (ask === Ask.WildEvent) {
    slot.eventsOut[0]!.fill(0x78);
    slot.setFrameWord(0, FRAME.eventsOut, 1);
  }
}

function recordView(slot: Slot, frame: number): DataView {
  const bytes = slot.objectsOut[frame] as Uint8Array<ArrayBuffer>;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
