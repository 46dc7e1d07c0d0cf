/** How two results of the same frames are compared, and what a page of them shows. */
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { classMap, Differ, diffFrame } from "../../../services/recording/diff.ts";
import { add, fromPlanes, subtract, toPlanes } from "../../../services/recording/planes.ts";
import { png } from "../../../services/recording/png.ts";
import { frameRecord, type ObjectInput, objectRecords } from "../../../services/recording/records.ts";

const NONE = new Uint8Array(0);

function record(scale = 1): Uint8Array {
  const bytes = new Uint8Array(128);
  const letterbox = { scaleX: scale, scaleY: scale, offsetX: 10, offsetY: 20 };
  const facts = { sourceId: 0, number: 1, pts: 0n, capture: 0n, width: 100, height: 100 };
  frameRecord({ ...facts, ...letterbox, inferred: true, discontinuity: false }, bytes);
  return bytes;
}

const box = (left: number, more: Partial<ObjectInput> = {}): ObjectInput => {
  return { left, top: 0, width: 10, height: 10, angle: 0, confidence: 1, classId: 0, id: undefined, ...more };
};
const out = (...objects: ObjectInput[]) => ({ objects: objectRecords(objects), events: NONE, aux: NONE });
const analyze = { kind: "analyze" as const };

function compare(a: ReturnType<typeof out>, b: ReturnType<typeof out>) {
  const differ = new Differ(["car", "person"], ["car", "person"]);
  differ.add(diffFrame(analyze, { record: record(), a }, b, 0.5));
  return differ.report();
}

describe("two results of a frame", () => {
  it("that are the same agree to the bit", () => {
    expect(compare(out(box(0), box(50)), out(box(0), box(50)))).toMatchObject({
      agreement: 1,
      identical: 1,
      differing: 0,
    });
  });

  it("agree in the objects of one class that overlap enough, each once", () => {
    const report = compare(out(box(0), box(30), box(60)), out(box(1), box(1), box(60, { classId: 1 })));
    expect(report.agreement).toBeCloseTo(2 / 6);
    expect(report.classes).toEqual([
      { label: "car", a: 3, b: 2, matched: 1, iou: expect.closeTo(9 / 11, 5) },
      { label: "person", a: 0, b: 1, matched: 0, iou: 0 },
    ]);
  });

  it("tell an id that changes from one that is only another", () => {
    const differ = new Differ([], []);
    for (const [first, second] of [
      [1n, 7n],
      [1n, 7n],
      [1n, 8n],
    ] as const) {
      differ.add(
        diffFrame(analyze, { record: record(), a: out(box(0, { id: first })) }, out(box(0, { id: second })), 0.5),
      );
    }
    expect(differ.report().idChanges).toBe(1);
  });

  it("of a detector are shown in pixels of the frame", () => {
    const { a } = diffFrame({ kind: "detect" }, { record: record(0.5), a: out(box(15, { top: 25 })) }, out(), 0.5);
    expect(a[0]).toMatchObject({ left: 10, top: 10, width: 20, height: 20 });
  });

  it("of bundles with other labels are compared by label", () => {
    const map = classMap(["car", "person"], ["person", "dog"]);
    expect(map(0)).toBe(1);
    expect(map(1)).toBeGreaterThan(65_535);
    expect(classMap([], ["person"])(0)).toBe(0);
  });
});

describe("bytes of a recording", () => {
  it.each([1, 2, 4, 8])("are the same again after they lay in planes of %i", (size) => {
    const bytes = Uint8Array.from({ length: 8 * 5 + 3 }, (_, i) => i * 7);
    expect(fromPlanes(toPlanes(bytes, size), size)).toEqual(bytes);
  });

  it("are the same again after the picture before was taken away", () => {
    const [first, second] = [Uint8Array.of(250, 3, 0), Uint8Array.of(1, 200, 255)];
    const difference = second.slice();
    subtract(difference, first);
    add(difference, first);
    expect(difference).toEqual(second);
  });

  it("become a PNG with the same pixels", () => {
    const pixels = Uint8Array.from({ length: 2 * 3 * 3 }, (_, i) => i * 11);
    const file = png(pixels, 2, 3);
    expect(file.subarray(1, 4).toString()).toBe("PNG");
    const length = file.readUInt32BE(33);
    const rows = inflateSync(file.subarray(41, 41 + length));
    const decoded = Buffer.alloc(pixels.length);
    for (let y = 0; y < 3; y++) {
      expect(rows[y * 7]).toBe(2);
      for (let x = 0; x < 6; x++) decoded[y * 6 + x] = rows[y * 7 + 1 + x]! + (y > 0 ? decoded[(y - 1) * 6 + x]! : 0);
    }
    expect(new Uint8Array(decoded)).toEqual(pixels);
  });
});
