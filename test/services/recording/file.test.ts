/** The file of a recording: what is written is read again, also when the end is missing. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { StreamInfo } from "../../../services/recording/format.ts";
import { RecordingReader } from "../../../services/recording/reader.ts";
import { frameRecord, objectRecords } from "../../../services/recording/records.ts";
import { type FrameParts, RecordingWriter } from "../../../services/recording/writer.ts";

const folder = mkdtempSync(join(tmpdir(), "nightjar-recording-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const newFile = () => join(folder, `${count++}.njrec`);

const info: StreamInfo = {
  stream: 1,
  element: "infer",
  kind: "detect",
  bundle: { name: "street", version: "1.0.0", digest: "", directory: "/nowhere" },
  labels: ["car"],
  network: { width: 64, height: 64 },
  limits: { objects: 10 },
  parameters: { threshold: 0.5 },
  tensors: [{ name: "output0", dataType: 0, dims: [6, 100], bytes: 2400, scale: 1, zeroPoint: 0 }],
  thumbnail: { width: 8 },
  camera: "gate",
  sourceId: 3,
};
const NONE = new Uint8Array(0);

function frame(number: number): FrameParts {
  const record = new Uint8Array(128);
  const letterbox = { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  const facts = { sourceId: 3, number, pts: BigInt(number), capture: BigInt(number), width: 64, height: 64 };
  frameRecord({ ...facts, ...letterbox, inferred: true, discontinuity: false }, record);
  const objects = objectRecords([
    { left: number, top: 1, width: 2, height: 3, angle: 0, confidence: 1, classId: 0, id: 7n },
  ]);
  const outputs = [new Uint8Array(Float32Array.from({ length: 600 }, (_, i) => Math.sin(i * number)).buffer)];
  const thumbnail = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (i * number) & 255);
  return {
    stream: 1,
    record,
    objectsIn: NONE,
    objectsOut: objects,
    eventsOut: NONE,
    auxIn: NONE,
    auxOut: NONE,
    outputs,
    thumbnail,
    droppedBefore: number === 5 ? 2 : 0,
  };
}

function write(frames: number, maxBytes = 1e8): string {
  const file = newFile();
  const writer = new RecordingWriter(file, maxBytes);
  writer.addStream(info);
  for (let i = 0; i < frames; i++) {
    writer.addFrame(frame(i));
    // Chunks of ten, as time would make them.
    if (i % 10 === 9) writer.flushOld(Number.POSITIVE_INFINITY);
  }
  writer.close("stopped");
  return file;
}

function read(file: string) {
  const reader = new RecordingReader(file);
  try {
    return { cutOff: reader.cutOff, index: reader.index, streams: reader.streams, frames: [...reader.frames(1)] };
  } finally {
    reader.close();
  }
}

const plain = (parts: FrameParts) =>
  JSON.stringify(parts, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value));

describe("a recording", () => {
  it("gives back every byte of every frame", () => {
    const { frames, streams, index, cutOff } = read(write(25));
    expect(cutOff).toBe(false);
    expect(streams).toEqual([{ info, frames: 25 }]);
    expect(frames.map(plain)).toEqual(Array.from({ length: 25 }, (_, i) => plain(frame(i))));
    expect(index).toMatchObject({ ended: "stopped", streams: [{ stream: 1, frames: 25, dropped: 2 }] });
  });

  it("that was cut off anywhere is read up to its last whole chunk", () => {
    const whole = readFileSync(write(40));
    const lengths = [...Array.from({ length: 40 }, (_, i) => Math.floor((whole.length * i) / 40)), whole.length - 20];
    const found = lengths
      .filter((length) => length >= 32)
      .map((length) => {
        const file = newFile();
        writeFileSync(file, whole.subarray(0, length));
        const { cutOff, frames } = read(file);
        expect(cutOff).toBe(true);
        expect(frames.map(plain)).toEqual(frames.map((_, i) => plain(frame(i))));
        return frames.length;
      });
    expect(new Set(found)).toEqual(new Set([0, 10, 20, 30, 40]));
  });

  it("never exceeds its limit, and is whole all the same", () => {
    const limit = 70_000;
    const file = write(2000, limit);
    expect(statSync(file).size).toBeLessThanOrEqual(limit);
    const { frames, cutOff, index } = read(file);
    expect(cutOff).toBe(false);
    expect(frames.length).toBeGreaterThan(10);
    expect(frames.length).toBeLessThan(2000);
    expect(index?.streams[0]?.frames).toBe(frames.length);
  });
});

describe("a damaged recording", () => {
  it("is refused at the byte, never read as something else", () => {
    const whole = readFileSync(write(20));
    for (const at of [200, 700, 1500, 3000].filter((byte) => byte < whole.length - 300)) {
      const file = newFile();
      const bent = Buffer.from(whole);
      bent[at] = bent[at]! ^ 0x55;
      writeFileSync(file, bent);
      let frames: string[] = [];
      try {
        frames = read(file).frames.map(plain);
      } catch (error) {
        expect((error as Error).message).toMatch(/is damaged at byte \d+/);
      }
      expect(frames).toEqual(frames.map((_, i) => plain(frame(i))));
    }
  });

  it.each([
    [
      "no recording at all",
      Buffer.from("hello, this is just a text file of some length"),
      "is no recording of Nightjar",
    ],
    ["an empty file", Buffer.alloc(0), "is no recording of Nightjar"],
  ])("%s is refused in one line", (_, contents, message) => {
    const file = newFile();
    writeFileSync(file, contents);
    expect(() => new RecordingReader(file)).toThrow(message);
  });

  it("of another major version is refused", () => {
    const bytes = readFileSync(write(1));
    bytes.writeUInt16LE(2, 8);
    const file = newFile();
    writeFileSync(file, bytes);
    expect(() => new RecordingReader(file)).toThrow("has version 2 of the format, this Nightjar reads 1");
  });
});
