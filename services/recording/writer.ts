// Writes a recording: collects frames of each stream, and appends a chunk when there are enough of them or they are old enough.

import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { constants, zstdCompressSync } from "node:zlib";
import { DATA_TYPE_BYTES, FRAME, FRAME_BYTES } from "../../firmware/link/protocol.ts";
import {
  CHUNK_HEADER_BYTES,
  ChunkKind,
  COMPRESSED,
  chunkHeader,
  FOOTER_BYTES,
  FRAME_HEADER_BYTES,
  FRAME_WORDS,
  fileHeader,
  footer,
  type IndexEntry,
  type StreamInfo,
} from "./format.ts";
import { subtract, toPlanes } from "./planes.ts";

export interface FrameParts {
  stream: number;
  /** FrameRecord. */
  record: Uint8Array;
  objectsIn: Uint8Array;
  objectsOut: Uint8Array;
  eventsOut: Uint8Array;
  auxIn: Uint8Array;
  auxOut: Uint8Array;
  /** In the stream's order; empty when they are not recorded. */
  outputs: readonly Uint8Array[];
  /** RGB; empty: none. */
  thumbnail: Uint8Array;
  droppedBefore: number;
}

/** Raw bytes of a chunk, about: what is lost when the file is cut off. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const CHUNK_MS = 1000;
/** Chunks of a small file are smaller: the last one that does not fit is left out whole. */
const LEAST_CHUNKS = 32;
/** Index entries, the last JSON around them, and the footer. */
const ENTRY_BYTES = 64;
const RESERVE_BYTES = 16 * 1024;
/** Fast, and within some percent of the better levels for these bytes. */
const LEVEL = 3;

interface Pending {
  parts: Uint8Array[];
  bytes: number;
  frames: number;
  time: bigint;
  since: number;
  /** Of the frame before in this chunk. */
  thumbnail: Uint8Array | undefined;
}

export class RecordingWriter {
  readonly #fd: number;
  readonly #maxBytes: number;
  readonly #chunkBytes: number;
  readonly #began = performance.now();
  readonly #streams = new Map<
    number,
    { info: StreamInfo; frames: number; dropped: number; pending: Pending | undefined }
  >();
  readonly #chunks: IndexEntry[] = [];
  #bytes = 0;
  #full = false;
  #closed = false;

  /** @throws the system's error when the file cannot be made */
  constructor(file: string, maxBytes: number) {
    this.#fd = openSync(file, "w", 0o640);
    this.#maxBytes = maxBytes;
    this.#chunkBytes = Math.min(CHUNK_BYTES, maxBytes / LEAST_CHUNKS);
    this.#write(fileHeader(Date.now()));
  }

  /** Of the file so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** It takes no more: the next chunk would exceed the limit. */
  get full(): boolean {
    return this.#full;
  }

