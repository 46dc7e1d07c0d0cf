// The slots of a mapped link as typed arrays. Everything is made once per mapping: moving a batch allocates nothing.
//
// The element is not trusted: `batch`, `objectsIn` and `auxIn` are checked when they are read, and a number outside of
// the layout throws ProtocolError, which the worker answers with slot.fail(LinkError.Protocol, …).

import { bellOffset, type LinkLayout, readHeader, type TensorLayout } from "./layout.ts";
import {
  DataType,
  EVENT_BYTES,
  FRAME,
  FRAME_BYTES,
  FrameFlags,
  HEADER,
  OBJECT_BYTES,
  ProtocolError,
  SLOT,
  SLOT_ERROR_BYTES,
  SlotState,
} from "./protocol.ts";

export type TensorArray =
  | Float32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** One tensor of one slot. */
export interface SlotTensor {
  readonly layout: TensorLayout;
  /** All frames: the batch tensor as the model takes it. */
  readonly all: TensorArray;
  /** Frame by frame, as bytes: what a module gets. */
  readonly frames: readonly Uint8Array<ArrayBuffer>[];
}

const ZERO = new Uint8Array(FRAME_BYTES);
const encoder = new TextEncoder();

/** A mapped link: its layout and its slots. */
export class LinkMemory {
  readonly buffer: ArrayBuffer;
  readonly layout: LinkLayout;
  readonly slots: readonly Slot[];
  readonly #words: Uint32Array<ArrayBuffer>;

