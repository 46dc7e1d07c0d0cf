/**
 * The file of a recording (.njrec): what one camera's frames were to the models and modules of a running Nightjar.
 *
 *   header, 32 bytes     "NJREC\r\n\0", u16 major, u16 minor, u32 bytes of this header, u64 created (ms since 1970), 8 reserved
 *   chunk …              each 40 bytes of header, then its contents
 *   footer, 16 bytes     u64 offset of the index chunk, "NJRECEND"
 *
 * A chunk's header: "NJCK", u32 kind, u32 flags (1: zstd), u32 raw bytes, u32 stored bytes, u32 CRC-32 of the stored bytes, u64
 * capture time of its first frame (ns since 1970, 0: unknown), u32 frames, u32 stream. Kinds: 1 stream (JSON, StreamInfo), 2 frames
 * of one stream, 3 index (JSON, RecordingIndex). A stream's chunk stands before its frames. Without a footer (the recording was
 * cut off) the chunks are found one after the other; the last whole one is the end.
 *
 * Contents of a frames chunk: frames one after the other, each u32[16] (FRAME_WORDS), then the FrameRecord (128 bytes), objects in,
 * objects out, events out (records of firmware/link/protocol.h), aux in, aux out, the outputs of the model in the stream's
 * order, and the thumbnail. Numbers of more than one byte lie byte by byte in the outputs: first all lowest bytes, and so
 * on, which halves what zstd makes of them. A thumbnail is RGB, 8 bits, minus the one before in the same chunk.
 *
 * Little-endian. Another major version is refused; kinds, flags and JSON members that a reader does not know are passed over.
 */

import { crc32 } from "node:zlib";
import { EXIT, ExpectedError } from "../log/errors.ts";

export const MAJOR = 1;
export const MINOR = 0;
export const HEADER_BYTES = 32;
export const CHUNK_HEADER_BYTES = 40;
export const FOOTER_BYTES = 16;
export const FRAME_HEADER_BYTES = 64;
/** No chunk is larger, whatever its header says. */
export const MAX_CHUNK_BYTES = 256 * 1024 * 1024;

export const MAGIC = Buffer.from("NJREC\r\n\0", "latin1");
const CHUNK_MAGIC = Buffer.from("NJCK", "latin1");
const FOOTER_MAGIC = Buffer.from("NJRECEND", "latin1");

export const ChunkKind = { Stream: 1, Frames: 2, Index: 3 } as const;
export type ChunkKind = (typeof ChunkKind)[keyof typeof ChunkKind];
export const COMPRESSED = 1;

/** Words of a frame's header. */
export const FRAME_WORDS = {
  /** Of the whole frame with this header. */
  bytes: 0,
  objectsIn: 1,
  objectsOut: 2,
  eventsOut: 3,
  auxIn: 4,
  auxOut: 5,
  outputs: 6,
  thumbnail: 7,
  /** Frames of this camera that were left out since the one before in this stream. */
  droppedBefore: 8,
} as const;

export interface StreamTensor {
  name: string;
  /** DataType of the link. */
  dataType: number;
  /** Of one frame. */
  dims: number[];
  bytes: number;
  scale: number;
  zeroPoint: number;
}

/** One bundle at one element: a swap during the recording begins another stream. */
export interface StreamInfo {
  stream: number;
  /** infer, tracker, zones, … */
  element: string;
  kind: "detect" | "analyze";
  bundle: { name: string; version: string; digest: string; directory: string };
  labels: string[];
  /** Pixels of the network's picture; zeros for analyze. */
  network: { width: number; height: number };
  /** As in bundle.yaml. */
  limits: Record<string, number>;
  /** The bundle's, with those of the element over them. */
  parameters: Record<string, unknown>;
  /** Outputs of the model; empty when they are not recorded. */
  tensors: StreamTensor[];
  /** Pixels; their height follows the frame's shape, and from their bytes. Null: there are none. */
  thumbnail: { width: number } | null;
  camera: string;
  sourceId: number;
}

export interface IndexEntry {
  offset: number;
  kind: number;
  stream: number;
  frames: number;
}

export interface RecordingIndex {
  chunks: IndexEntry[];
  /** Frames and left-out frames by stream. */
  streams: { stream: number; frames: number; dropped: number }[];
  ended: string;
  durationMs: number;
}

export interface ChunkHeader {
  kind: number;
  flags: number;
  rawBytes: number;
  storedBytes: number;
  crc: number;
  /** ns */
  time: bigint;
  frames: number;
  stream: number;
}

export function fileHeader(createdMs: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt16LE(MAJOR, 8);
  header.writeUInt16LE(MINOR, 10);
  header.writeUInt32LE(HEADER_BYTES, 12);
  header.writeBigUInt64LE(BigInt(Math.round(createdMs)), 16);
  return header;
}

/** Bytes of the header, and when it was made. @throws ExpectedError when it is none of ours */
export function readFileHeader(bytes: Buffer, file: string): { bytes: number; createdMs: number } {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) {
    throw new ExpectedError(EXIT.configuration, `${file} is no recording of Nightjar`);
  }
  const major = bytes.readUInt16LE(8);
  if (major !== MAJOR) {
    const message = `${file} has version ${major} of the format, this Nightjar reads ${MAJOR}`;
    throw new ExpectedError(EXIT.configuration, message);
  }
  return { bytes: bytes.readUInt32LE(12), createdMs: Number(bytes.readBigUInt64LE(16)) };
}

export function chunkHeader(header: Omit<ChunkHeader, "storedBytes" | "crc">, stored: Uint8Array): Buffer {
  const bytes = Buffer.alloc(CHUNK_HEADER_BYTES);
  CHUNK_MAGIC.copy(bytes);
  const words = [header.kind, header.flags, header.rawBytes, stored.length, crc32(stored)];
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, 4 + i * 4);
  bytes.writeBigUInt64LE(header.time, 24);
  bytes.writeUInt32LE(header.frames, 32);
  bytes.writeUInt32LE(header.stream, 36);
  return bytes;
}

/** Undefined when these are not the bytes of one. */
export function readChunkHeader(bytes: Buffer): ChunkHeader | undefined {
  if (bytes.length < CHUNK_HEADER_BYTES || !bytes.subarray(0, 4).equals(CHUNK_MAGIC)) return undefined;
  const word = (i: number) => bytes.readUInt32LE(4 + i * 4);
  const [kind, flags, rawBytes, storedBytes, crc] = [word(0), word(1), word(2), word(3), word(4)];
  if (rawBytes > MAX_CHUNK_BYTES || storedBytes > MAX_CHUNK_BYTES) return undefined;
  const time = bytes.readBigUInt64LE(24);
  return {
    kind,
    flags,
    rawBytes,
    storedBytes,
    crc,
    time,
    frames: bytes.readUInt32LE(32),
    stream: bytes.readUInt32LE(36),
  };
}

export function footer(indexOffset: number): Buffer {
  const bytes = Buffer.alloc(FOOTER_BYTES);
  bytes.writeBigUInt64LE(BigInt(indexOffset), 0);
  FOOTER_MAGIC.copy(bytes, 8);
  return bytes;
}

/** Offset of the index; undefined when the recording was cut off. */
export function readFooter(bytes: Buffer): number | undefined {
  if (bytes.length !== FOOTER_BYTES || !bytes.subarray(8).equals(FOOTER_MAGIC)) return undefined;
  return Number(bytes.readBigUInt64LE(0));
}
