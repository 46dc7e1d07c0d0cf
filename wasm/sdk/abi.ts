// The module ABI, version 1.1: everything that host and module both look at, and nothing else.
//
// docs/reference/module-abi.md is this file in words, for authors in other languages; the host's mirror is
// services/postprocess/module_abi.ts. Records shared with the elements (FrameRecord, ObjectRecord, EventRecord) are those of
// firmware/link/protocol.h, byte for byte, so that the host moves them with one bulk copy.
//
// Numbers here are append-only: a minor version only gives meaning to reserved bytes, a host refuses another major.
// All pointers are offsets in the module's memory.

export const ABI_MAJOR: u32 = 1;
export const ABI_MINOR: u32 = 1;

/** Not an id: the object has no tracker. */
export const UNTRACKED: u64 = 0xffffffffffffffff;
/** FrameRecord.pts when the time is not known. */
export const NO_TIME: u64 = 0xffffffffffffffff;

/** What a module does. */
export namespace Kind {
  export const Detect: u32 = 1; // tensors -> objects
  export const Analyze: u32 = 2; // objects -> objects, track ids, events
}

/** What nj_init, nj_configure, nj_process and nj_restore return. */
export namespace Status {
  export const Ok: i32 = 0;
  export const BadTensors: i32 = -1; // the model's outputs are not what the module decodes
  export const BadParameter: i32 = -2;
  export const BadState: i32 = -3; // nj_restore: not a state of this module
  export const BadLimits: i32 = -4; // max_objects or the memory are too small
  export const Failed: i32 = -5; // anything else
}

export namespace DataType {
  export const Float32: u32 = 0;
  export const Float16: u32 = 1;
  export const Int8: u32 = 2;
  export const Int32: u32 = 3;
  export const Int64: u32 = 4;
  export const Uint8: u32 = 5;
}

export namespace FrameFlags {
  export const Inferred: u32 = 1; // detection ran on this frame
  export const Discontinuity: u32 = 2; // the source restarted: forget what is known of it
}

export namespace ObjectFlags {
  export const Tracked: u32 = 1; // has an object id
  export const Predicted: u32 = 2; // no detection in this frame: the tracker's estimate
  export const New: u32 = 4; // first frame of this object id
}

/** Which way a line was crossed; neither where the event knows no direction. Since 1.1. */
export namespace EventFlags {
  export const In: u32 = 1;
  export const Out: u32 = 2;
}

export namespace ParamType {
  export const Number: u32 = 1;
  export const Text: u32 = 2; // UTF-8, not terminated
  export const Numbers: u32 = 3; // f64[]
}

/** Given to nj_init; stays valid and unchanged for the life of the module. */
@unmanaged
export class InitBlock {
  bytes: u32; // of this block
  abi: u32; // of the host: major << 16 | minor
  kind: u32;
  maxObjects: u32; // of one frame
  maxEvents: u32; // of one frame
  auxBytes: u32; // arena of one frame
  tensorCount: u32;
  tensors: usize; // TensorInfo[tensorCount], the model's outputs in its order; none for analyze modules
  labelCount: u32; // 0 when the labels are not known
  labels: usize; // TextRef[labelCount], by class id
  networkWidth: u32; // pixels of the network input; 0 for analyze modules
  networkHeight: u32;
  firstObjectId: u64; // a tracker's first id, above every id that an earlier instance gave
  private r0: u64;
  private r1: u64;
  private r2: u64;
  private r3: u64;
  private r4: u64;
  private r5: u64;
  private r6: u64;
  private r7: u64;
  private r8: u64;
}

/** One output of the model, seen by one frame (no batch axis). */
@unmanaged
export class TensorInfo {
  name: usize; // UTF-8, not terminated
  nameBytes: u32;
  dataType: u32;
  rank: u32; // 0..8
  private d0: u32; // dims[8] begins here
  private d1: u32;
  private d2: u32;
  private d3: u32;
  private d4: u32;
  private d5: u32;
  private d6: u32;
  private d7: u32;
  bytes: u32; // of one frame
  scale: f32; // int8: real = scale * (q - zeroPoint); 1 otherwise
  zeroPoint: i32;
  blockBytes: u32; // since 1.1, the module's to write in nj_init: nj_block gets the tensor in blocks of that many; 0: whole
}

/** UTF-8, not terminated. */
@unmanaged
export class TextRef {
  at: usize;
  bytes: u32;
}

/** Given to nj_configure: all parameters, each time. Valid during the call only. */
@unmanaged
export class ParamBlock {
  count: u32;
  entries: usize; // ParamEntry[count]
  private r0: u64;
}

@unmanaged
export class ParamEntry {
  key: usize; // UTF-8, not terminated
  keyBytes: u32;
  type: u32;
  value: usize; // Text: UTF-8, Numbers: f64[]
  valueCount: u32; // bytes of the text, or numbers
  private r0: u32;
  number: f64; // Number
}

