// The layout of a link: where everything lies in its memory. The host computes one from what the bundle needs and
// writes it as the header; every other thread reads the header once and checks it before it follows an offset.

import {
  BELL_COUNT,
  BELL_STRIDE,
  DATA_TYPE_BYTES,
  type DataType,
  EVENT_BYTES,
  FRAME_BYTES,
  HEADER,
  HEADER_BYTES,
  Kind,
  MAGIC,
  MAJOR,
  MAX_AUX_BYTES,
  MAX_BATCH,
  MAX_BYTES,
  MAX_EVENTS,
  MAX_OBJECTS,
  MAX_RANK,
  MAX_SLOTS,
  MAX_TENSORS,
  MINOR,
  OBJECT_BYTES,
  ProtocolError,
  SLOT_HEADER_BYTES,
  TENSOR,
  TENSOR_BYTES,
  TENSOR_NAME_BYTES,
} from "./protocol.ts";

const ALIGN = 64;
const PAGE = 4096;

/** What a tensor is, before it has a place. */
export interface TensorRequest {
  /** As the model names it; 1 to 63 bytes of UTF-8. */
  name: string;
  dataType: DataType;
  /** Of one frame, without the batch: [3, 640, 640]. May be empty (one value per frame). */
  dims: readonly number[];
  isInput: boolean;
  /** int8 and uint8: real = scale * (q - zeroPoint). Defaults 1 and 0. */
  scale?: number;
  zeroPoint?: number;
}

export interface LayoutRequest {
  kind: Kind;
  /** Frames in a slot, 1 to MAX_BATCH. */
  batch: number;
  /** 1 to MAX_SLOTS. */
  slots: number;
  /** Of one frame, in and out. */
  maxObjects: number;
  /** Of one frame. */
  maxEvents: number;
  /** Arena of one frame, in and out; rounded up to 64. */
  auxBytes: number;
  tensors: readonly TensorRequest[];
  /** Default 1. */
  generation?: number;
}

/** A tensor with its place in every slot. */
export interface TensorLayout {
  name: string;
  dataType: DataType;
  /** dims[0] is the batch. */
  dims: readonly number[];
  isInput: boolean;
  scale: number;
  zeroPoint: number;
  /** From the start of the slot. */
  offset: number;
  /** Bytes of one frame; frame i begins at offset + i * frameBytes. */
  frameBytes: number;
}

/** LinkHeader without its bells. Section offsets count from the start of a slot. */
export interface LinkLayout {
  kind: Kind;
  slotCount: number;
  totalBytes: number;
  firstSlot: number;
  slotStride: number;
  maxBatch: number;
  maxObjects: number;
  maxEvents: number;
  auxBytes: number;
  generation: number;
  frames: number;
  objectsIn: number;
  objectsOut: number;
  eventsOut: number;
  auxIn: number;
  auxOut: number;
  tensors: readonly TensorLayout[];
}

const SIZE_FIELDS = ["totalBytes", "firstSlot", "slotStride"] as const;
const COUNT_FIELDS = ["slotCount", "maxBatch", "maxObjects", "maxEvents", "auxBytes", "generation"] as const;
const SECTION_FIELDS = ["frames", "objectsIn", "objectsOut", "eventsOut", "auxIn", "auxOut"] as const;

/** Places everything one after the other. Throws ProtocolError when the request is out of range. */
export function computeLayout(request: LayoutRequest): LinkLayout {
  const auxBytes = roundUp(request.auxBytes, ALIGN);
  const place = placer(SLOT_HEADER_BYTES);
  const sections = {
    frames: place(request.batch * FRAME_BYTES),
    objectsIn: place(request.batch * request.maxObjects * OBJECT_BYTES),
    objectsOut: place(request.batch * request.maxObjects * OBJECT_BYTES),
    eventsOut: place(request.batch * request.maxEvents * EVENT_BYTES),
    auxIn: place(request.batch * auxBytes),
    auxOut: place(request.batch * auxBytes),
  };
  const tensors = request.tensors.map((tensor) => placeTensor(tensor, request.batch, place));
  const firstSlot = roundUp(HEADER_BYTES, PAGE);
  const slotStride = roundUp(place(0), PAGE);
  const layout: LinkLayout = {
    kind: request.kind,
    slotCount: request.slots,
    totalBytes: firstSlot + request.slots * slotStride,
    firstSlot,
    slotStride,
    maxBatch: request.batch,
    maxObjects: request.maxObjects,
    maxEvents: request.maxEvents,
    auxBytes,
    generation: request.generation ?? 1,
    ...sections,
    tensors,
  };
  checkLayout(layout, layout.totalBytes);
  return layout;
}

