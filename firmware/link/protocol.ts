// Mirror of protocol.h: the constants, the place of every field, and nothing that is not in that header.
// What the fields mean is said there. test/firmware/link/golden.bin pins both against each other.
//
// layout.ts computes and checks a whole link with these; slots.ts reads and writes the slots.

export const MAGIC = 0x4b4c4a4e;
export const MAJOR = 1;
export const MINOR = 1;

export const MAX_SLOTS = 16;
/** Inputs and outputs together. */
export const MAX_TENSORS = 16;
export const MAX_RANK = 8;
export const MAX_BATCH = 1024;
export const MAX_OBJECTS = 65536;
export const MAX_EVENTS = 65536;
/** Bytes of the arena of one frame. */
export const MAX_AUX_BYTES = 64 * 1024 * 1024;
/** Bytes of a whole link. */
export const MAX_BYTES = 8 * 1024 ** 3;
/** The longest sleep in one futex wait, in milliseconds. */
export const WAIT_MS = 100;
export const UNTRACKED = 0xffff_ffff_ffff_ffffn;

export const Kind = { Detect: 1, Analyze: 2 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export const Bell = { Engine: 0, Module: 1, Element: 2 } as const;
export type Bell = (typeof Bell)[keyof typeof Bell];
export const BELL_COUNT = 4;

export const SlotState = {
  Free: 0,
  Filling: 1,
  InputReady: 2,
  Inferring: 3,
  OutputReady: 4,
  Decoding: 5,
  ResultReady: 6,
  Failed: 7,
} as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

export const DataType = { Float32: 0, Float16: 1, Int8: 2, Int32: 3, Int64: 4, Uint8: 5 } as const;
export type DataType = (typeof DataType)[keyof typeof DataType];
/** Bytes of one element, by DataType. */
export const DATA_TYPE_BYTES: readonly number[] = [4, 2, 1, 4, 8, 1];

export const LinkError = {
  None: 0,
  Engine: 1,
  Module: 2,
  Deadline: 3,
  Overflow: 4,
  Stopping: 5,
  Protocol: 6,
} as const;
export type LinkError = (typeof LinkError)[keyof typeof LinkError];

export const FrameFlags = { Inferred: 1, Discontinuity: 2 } as const;
export const ObjectFlags = { Tracked: 1, Predicted: 2, New: 4 } as const;
export const EventFlags = { In: 1, Out: 2 } as const;

/** Bytes of each record. */
export const HEADER_BYTES = 3008;
export const TENSOR_BYTES = 160;
export const SLOT_HEADER_BYTES = 256;
export const FRAME_BYTES = 128;
export const OBJECT_BYTES = 96;
export const EVENT_BYTES = 128;

/** Offsets in LinkHeader. */
export const HEADER = {
  magic: 0, // u32
  major: 4, // u16
  minor: 6, // u16
  kind: 8, // u32
  slotCount: 12, // u32
  totalBytes: 16, // u64
  firstSlot: 24, // u64
  slotStride: 32, // u64
  maxBatch: 40, // u32
  maxObjects: 44, // u32
  maxEvents: 48, // u32
  auxBytes: 52, // u32
  tensorCount: 56, // u32
  generation: 60, // u32
  frames: 64, // u64
  objectsIn: 72, // u64
  objectsOut: 80, // u64
  eventsOut: 88, // u64
  auxIn: 96, // u64
  auxOut: 104, // u64
  reserved0: 112, // 16 bytes
  bells: 128, // u32 every BELL_STRIDE bytes
  stop: 384, // u32
  tensors: 448, // TensorDescriptor[MAX_TENSORS]
} as const;
export const BELL_STRIDE = 64;

/** Offsets in TensorDescriptor. */
export const TENSOR = {
  name: 0, // char[64]
  dataType: 64, // u32
  rank: 68, // u32
  dims: 72, // u32[8]
  offset: 104, // u64
  frameBytes: 112, // u64
  scale: 120, // f32
  zeroPoint: 124, // i32
  isInput: 128, // u8
  reserved: 129, // 31 bytes
} as const;
export const TENSOR_NAME_BYTES = 64;

/** Offsets in SlotHeader. */
export const SLOT = {
  state: 0, // u32, atomic
  batch: 4, // u32
  sequence: 8, // u64
  submitted: 16, // u64 ns
  engineStart: 24, // u64 ns
  engineEnd: 32, // u64 ns
  moduleStart: 40, // u64 ns
  moduleEnd: 48, // u64 ns
  errorCode: 56, // u32
  reserved0: 60, // u32
  error: 64, // char[192]
} as const;
export const SLOT_ERROR_BYTES = 192;

/** Offsets in FrameRecord. */
export const FRAME = {
  sourceId: 0, // u32
  frameNumber: 4, // i32
  pts: 8, // u64
  capture: 16, // u64
  width: 24, // u32
  height: 28, // u32
  scaleX: 32, // f32
  scaleY: 36, // f32
  offsetX: 40, // f32
  offsetY: 44, // f32
  objectsIn: 48, // u32
  objectsOut: 52, // u32
  eventsOut: 56, // u32
  auxIn: 60, // u32
  auxOut: 64, // u32
  flags: 68, // u32
  user: 72, // u32
  userBytes: 76, // u32
  reserved: 80, // 48 bytes
} as const;

/** Offsets in ObjectRecord. */
export const OBJECT = {
  left: 0, // f32
  top: 4, // f32
  width: 8, // f32
  height: 12, // f32
  angle: 16, // f32
  confidence: 20, // f32
  classId: 24, // i32
  flags: 28, // u32
  objectId: 32, // u64
  trackerConfidence: 40, // f32
  parent: 44, // i32
  input: 48, // i32
  componentId: 52, // u32
  aux: 56, // u32
  auxBytes: 60, // u32
  maskWidth: 64, // u16
  maskHeight: 66, // u16
  keypoints: 68, // u16
  attributes: 70, // u16
  age: 72, // u32
  userBytes: 76, // u32
  reserved: 80, // 16 bytes
} as const;

/** Offsets in EventRecord. */
export const EVENT = {
  type: 0, // char[24]
  rule: 24, // char[32]
  label: 56, // char[32]
  objectId: 88, // u64
  classId: 96, // i32
  object: 100, // i32
  x: 104, // f32
  y: 108, // f32
  value: 112, // f64
  flags: 120, // u32
  reserved: 124, // 4 bytes
} as const;
export const EVENT_TYPE_BYTES = 24;
export const EVENT_RULE_BYTES = 32;
export const EVENT_LABEL_BYTES = 32;

/** The other side wrote, or asked for, something that the protocol does not allow. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}