/** One frame; FrameRecord of protocol.h. */
@unmanaged
export class FrameRecord {
  sourceId: u32;
  frameNumber: i32;
  pts: u64; // ns, NO_TIME when unknown
  capture: u64; // ns since the epoch
  width: u32; // pixels of the frame
  height: u32;
  scaleX: f32; // letterbox: network = frame * scale + offset
  scaleY: f32;
  offsetX: f32;
  offsetY: f32;
  objectsIn: u32;
  objectsOut: u32; // the module's to write
  eventsOut: u32; // the module's to write
  auxIn: u32;
  auxOut: u32; // the module's to write: bytes used
  flags: u32; // FrameFlags
  user: u32; // analyze, since 1.1: user metadata of the frame in the arena out, a multiple of 4
  userBytes: u32; // 0: none
  private r0: u64;
  private r1: u64;
  private r2: u64;
  private r3: u64;
  private r4: u64;
  private r5: u64;
}

/** Given to nj_process: the record, then where the frame's data lies. */
@unmanaged
export class FrameBlock extends FrameRecord {
  tensors: usize; // usize[tensorCount]: the data of each tensor, 64-byte aligned
  objectsInAt: usize; // ObjectRecord[maxObjects]
  objectsOutAt: usize; // ObjectRecord[maxObjects]
  eventsOutAt: usize; // EventRecord[maxEvents]
  auxInAt: usize; // u8[auxBytes]
  auxOutAt: usize; // u8[auxBytes]
  private f0: u64;
  private f1: u64;
  private f2: u64;
  private f3: u64;
  private f4: u64;
}

/** One object; ObjectRecord of protocol.h. Pixels of the network (detect) or of the frame (analyze), radians. */
@unmanaged
export class ObjectRecord {
  left: f32;
  top: f32;
  width: f32;
  height: f32;
  angle: f32; // clockwise on screen, about the centre
  confidence: f32; // 0..1
  classId: i32;
  flags: u32; // ObjectFlags
  objectId: u64; // UNTRACKED until a tracker gives one
  trackerConfidence: f32; // 0..1
  parent: i32; // index in the same list, -1 for none
  input: i32; // analyze: index in the objects in that this one continues, -1 for a new one
  componentId: u32; // the host's
  aux: u32; // in the frame's arena, from its start
  auxBytes: u32;
  maskWidth: u16;
  maskHeight: u16;
  keypoints: u16;
  attributes: u16;
  age: u32; // tracker: frames since the object appeared
  userBytes: u32; // analyze, since 1.1: user metadata, behind the attributes
  private r0: u32;
  private r1: u32;
  private r2: u32;
  private r3: u32;
}

/** What an analyze module concluded; EventRecord of protocol.h. Texts are UTF-8, NUL-terminated. */
@unmanaged
export class EventRecord {
  private type0: u64; // type[24]
  private type1: u64;
  private type2: u64;
  private rule0: u64; // rule[32]
  private rule1: u64;
  private rule2: u64;
  private rule3: u64;
  private label0: u64; // label[32]
  private label1: u64;
  private label2: u64;
  private label3: u64;
  objectId: u64;
  classId: i32;
  object: i32; // index in the objects out, -1 for none
  x: f32; // pixels of the frame
  y: f32;
  value: f64;
  flags: u32; // EventFlags
  private r0: u32;
}

export const EVENT_TYPE_AT: usize = 0;
export const EVENT_TYPE_BYTES: i32 = 24;
export const EVENT_RULE_AT: usize = 24;
export const EVENT_RULE_BYTES: i32 = 32;
export const EVENT_LABEL_AT: usize = 56;
export const EVENT_LABEL_BYTES: i32 = 32;
export const TENSOR_DIMS_AT: usize = 16;
export const MAX_RANK: u32 = 8;

// A record that changes its size by accident does not compile.
if (offsetof<InitBlock>() != 128) ERROR("InitBlock must have 128 bytes");
if (offsetof<InitBlock>("firstObjectId") != 48) ERROR("InitBlock.firstObjectId must be at 48");
if (offsetof<TensorInfo>() != 64) ERROR("TensorInfo must have 64 bytes");
if (offsetof<TensorInfo>("blockBytes") != 60) ERROR("TensorInfo.blockBytes must be at 60");
if (offsetof<TextRef>() != 8) ERROR("TextRef must have 8 bytes");
if (offsetof<ParamBlock>() != 16) ERROR("ParamBlock must have 16 bytes");
if (offsetof<ParamEntry>() != 32) ERROR("ParamEntry must have 32 bytes");
if (offsetof<FrameRecord>() != 128) ERROR("FrameRecord must have 128 bytes");
if (offsetof<FrameRecord>("flags") != 68) ERROR("FrameRecord.flags must be at 68");
if (offsetof<FrameRecord>("userBytes") != 76) ERROR("FrameRecord.userBytes must be at 76");
if (offsetof<FrameBlock>() != 192) ERROR("FrameBlock must have 192 bytes");
if (offsetof<FrameBlock>("tensors") != 128) ERROR("FrameBlock.tensors must be at 128");
if (offsetof<ObjectRecord>() != 96) ERROR("ObjectRecord must have 96 bytes");
if (offsetof<ObjectRecord>("age") != 72) ERROR("ObjectRecord.age must be at 72");
if (offsetof<ObjectRecord>("userBytes") != 76) ERROR("ObjectRecord.userBytes must be at 76");
if (offsetof<EventRecord>() != 128) ERROR("EventRecord must have 128 bytes");
if (offsetof<EventRecord>("objectId") != 88) ERROR("EventRecord.objectId must be at 88");