/** Writes the header at the start of a new link's memory (zeros). Bells and the stop word are left as they are. */
export function writeHeader(buffer: ArrayBuffer, layout: LinkLayout): void {
  checkLayout(layout, buffer.byteLength);
  const view = new DataView(buffer);
  view.setUint32(HEADER.magic, MAGIC, true);
  view.setUint16(HEADER.major, MAJOR, true);
  view.setUint16(HEADER.minor, MINOR, true);
  view.setUint32(HEADER.kind, layout.kind, true);
  view.setUint32(HEADER.tensorCount, layout.tensors.length, true);
  for (const field of COUNT_FIELDS) view.setUint32(HEADER[field], layout[field], true);
  for (const field of SIZE_FIELDS) writeSize(view, HEADER[field], layout[field]);
  for (const field of SECTION_FIELDS) writeSize(view, HEADER[field], layout[field]);
  layout.tensors.forEach((tensor, i) => {
    writeTensor(view, HEADER.tensors + i * TENSOR_BYTES, tensor);
  });
}

/**
 * Reads the header of a mapped link from a copy of its bytes and checks every number in it against the size of the
 * memory. Throws ProtocolError that says which field is wrong.
 */
export function readHeader(buffer: ArrayBuffer): LinkLayout {
  if (buffer.byteLength < HEADER_BYTES) fail(`memory of ${buffer.byteLength} bytes is smaller than the header`);
  const view = new DataView(buffer.slice(0, HEADER_BYTES));
  checkVersion(view);
  const counts = readFields(COUNT_FIELDS, (field) => view.getUint32(HEADER[field], true));
  const sizes = readFields(SIZE_FIELDS, (field) => readSize(view, HEADER[field]));
  const sections = readFields(SECTION_FIELDS, (field) => readSize(view, HEADER[field]));
  const tensorCount = view.getUint32(HEADER.tensorCount, true);
  if (tensorCount > MAX_TENSORS) fail(`tensorCount is ${tensorCount}, at most ${MAX_TENSORS} are allowed`);
  const tensors = Array.from({ length: tensorCount }, (_, i) => readTensor(view, HEADER.tensors + i * TENSOR_BYTES));
  const kind = view.getUint32(HEADER.kind, true) as Kind;
  const layout: LinkLayout = { kind, ...counts, ...sizes, ...sections, tensors };
  checkLayout(layout, buffer.byteLength);
  return layout;
}

/** Offset of a bell from the start of the link. */
export function bellOffset(bell: number): number {
  if (!(bell >= 0 && bell < BELL_COUNT)) throw new RangeError(`no bell ${bell}: there are ${BELL_COUNT}`);
  return HEADER.bells + bell * BELL_STRIDE;
}

function checkVersion(view: DataView): void {
  const magic = view.getUint32(HEADER.magic, true);
  if (magic !== MAGIC) fail(`magic is 0x${magic.toString(16)}, expected 0x${MAGIC.toString(16)}`);
  const major = view.getUint16(HEADER.major, true);
  if (major !== MAJOR) fail(`version ${major} of the protocol, this side speaks ${MAJOR}`);
}

