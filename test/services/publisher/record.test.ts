import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  encodeRecord,
  KIND,
  type PayloadRecord,
  RecordError,
  RecordReader,
} from "../../../services/publisher/record.ts";

const golden = readFileSync(join(import.meta.dirname, "../../firmware/plugin/payloadsink/golden.bin"));

function record(sequence: number, text: string, dropped = 0, kind: number = KIND.objects): Buffer {
  return encodeRecord({ kind, payload: Buffer.from(text), sequence: BigInt(sequence), dropped });
}

function texts(records: readonly PayloadRecord[]): string[] {
  return records.map(({ payload }) => payload.toString());
}

it("reads the bytes that the element writes", () => {
  const [read] = new RecordReader().push(golden);
  expect(read).toEqual({
    kind: 1,
    sourceId: 0x04030201,
    frameNumber: -2,
    pts: 0x0102030405060708n,
    captureNs: 1784535330123456789n,
    sequence: 1n,
    componentId: 0x0d0c0b0a,
    dropped: 0,
    emittedNs: 1784535330133456789n,
    payload: Buffer.from('{"a" : 1}'),
  });
  expect(encodeRecord(read!)).toEqual(golden);
});

it("does not care where the stream is cut", () => {
  const stream = Buffer.concat([record(1, "first"), record(2, ""), record(3, "x".repeat(300))]);
  for (let size = 1; size <= stream.length; size++) {
    const reader = new RecordReader();
    const read: PayloadRecord[] = [];
    for (let at = 0; at < stream.length; at += size) read.push(...reader.push(stream.subarray(at, at + size)));
    expect(texts(read)).toEqual(["first", "", "x".repeat(300)]);
    expect(reader.pendingBytes).toBe(0);
  }
});

it("refuses a stream that does not begin with a record, and takes nothing after that", () => {
  const reader = new RecordReader();
  expect(() => reader.push(Buffer.alloc(64, 0x41))).toThrow(RecordError);
  expect(() => reader.push(record(1, "good"))).toThrow(RecordError);
});

it("refuses impossible lengths", () => {
  const payload = record(1, "x");
  payload.writeUInt32LE(0xffffffff, 8);
  expect(() => new RecordReader().push(payload)).toThrow(/4294967295 bytes/);
  const header = record(1, "x");
  header.writeUInt32LE(8, 4);
  expect(() => new RecordReader().push(header)).toThrow(/header of 8 bytes/);
});

it("skips what a newer header adds", () => {
  const newer = Buffer.concat([record(1, "body").subarray(0, 64), Buffer.alloc(16), Buffer.from("body")]);
  newer.writeUInt32LE(80, 4);
  expect(texts(new RecordReader().push(newer))).toEqual(["body"]);
});

it("accepts gaps that are announced, in a record or in a drop report", () => {
  const stream = [record(1, "a"), record(5, "b", 3), record(7, "{}", 2, KIND.drops), record(8, "c")];
  expect(new RecordReader().push(Buffer.concat(stream))).toHaveLength(4);
});

it("refuses gaps that are not announced", () => {
  expect(() => new RecordReader().push(Buffer.concat([record(1, "a"), record(3, "b")]))).toThrow(/3 follows 1/);
});
