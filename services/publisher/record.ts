/**
 * The records that njpayloadsink writes to a pipe: firmware/plugin/payloadsink/record.h is the contract, and
 * test/firmware/plugin/payloadsink/golden.bin pins its bytes for both languages.
 */

/** Kinds of records. */
export const KIND = { objects: 1, event: 2, media: 3, drops: 4 } as const;

const MAGIC = 0x43524a4e; // "NJRC"
const HEADER_BYTES = 64;
/** The header may grow; this is far beyond what it will ever be. */
const MAX_HEADER_BYTES = 4096;
/** The picture of a large camera fits; anything longer is a damaged stream. */
const MAX_PAYLOAD_BYTES = 32 * 1024 * 1024;

export interface PayloadRecord {
  /** One of KIND. */
  readonly kind: number;
  /** The number of the camera in the pipeline; 0xffffffff when there is none. */
  readonly sourceId: number;
  /** -1 when unknown. */
  readonly frameNumber: number;
  /** Stream time, nanoseconds; all ones when unknown. */
  readonly pts: bigint;
  /** When the frame was captured, nanoseconds since 1970; 0 when unknown. */
  readonly captureNs: bigint;
  /** Counts all records that the element was given, also the dropped ones. */
  readonly sequence: bigint;
  readonly componentId: number;
  /** Records that were dropped since the one before. */
  readonly dropped: number;
  /** When the element got it, nanoseconds since 1970. */
  readonly emittedNs: bigint;
  readonly payload: Buffer;
}

/** The stream is not what it should be, and cannot be trusted from here on: restart the process that writes it. */
export class RecordError extends Error {
  override name = "RecordError";
}

/** Cuts a byte stream into records, whatever its chunks are. After an error it takes nothing more. */
export class RecordReader {
  #chunks: Buffer[] = [];
  #buffered = 0;
  #needed = HEADER_BYTES;
  #lastSequence: bigint | undefined;
  #failure: RecordError | undefined;

  /** The records that became complete. @throws RecordError when the stream is damaged, now or before. */
  push(chunk: Buffer): PayloadRecord[] {
    if (this.#failure !== undefined) throw this.#failure;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    try {
      return this.#cut();
    } catch (error) {
      if (error instanceof RecordError) this.#failure = error;
      this.#keep(Buffer.alloc(0), HEADER_BYTES);
      throw error;
    }
  }

  /** Bytes of a record that is not complete yet: what is lost when the stream ends here. */
  get pendingBytes(): number {
    return this.#buffered;
  }

  #cut(): PayloadRecord[] {
    const records: PayloadRecord[] = [];
    // Chunks are joined only when a whole record is there, so that a large picture is copied once.
    while (this.#buffered >= this.#needed) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      const total = recordBytes(bytes);
      if (bytes.length < total) {
        this.#keep(bytes, total);
        break;
      }
      const record = decode(bytes, total);
      this.#checkSequence(record);
      records.push(record);
      this.#keep(bytes.subarray(total), HEADER_BYTES);
    }
    return records;
  }

  #keep(bytes: Buffer, needed: number): void {
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    this.#buffered = bytes.length;
    this.#needed = needed;
  }

  /** The numbers account for every record, so a gap that `dropped` does not explain means lost bytes. */
  #checkSequence(record: PayloadRecord): void {
    const last = this.#lastSequence;
    this.#lastSequence = record.sequence;
    if (last === undefined) return;
    const expected = last + BigInt(record.dropped) + (record.kind === KIND.drops ? 0n : 1n);
    if (record.sequence !== expected)
      throw new RecordError(`payload record ${record.sequence} follows ${last}, where ${expected} was expected`);
  }
}

function recordBytes(bytes: Buffer): number {
  const magic = bytes.readUInt32LE(0);
  const headerBytes = bytes.readUInt32LE(4);
  const payloadBytes = bytes.readUInt32LE(8);
  if (magic !== MAGIC)
    throw new RecordError(`a payload record must begin with "NJRC", not with the bytes ${bytes.toString("hex", 0, 4)}`);
  if (headerBytes < HEADER_BYTES || headerBytes > MAX_HEADER_BYTES)
    throw new RecordError(`a payload record claims a header of ${headerBytes} bytes`);
  if (payloadBytes > MAX_PAYLOAD_BYTES)
    throw new RecordError(`a payload record claims ${payloadBytes} bytes of payload`);
  return headerBytes + payloadBytes;
}

function decode(bytes: Buffer, total: number): PayloadRecord {
  return {
    kind: bytes.readUInt32LE(12),
    sourceId: bytes.readUInt32LE(16),
    frameNumber: bytes.readInt32LE(20),
    pts: bytes.readBigUInt64LE(24),
    captureNs: bytes.readBigUInt64LE(32),
    sequence: bytes.readBigUInt64LE(40),
    componentId: bytes.readUInt32LE(48),
    dropped: bytes.readUInt32LE(52),
    emittedNs: bytes.readBigUInt64LE(56),
    payload: bytes.subarray(bytes.readUInt32LE(4), total),
  };
}

/** A record as the element writes it; for tests and for replaying. */
export function encodeRecord(record: Partial<PayloadRecord> & { kind: number; payload: Buffer }): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(HEADER_BYTES, 4);
  header.writeUInt32LE(record.payload.length, 8);
  header.writeUInt32LE(record.kind, 12);
  header.writeUInt32LE(record.sourceId ?? 0, 16);
  header.writeInt32LE(record.frameNumber ?? 0, 20);
  header.writeBigUInt64LE(record.pts ?? 0n, 24);
  header.writeBigUInt64LE(record.captureNs ?? 0n, 32);
  header.writeBigUInt64LE(record.sequence ?? 0n, 40);
  header.writeUInt32LE(record.componentId ?? 0, 48);
  header.writeUInt32LE(record.dropped ?? 0, 52);
  header.writeBigUInt64LE(record.emittedNs ?? 0n, 56);
  return Buffer.concat([header, record.payload]);
}