/** The same checks, in the same order, as check_header in layout.cpp. */
function checkLayout(layout: LinkLayout, bytes: number): void {
  if (layout.kind !== Kind.Detect && layout.kind !== Kind.Analyze) fail(`kind is ${layout.kind}, expected 1 or 2`);
  checkRange("slotCount", layout.slotCount, 1, MAX_SLOTS);
  checkRange("maxBatch", layout.maxBatch, 1, MAX_BATCH);
  checkRange("maxObjects", layout.maxObjects, 0, MAX_OBJECTS);
  checkRange("maxEvents", layout.maxEvents, 0, MAX_EVENTS);
  checkRange("auxBytes", layout.auxBytes, 0, MAX_AUX_BYTES);
  if (layout.auxBytes % 4 !== 0) fail(`auxBytes is ${layout.auxBytes}, expected a multiple of 4`);
  checkRange("generation", layout.generation, 1, 0xffff_ffff);
  checkRange("tensorCount", layout.tensors.length, 0, MAX_TENSORS);
  checkRange("totalBytes", layout.totalBytes, HEADER_BYTES, Math.min(bytes, MAX_BYTES));
  checkPlace("firstSlot", layout.firstSlot, 0, HEADER_BYTES, layout.totalBytes);
  checkPlace("slotStride", layout.slotStride, 0, SLOT_HEADER_BYTES, layout.totalBytes);
  if (layout.slotCount * layout.slotStride > layout.totalBytes - layout.firstSlot) {
    fail(`${layout.slotCount} slots of ${layout.slotStride} bytes do not fit into ${layout.totalBytes}`);
  }
  layout.tensors.forEach((tensor) => {
    checkTensor(tensor, layout.maxBatch);
  });
  checkSections(layout);
}

function checkTensor(tensor: TensorLayout, batch: number): void {
  const { name, dims, frameBytes } = tensor;
  const size = DATA_TYPE_BYTES[tensor.dataType];
  if (name === "" || Buffer.byteLength(name) >= TENSOR_NAME_BYTES) {
    fail(`tensor name "${name}" must have 1 to ${TENSOR_NAME_BYTES - 1} bytes`);
  }
  if (size === undefined) fail(`tensor ${name}: data type ${tensor.dataType} is unknown`);
  checkRange(`tensor ${name}: rank`, dims.length, 1, MAX_RANK);
  if (dims[0] !== batch) fail(`tensor ${name}: dims[0] is ${dims[0]}, expected the batch of ${batch}`);
  let expected = size;
  for (const dim of dims.slice(1)) {
    checkRange(`tensor ${name}: a dimension`, dim, 1, MAX_BYTES);
    expected *= dim;
    if (expected > MAX_BYTES) fail(`tensor ${name}: one frame has more than ${MAX_BYTES} bytes`);
  }
  if (frameBytes !== expected) fail(`tensor ${name}: frameBytes is ${frameBytes}, its shape has ${expected}`);
}

/** Every section lies inside the slot, behind its header, and none overlaps another. */
function checkSections(layout: LinkLayout): void {
  const sections = sectionsOf(layout);
  for (const { name, offset, bytes } of sections) {
    checkPlace(name, offset, bytes, SLOT_HEADER_BYTES, layout.slotStride);
  }
  const used = sections.filter((section) => section.bytes > 0).sort((a, b) => a.offset - b.offset);
  let previous: Section | undefined;
  for (const section of used) {
    if (previous && previous.offset + previous.bytes > section.offset)
      fail(`${previous.name} overlaps ${section.name}`);
    previous = section;
  }
}

interface Section {
  name: string;
  offset: number;
  bytes: number;
}

function sectionsOf(layout: LinkLayout): Section[] {
  const { maxBatch: batch, maxObjects, maxEvents, auxBytes } = layout;
  return [
    { name: "frames", offset: layout.frames, bytes: batch * FRAME_BYTES },
    { name: "objectsIn", offset: layout.objectsIn, bytes: batch * maxObjects * OBJECT_BYTES },
    { name: "objectsOut", offset: layout.objectsOut, bytes: batch * maxObjects * OBJECT_BYTES },
    { name: "eventsOut", offset: layout.eventsOut, bytes: batch * maxEvents * EVENT_BYTES },
    { name: "auxIn", offset: layout.auxIn, bytes: batch * auxBytes },
    { name: "auxOut", offset: layout.auxOut, bytes: batch * auxBytes },
    ...layout.tensors.map(({ name, offset, frameBytes }) => ({
      name: `tensor ${name}`,
      offset,
      bytes: batch * frameBytes,
    })),
  ];
}

