/** A recording against another one: which frames are the same, and what is compared of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { StreamInfo } from "../../../services/recording/format.ts";
import { sessionPage } from "../../../services/recording/page.ts";
import { type FrameKey, pairFrames } from "../../../services/recording/pairing.ts";
import { isRecording } from "../../../services/recording/reader.ts";
import { frameRecord, objectRecords } from "../../../services/recording/records.ts";
import { replaySession } from "../../../services/recording/session.ts";
import { RecordingWriter } from "../../../services/recording/writer.ts";

const FRAME_NS = 40_000_000n;
const NONE = new Uint8Array(0);
const folder = mkdtempSync(join(tmpdir(), "nightjar-two-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stream: StreamInfo = {
  stream: 1,
  element: "infer",
  kind: "detect",
  bundle: { name: "street", version: "1.0.0", digest: "", directory: "/nowhere" },
  labels: ["car", "person"],
  network: { width: 64, height: 64 },
  limits: { objects: 10 },
  parameters: {},
  tensors: [],
  thumbnail: { width: 8 },
  camera: "gate",
  sourceId: 0,
};

interface Written {
  /** Of the first frame. */
  capture?: bigint;
  pts?: bigint;
  from?: number;
  frames?: number;
  width?: number;
  scale?: number;
  labels?: string[];
  /** Left edge of the object of frame `i`, in pixels of the network's picture; undefined: none is there. */
  left?: (i: number) => number | undefined;
}

function record(name: string, given: Written): string {
  const { capture = 1n, pts = 0n, from = 0, frames = 20, width = 640, scale = 0.1, left = () => 8 } = given;
  const file = join(folder, `${name}.njrec`);
  const writer = new RecordingWriter(file, 1e8);
  writer.addStream({ ...stream, labels: given.labels ?? stream.labels });
  for (let i = 0; i < frames; i++) {
    const bytes = new Uint8Array(128);
    const step = BigInt(i) * FRAME_NS;
    const letterbox = { scaleX: scale, scaleY: scale, offsetX: 0, offsetY: 0 };
    const facts = { sourceId: 0, number: i, pts: pts + step, capture: capture + step, width, height: width / 2 };
    frameRecord({ ...facts, ...letterbox, inferred: true, discontinuity: false }, bytes);
    const at = left(from + i);
    const box = { top: 4, width: 10, height: 10, angle: 0, confidence: 1, classId: 0, id: undefined };
    writer.addFrame({
      stream: 1,
      record: bytes,
      objectsIn: NONE,
      objectsOut: at === undefined ? NONE : objectRecords([{ left: at, ...box }]),
      eventsOut: NONE,
      auxIn: NONE,
      auxOut: NONE,
      outputs: [],
      thumbnail: Uint8Array.from({ length: 8 * 4 * 3 }, (_, k) => (k * (from + i + 1)) & 255),
      droppedBefore: 0,
    });
  }
  writer.close("stopped");
  return file;
}

const compare = (file: string, against: string, more: object = {}) =>
  replaySession({ file, against, iou: 0.5, ...more });

describe("a recording against another one", () => {
  it("compares frames of the same moment, though clocks differ a little and one is longer", async () => {
    const first = record("here", { capture: 10n * FRAME_NS });
    const second = record("there", { capture: 5n * FRAME_NS + 9_000_000n, pts: 7n, from: 100, frames: 20 });
    const session = await compare(first, second);
    expect(session).toMatchObject({ a: "there", b: "here", pairedBy: "capture", unpaired: 5, framesPerSecond: 0 });
    expect(session.report).toMatchObject({ frames: 15, agreement: 1, differing: 0 });
    expect(session.warnings).toEqual([
      expect.stringMatching(/^5 of 20 frames of .*there.njrec are not in .*here.njrec/),
    ]);
  });

  it("finds the same file by its stream time, whenever it was played", async () => {
    const first = record("monday", {});
    const second = record("tuesday", { capture: 1n << 60n, from: 50 });
    expect(await compare(first, second)).toMatchObject({ pairedBy: "pts", unpaired: 0, report: { agreement: 1 } });
  });

  it("finds a looped clip by its pictures, wherever in the loop each began", async () => {
    const first = record("early", {});
    const second = record("late", { capture: 1n << 60n, pts: 3n, from: 10, left: (i) => (i === 12 ? undefined : 8) });
    const session = await compare(first, second);
    expect(session).toMatchObject({ pairedBy: "picture", unpaired: 10, report: { frames: 10, differing: 1 } });
    expect(session.report.classes).toEqual([{ label: "car", a: 9, b: 10, matched: 9, iou: expect.closeTo(1) }]);
    const page = sessionPage(session, first);
    expect(page).toContain("early against late: gate");
    expect(page).toContain("1 of 10 frames differ");
    expect(page).toMatch(/<figure id="f12-\d+">.*<image .*<g class="b"><rect .*0 by both · 1 only early/);
    expect(page).toMatch(/<svg class="timeline".*<a href="#f12-\d+">/);
  });

  it("compares boxes in pixels of the frame, whatever the sizes of picture and network, and classes by label", async () => {
    const first = record("small", { width: 640, scale: 0.1, left: () => 8 });
    const second = record("large", { width: 1280, scale: 0.05, left: () => 8, labels: ["person", "car"] });
    const same = await compare(first, second);
    expect(same.report.classes).toEqual([
      { label: "person", a: 20, b: 0, matched: 0, iou: 0 },
      { label: "car", a: 0, b: 20, matched: 0, iou: 0 },
    ]);
    const third = record("larger", { width: 1280, scale: 0.05 });
    expect((await compare(first, third)).report).toMatchObject({ agreement: 1, identical: 20 });
  });

  it("that has no frame in common is refused", async () => {
    const [first, second] = [record("a", {}), record("b", { capture: 1n << 60n, pts: 3n, from: 100 })];
    await expect(compare(first, second)).rejects.toThrow(/a\.njrec and .*b\.njrec have no frame in common/);
  });

  it("has other elements, and says which", async () => {
    const file = record("c", {});
    await expect(compare(file, file, { element: "tracker" })).rejects.toThrow(
      /no stream of element tracker; it has infer/,
    );
  });
});

describe("frames", () => {
  const frames = (...captures: bigint[]): FrameKey[] =>
    captures.map((capture) => ({ capture, pts: undefined, picture: "" }));

  it("are each taken once, by the nearest in time", () => {
    const pairing = pairFrames(frames(100n, 200n, 300n, 400n), frames(60n, 105n, 294n, 310n, 480n));
    expect([...(pairing?.pairs ?? [])]).toEqual([
      [0, 1],
      [2, 2],
    ]);
  });

  it("without anything to know them by have no partner", () => {
    expect(pairFrames(frames(0n, 0n), frames(0n))).toBeUndefined();
    expect(pairFrames([], [])).toBeUndefined();
  });
});

describe("a file", () => {
  it("is a recording by its first bytes", () => {
    const other = join(folder, "other");
    writeFileSync(other, "NJRE");
    expect([record("d", {}), other, folder, join(folder, "none")].map(isRecording)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
