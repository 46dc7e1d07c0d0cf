// Reads a recording, whole or cut off.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32, zstdDecompressSync } from "node:zlib";
import { DATA_TYPE_BYTES, FRAME_BYTES } from "../../firmware/link/protocol.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import {
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  ChunkKind,
  COMPRESSED,
  FOOTER_BYTES,
  FRAME_HEADER_BYTES,
  FRAME_WORDS,
  HEADER_BYTES,
  MAGIC,
  MAX_CHUNK_BYTES,
  type RecordingIndex,
  readChunkHeader,
  readFileHeader,
  readFooter,
  type StreamInfo,
} from "./format.ts";
import { add, fromPlanes } from "./planes.ts";
import type { FrameParts } from "./writer.ts";

export interface StreamSummary {
  info: StreamInfo;
  frames: number;
}

/** By its first bytes, of whatever version; false when it cannot be read. */
export function isRecording(file: string): boolean {
  try {
    const fd = openSync(file, "r");
    try {
      const bytes = Buffer.alloc(MAGIC.length);
      return readSync(fd, bytes, 0, bytes.length, 0) === bytes.length && bytes.equals(MAGIC);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

export class RecordingReader {
  readonly file: string;
  /** ms since 1970 */
  readonly createdMs: number;
  readonly bytes: number;
  /** The recording ended without its index: its last second may be missing. */
  readonly cutOff: boolean;
  /** What the index says of its end; undefined when it was cut off. */
  readonly index: RecordingIndex | undefined;
  readonly streams: readonly StreamSummary[];
  readonly #fd: number;
  readonly #chunks: { at: number; header: ChunkHeader }[] = [];

  /** @throws ExpectedError when it cannot be read or is no recording */
  constructor(file: string) {
    this.file = file;
    try {
      this.#fd = openSync(file, "r");
    } catch (error) {
      throw new ExpectedError(EXIT.configuration, `${file} cannot be read: ${messageOf(error)}`, { cause: error });
    }
    this.bytes = fstatSync(this.#fd).size;
    const { bytes, createdMs } = readFileHeader(this.#read(0, HEADER_BYTES), file);
    this.createdMs = createdMs;
    this.#scan(bytes);
    const last = this.#chunks.at(-1);
    const isWhole = readFooter(this.#read(Math.max(0, this.bytes - FOOTER_BYTES), FOOTER_BYTES)) !== undefined;
    this.index = isWhole && last?.header.kind === ChunkKind.Index ? (this.#json(last) as RecordingIndex) : undefined;
    this.cutOff = this.index === undefined;
    this.streams = this.#summaries();
  }

  /** The frames of a stream in their order. @throws ExpectedError where the file is damaged */
  *frames(stream: number): Generator<FrameParts> {
    const summary = this.streams.find(({ info }) => info.stream === stream);
    for (const chunk of this.#chunks) {
      if (chunk.header.kind !== ChunkKind.Frames || chunk.header.stream !== stream || !summary) continue;
      yield* this.#framesOf(this.#contents(chunk), summary.info, chunk.at);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** The index would tell the same; so a cut-off file needs no way of its own. Only headers are read. */
  #scan(start: number): void {
    for (let at = start; at + CHUNK_HEADER_BYTES <= this.bytes; ) {
      const header = readChunkHeader(this.#read(at, CHUNK_HEADER_BYTES));
      if (!header || at + CHUNK_HEADER_BYTES + header.storedBytes > this.bytes) return;
      this.#chunks.push({ at, header });
      at += CHUNK_HEADER_BYTES + header.storedBytes;
    }
  }

  #summaries(): StreamSummary[] {
    const streams = this.#chunks.filter(({ header }) => header.kind === ChunkKind.Stream);
    return streams.map((chunk) => {
      const frames = this.#chunks
        .filter(({ header }) => header.kind === ChunkKind.Frames && header.stream === chunk.header.stream)
        .reduce((sum, { header }) => sum + header.frames, 0);
      return { info: this.#json(chunk) as StreamInfo, frames };
    });
  }

  *#framesOf(contents: Buffer, info: StreamInfo, at: number): Generator<FrameParts> {
    let before: Uint8Array | undefined;
    for (let start = 0; start < contents.length; ) {
      const parts = parseFrame(contents.subarray(start), info);
      if (!parts) throw this.#damaged(at);
      if (parts.frame.thumbnail.length > 0) {
        add(parts.frame.thumbnail, before);
        before = parts.frame.thumbnail;
      }
      yield parts.frame;
      start += parts.bytes;
    }
  }

  #json(chunk: { at: number; header: ChunkHeader }): unknown {
    try {
      return JSON.parse(this.#contents(chunk).toString());
    } catch (error) {
      if (error instanceof ExpectedError) throw error;
      throw this.#damaged(chunk.at);
    }
  }

  #contents({ at, header }: { at: number; header: ChunkHeader }): Buffer {
    const stored = this.#read(at + CHUNK_HEADER_BYTES, header.storedBytes);
    if (crc32(stored) !== header.crc) throw this.#damaged(at);
    if ((header.flags & COMPRESSED) === 0) return stored;
    try {
      return zstdDecompressSync(stored, { maxOutputLength: Math.min(MAX_CHUNK_BYTES, Math.max(1, header.rawBytes)) });
    } catch {
      throw this.#damaged(at);
    }
  }

  #read(at: number, bytes: number): Buffer {
    const buffer = Buffer.alloc(bytes);
    let got = 0;
    while (got < bytes) {
      const count = readSync(this.#fd, buffer, got, bytes - got, at + got);
      if (count === 0) break;
      got += count;
    }
    return buffer.subarray(0, got);
  }

  #damaged(at: number): ExpectedError {
    return new ExpectedError(
      EXIT.configuration,
      `${this.file} is damaged at byte ${at}: record again, or copy it again`,
    );
  }
}

/** Undefined when its lengths do not fit. */
function parseFrame(bytes: Buffer, info: StreamInfo): { frame: FrameParts; bytes: number } | undefined {
  if (bytes.length < FRAME_HEADER_BYTES + FRAME_BYTES) return undefined;
  const word = (key: keyof typeof FRAME_WORDS) => bytes.readUInt32LE(FRAME_WORDS[key] * 4);
  const total = word("bytes");
  let at = FRAME_HEADER_BYTES;
  const take = (length: number) => {
    at += length;
    return new Uint8Array(bytes.subarray(at - length, at));
  };
  const frame: FrameParts = {
    stream: info.stream,
    record: take(FRAME_BYTES),
    objectsIn: take(word("objectsIn")),
    objectsOut: take(word("objectsOut")),
    eventsOut: take(word("eventsOut")),
    auxIn: take(word("auxIn")),
    auxOut: take(word("auxOut")),
    outputs: outputsOf(take(word("outputs")), info),
    thumbnail: take(word("thumbnail")),
    droppedBefore: word("droppedBefore"),
  };
  return at === total && total <= bytes.length ? { frame, bytes: total } : undefined;
}

function outputsOf(planes: Uint8Array, { tensors }: StreamInfo): Uint8Array[] {
  if (planes.length === 0) return [];
  let at = 0;
  return tensors.map(({ bytes, dataType }) => {
    const part = planes.subarray(at, at + bytes);
    at += bytes;
    return fromPlanes(part, DATA_TYPE_BYTES[dataType] ?? 1);
  });
}