  /** Throws ProtocolError when the header is not that of a link which fits into the buffer. */
  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
    this.layout = readHeader(buffer);
    this.#words = new Uint32Array(buffer, 0, HEADER.tensors / 4);
    this.slots = Array.from({ length: this.layout.slotCount }, (_, i) => new Slot(buffer, this.layout, i));
  }

  /** The counter of a bell: read it, look at the slots, then wait on it. */
  bell(bell: number): number {
    return Atomics.load(this.#words, bellOffset(bell) / 4);
  }

  /** True once the host wants its waiters to leave. */
  get stopped(): boolean {
    return Atomics.load(this.#words, HEADER.stop / 4) !== 0;
  }

  /** Written by the host only; ring the bells of its workers afterwards. */
  stop(): void {
    Atomics.store(this.#words, HEADER.stop / 4, 1);
  }
}

/** One slot. Only the owner of its state may write to it (protocol.h says who that is). */
export class Slot {
  readonly index: number;
  /** From the start of the link: what `stamp` of addon.ts takes, with a field of SLOT added. */
  readonly offset: number;
  /** FrameRecord, one per frame. */
  readonly frames: readonly Uint8Array<ArrayBuffer>[];
  /** Room for maxObjects ObjectRecords, one array per frame; objectsInCount says how many are used. */
  readonly objectsIn: readonly Uint8Array<ArrayBuffer>[];
  readonly objectsOut: readonly Uint8Array<ArrayBuffer>[];
  readonly eventsOut: readonly Uint8Array<ArrayBuffer>[];
  readonly auxIn: readonly Uint8Array<ArrayBuffer>[];
  readonly auxOut: readonly Uint8Array<ArrayBuffer>[];
  /** In the order of layout.tensors. */
  readonly tensors: readonly SlotTensor[];
  readonly #layout: LinkLayout;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #floats: Float32Array<ArrayBuffer>;
  readonly #error: Uint8Array<ArrayBuffer>;

  constructor(buffer: ArrayBuffer, layout: LinkLayout, index: number) {
    const start = layout.firstSlot + index * layout.slotStride;
    const rows = (offset: number, bytes: number) =>
      Array.from({ length: layout.maxBatch }, (_, i) => new Uint8Array(buffer, start + offset + i * bytes, bytes));
    this.index = index;
    this.offset = start;
    this.#layout = layout;
    this.#words = new Uint32Array(buffer, start, layout.slotStride / 4);
    this.#floats = new Float32Array(buffer, start, layout.slotStride / 4);
    this.#error = new Uint8Array(buffer, start + SLOT.error, SLOT_ERROR_BYTES);
    this.frames = rows(layout.frames, FRAME_BYTES);
    this.objectsIn = rows(layout.objectsIn, layout.maxObjects * OBJECT_BYTES);
    this.objectsOut = rows(layout.objectsOut, layout.maxObjects * OBJECT_BYTES);
    this.eventsOut = rows(layout.eventsOut, layout.maxEvents * EVENT_BYTES);
    this.auxIn = rows(layout.auxIn, layout.auxBytes);
    this.auxOut = rows(layout.auxOut, layout.auxBytes);
    this.tensors = layout.tensors.map((tensor) => ({
      layout: tensor,
      all: tensorArray(buffer, start + tensor.offset, tensor),
      frames: rows(tensor.offset, tensor.frameBytes),
    }));
  }

  get state(): SlotState {
    return Atomics.load(this.#words, SLOT.state / 4) as SlotState;
  }

  /** Hands the slot over: everything written before is seen by the next owner. Ring its bell afterwards. */
  set state(state: SlotState) {
    Atomics.store(this.#words, SLOT.state / 4, state);
  }

  /** Moves the slot from one state to the next; false when it was in another state. */
  take(from: SlotState, to: SlotState): boolean {
    return Atomics.compareExchange(this.#words, SLOT.state / 4, from, to) === from;
  }

  /** Frames in this slot, 1 to maxBatch. */
  get batch(): number {
    const batch = this.#word(SLOT.batch);
    if (batch < 1 || batch > this.#layout.maxBatch) wrong("batch", batch, this.#layout.maxBatch);
    return batch;
  }

  /** Low 32 bits of the element's count of submitted batches: enough to tell the older of two slots. */
  get sequence(): number {
    return this.#word(SLOT.sequence);
  }

  /** A time of the slot (SLOT.submitted, SLOT.engineStart, …) in ns of CLOCK_MONOTONIC; exact for 104 days of uptime. */
  nanoseconds(field: number): number {
    return this.#word(field) + this.#word(field + 4) * 2 ** 32;
  }

  objectsInCount(frame: number): number {
    return this.#count(frame, FRAME.objectsIn, this.#layout.maxObjects, "objects_in");
  }

  auxInBytes(frame: number): number {
    return this.#count(frame, FRAME.auxIn, this.#layout.auxBytes, "aux_in");
  }

  /** Says what the module wrote into objectsOut, eventsOut and auxOut of a frame. Throws RangeError above the limits. */
  setResult(frame: number, objects: number, events: number, auxBytes: number): void {
    const { maxObjects, maxEvents, auxBytes: maxAux } = this.#layout;
    if (objects > maxObjects || events > maxEvents || auxBytes > maxAux) {
      throw new RangeError(
        `${objects} objects, ${events} events or ${auxBytes} aux bytes exceed the layout of the link`,
      );
    }
    this.setFrameWord(frame, FRAME.objectsOut, objects);
    this.setFrameWord(frame, FRAME.eventsOut, events);
    this.setFrameWord(frame, FRAME.auxOut, auxBytes);
  }

  /** A u32 of a FrameRecord: FRAME.sourceId, FRAME.width, … */
  frameWord(frame: number, field: number): number {
    return this.#word(this.#frameOffset(frame) + field);
  }

  setFrameWord(frame: number, field: number, value: number): void {
    this.#words[(this.#frameOffset(frame) + field) / 4] = value;
  }

  /** An f32 of a FrameRecord: FRAME.scaleX, … */
  frameFloat(frame: number, field: number): number {
    return this.#floats[(this.#frameOffset(frame) + field) / 4] as number;
  }

  markInferred(frame: number): void {
    this.setFrameWord(frame, FRAME.flags, this.frameWord(frame, FRAME.flags) | FrameFlags.Inferred);
  }

  /** Gives the slot back to the element with a reason (cut at 191 bytes). Ring the element's bell afterwards. */
  fail(code: number, message: string): void {
    this.#words[SLOT.errorCode / 4] = code;
    const { written } = encoder.encodeInto(message, this.#error.subarray(0, SLOT_ERROR_BYTES - 1));
    this.#error[written] = 0;
    this.state = SlotState.Failed;
  }

  /** What fail() left there; "" when nothing. */
  get error(): string {
    const end = this.#error.indexOf(0);
    return Buffer.from(this.#error.subarray(0, end < 0 ? SLOT_ERROR_BYTES : end)).toString();
  }

  get errorCode(): number {
    return this.#word(SLOT.errorCode);
  }

  /** Writes a FrameRecord of zeros. */
  clearFrame(frame: number): void {
    this.frames[frame]?.set(ZERO);
  }

  #word(offset: number): number {
    return this.#words[offset / 4] as number;
  }

  #frameOffset(frame: number): number {
    if (frame < 0 || frame >= this.#layout.maxBatch) throw new RangeError(`no frame ${frame} in this link`);
    return this.#layout.frames + frame * FRAME_BYTES;
  }

  #count(frame: number, field: number, limit: number, name: string): number {
    const count = this.frameWord(frame, field);
    if (count > limit) wrong(`${name} of frame ${frame}`, count, limit);
    return count;
  }
}

function tensorArray(buffer: ArrayBuffer, offset: number, tensor: TensorLayout): TensorArray {
  const elements = tensor.dims.reduce((product, dim) => product * dim, 1);
  switch (tensor.dataType) {
    case DataType.Float32:
      return new Float32Array(buffer, offset, elements);
    case DataType.Float16:
      return new Uint16Array(buffer, offset, elements);
    case DataType.Int8:
      return new Int8Array(buffer, offset, elements);
    case DataType.Int32:
      return new Int32Array(buffer, offset, elements);
    case DataType.Int64:
      return new BigInt64Array(buffer, offset, elements);
    case DataType.Uint8:
      return new Uint8Array(buffer, offset, elements);
  }
}

function wrong(name: string, value: number, limit: number): never {
  throw new ProtocolError(`the element wrote ${name} = ${value}, at most ${limit} is possible`);
}