function checkRange(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) fail(`${name} is ${value}, expected ${low} to ${high}`);
}

function checkPlace(name: string, offset: number, bytes: number, low: number, end: number): void {
  if (!Number.isInteger(offset) || offset % ALIGN !== 0) fail(`${name} at ${offset} is not a multiple of ${ALIGN}`);
  if (offset < low || offset > end || bytes > end - offset) {
    fail(`${name} at ${offset} with ${bytes} bytes lies outside of ${low} to ${end}`);
  }
}

function placer(start: number): (bytes: number) => number {
  let end = start;
  return (bytes) => {
    const offset = roundUp(end, ALIGN);
    end = offset + bytes;
    return offset;
  };
}

function placeTensor(request: TensorRequest, batch: number, place: (bytes: number) => number): TensorLayout {
  const size = DATA_TYPE_BYTES[request.dataType] ?? 0;
  const frameBytes = request.dims.reduce((bytes, dim) => bytes * dim, size);
  return {
    name: request.name,
    dataType: request.dataType,
    dims: [batch, ...request.dims],
    isInput: request.isInput,
    scale: request.scale ?? 1,
    zeroPoint: request.zeroPoint ?? 0,
    offset: place(batch * frameBytes),
    frameBytes,
  };
}

function writeTensor(view: DataView, at: number, tensor: TensorLayout): void {
  const name = new Uint8Array(view.buffer as ArrayBuffer, at + TENSOR.name, TENSOR_NAME_BYTES);
  new TextEncoder().encodeInto(tensor.name, name.subarray(0, TENSOR_NAME_BYTES - 1));
  view.setUint32(at + TENSOR.dataType, tensor.dataType, true);
  view.setUint32(at + TENSOR.rank, tensor.dims.length, true);
  tensor.dims.forEach((dim, i) => {
    view.setUint32(at + TENSOR.dims + i * 4, dim, true);
  });
  writeSize(view, at + TENSOR.offset, tensor.offset);
  writeSize(view, at + TENSOR.frameBytes, tensor.frameBytes);
  view.setFloat32(at + TENSOR.scale, tensor.scale, true);
  view.setInt32(at + TENSOR.zeroPoint, tensor.zeroPoint, true);
  view.setUint8(at + TENSOR.isInput, tensor.isInput ? 1 : 0);
}

function readTensor(view: DataView, at: number): TensorLayout {
  const rank = view.getUint32(at + TENSOR.rank, true);
  if (rank > MAX_RANK) fail(`a tensor has rank ${rank}, at most ${MAX_RANK} is allowed`);
  return {
    name: readName(view, at + TENSOR.name),
    dataType: view.getUint32(at + TENSOR.dataType, true) as DataType,
    dims: Array.from({ length: rank }, (_, i) => view.getUint32(at + TENSOR.dims + i * 4, true)),
    isInput: view.getUint8(at + TENSOR.isInput) !== 0,
    scale: view.getFloat32(at + TENSOR.scale, true),
    zeroPoint: view.getInt32(at + TENSOR.zeroPoint, true),
    offset: readSize(view, at + TENSOR.offset),
    frameBytes: readSize(view, at + TENSOR.frameBytes),
  };
}

function readName(view: DataView, at: number): string {
  const bytes = new Uint8Array(view.buffer as ArrayBuffer, at, TENSOR_NAME_BYTES);
  const end = bytes.indexOf(0);
  if (end < 0) fail("a tensor name has no end");
  return Buffer.from(bytes.subarray(0, end)).toString();
}

function readFields<K extends string>(fields: readonly K[], read: (field: K) => number): Record<K, number> {
  return Object.fromEntries(fields.map((field) => [field, read(field)])) as Record<K, number>;
}

function writeSize(view: DataView, at: number, value: number): void {
  view.setBigUint64(at, BigInt(value), true);
}

/** Sizes above 2^53 come out inexact, and every check against a limit refuses them. */
function readSize(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function fail(message: string): never {
  throw new ProtocolError(`link header: ${message}`);
}