  get frames(): number {
    return [...this.#streams.values()].reduce((sum, { frames }) => sum + frames, 0);
  }

  get dropped(): number {
    return [...this.#streams.values()].reduce((sum, { dropped }) => sum + dropped, 0);
  }

  addStream(info: StreamInfo): void {
    this.#streams.set(info.stream, { info, frames: 0, dropped: 0, pending: undefined });
    const contents = Buffer.from(JSON.stringify(info));
    this.#append({ kind: ChunkKind.Stream, stream: info.stream, frames: 0, time: 0n }, contents);
  }

  addFrame(parts: FrameParts): void {
    const stream = this.#streams.get(parts.stream);
    if (!stream || this.#full) return;
    const pending = stream.pending ?? emptyChunk(timeOf(parts.record));
    stream.pending = pending;
    const thumbnail = parts.thumbnail.slice();
    subtract(thumbnail, pending.thumbnail);
    if (parts.thumbnail.length > 0) pending.thumbnail = parts.thumbnail;
    const outputs = parts.outputs.map((bytes, i) => toPlanes(bytes, sizeOf(stream.info, i)));
    const frame = [
      parts.record.subarray(0, FRAME_BYTES),
      parts.objectsIn,
      parts.objectsOut,
      parts.eventsOut,
      parts.auxIn,
      parts.auxOut,
      ...outputs,
      thumbnail,
    ];
    pending.parts.push(frameHeader(parts, frame), ...frame);
    pending.bytes += FRAME_HEADER_BYTES + bytesOf(frame);
    pending.frames++;
    stream.frames++;
    stream.dropped += parts.droppedBefore;
    if (pending.bytes >= this.#chunkBytes) this.#flush(parts.stream);
  }

  /** Appends what is old enough. To be called now and then. */
  flushOld(now = performance.now()): void {
    for (const [stream, { pending }] of this.#streams)
      if (pending && now - pending.since >= CHUNK_MS) this.#flush(stream);
  }

  /** `ended`: why. Nothing can be added afterwards. */
  close(ended: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.keys()) this.#flush(stream);
    const streams = [...this.#streams].map(([stream, { frames, dropped }]) => ({ stream, frames, dropped }));
    const index = {
      chunks: this.#chunks.slice(),
      streams,
      ended,
      durationMs: Math.round(performance.now() - this.#began),
    };
    const at = this.#bytes;
    this.#append({ kind: ChunkKind.Index, stream: 0, frames: 0, time: 0n }, Buffer.from(JSON.stringify(index)));
    this.#write(footer(at));
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }

  #flush(id: number): void {
    const stream = this.#streams.get(id)!;
    const { pending } = stream;
    stream.pending = undefined;
    if (!pending) return;
    const { frames, time } = pending;
    if (this.#append({ kind: ChunkKind.Frames, stream: id, frames, time }, Buffer.concat(pending.parts))) return;
    stream.frames -= frames;
  }

  /** False when there was no more room for it. */
  #append(of: { kind: ChunkKind; stream: number; frames: number; time: bigint }, contents: Buffer): boolean {
    const stored = zstdCompressSync(contents, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
    const isIndex = of.kind === ChunkKind.Index;
    const reserve = isIndex ? 0 : RESERVE_BYTES + (this.#chunks.length + 1) * ENTRY_BYTES;
    if (this.#bytes + CHUNK_HEADER_BYTES + stored.length + reserve + FOOTER_BYTES > this.#maxBytes && !isIndex) {
      this.#full = true;
      return false;
    }
    this.#chunks.push({ offset: this.#bytes, kind: of.kind, stream: of.stream, frames: of.frames });
    this.#write(chunkHeader({ ...of, flags: COMPRESSED, rawBytes: contents.length }, stored));
    this.#write(stored);
    return true;
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at);
    this.#bytes += bytes.length;
  }
}

function emptyChunk(time: bigint): Pending {
  return { parts: [], bytes: 0, frames: 0, time, since: performance.now(), thumbnail: undefined };
}

function frameHeader(parts: FrameParts, sections: readonly Uint8Array[]): Uint8Array {
  const words = new Uint32Array(FRAME_HEADER_BYTES / 4);
  words[FRAME_WORDS.bytes] = FRAME_HEADER_BYTES + bytesOf(sections);
  for (const key of ["objectsIn", "objectsOut", "eventsOut", "auxIn", "auxOut"] as const) {
    words[FRAME_WORDS[key]] = parts[key].length;
  }
  words[FRAME_WORDS.outputs] = bytesOf(parts.outputs);
  words[FRAME_WORDS.thumbnail] = parts.thumbnail.length;
  words[FRAME_WORDS.droppedBefore] = parts.droppedBefore;
  return new Uint8Array(words.buffer);
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function sizeOf(info: StreamInfo, output: number): number {
  return DATA_TYPE_BYTES[info.tensors[output]?.dataType ?? 5] ?? 1;
}

function timeOf(record: Uint8Array): bigint {
  return new DataView(record.buffer, record.byteOffset).getBigUint64(FRAME.capture, true);
}
