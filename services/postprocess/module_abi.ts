// Mirror of wasm/sdk/abi.ts: the constants and the place of every field that the host writes or reads.
// What they mean is said there and in docs/reference/module-abi.md. FrameRecord, ObjectRecord and EventRecord are those
// of the link (firmware/link/protocol.ts).

export const ABI_MAJOR = 1;
export const ABI_MINOR = 1;
export const ALIGN = 64;

export const STATUS: Readonly<Record<number, string>> = {
  [-1]: "the model's outputs are not what the module decodes",
  [-2]: "a parameter is wrong",
  [-3]: "the saved state is not of this module",
  [-4]: "the limits of the bundle are too small",
  [-5]: "the module failed",
};

export const INIT_BYTES = 128;
/** Offsets in InitBlock; all u32 but firstObjectId. */
export const INIT = {
  bytes: 0,
  abi: 4,
  kind: 8,
  maxObjects: 12,
  maxEvents: 16,
  auxBytes: 20,
  tensorCount: 24,
  tensors: 28,
  labelCount: 32,
  labels: 36,
  networkWidth: 40,
  networkHeight: 44,
  firstObjectId: 48, // u64
} as const;

export const TENSOR_INFO_BYTES = 64;
/** Offsets in TensorInfo. */
export const TENSOR_INFO = {
  name: 0,
  nameBytes: 4,
  dataType: 8,
  rank: 12,
  dims: 16, // u32[8]
  bytes: 48,
  scale: 52, // f32
  zeroPoint: 56, // i32
  blockBytes: 60, // u32, the module's to write in nj_init
} as const;

export const TEXT_REF_BYTES = 8;

export const PARAM_BLOCK_BYTES = 16;
export const PARAM_ENTRY_BYTES = 32;
/** Offsets in ParamEntry. */
export const PARAM = { key: 0, keyBytes: 4, type: 8, value: 12, valueCount: 16, number: 24 } as const;
export const PARAM_TYPE = { number: 1, text: 2, numbers: 3 } as const;

export const FRAME_BLOCK_BYTES = 192;
/** Offsets in FrameBlock, after the FrameRecord at 0. */
export const FRAME_BLOCK = {
  tensors: 128, // u32[tensorCount]
  objectsIn: 132,
  objectsOut: 136,
  eventsOut: 140,
  auxIn: 144,
  auxOut: 148,
} as const;

/** Bytes that all parameters of a module may take together, keys and values. */
export const MAX_PARAMETER_BYTES = 256 * 1024;
/** Bytes of one line of log that are kept. */
export const MAX_LOG_BYTES = 512;
/** Bytes of saved state that the host offers. */
export const MAX_STATE_BYTES = 4 * 1024 * 1024;
/** Name of the custom section that holds a module's manifest as JSON. */
export const MANIFEST_SECTION = "nightjar";
