import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { computeLayout, type LayoutRequest, readHeader, writeHeader } from "../../../firmware/link/layout.ts";
import {
  DataType,
  FRAME,
  HEADER,
  Kind,
  LinkError,
  MAX_BATCH,
  ProtocolError,
  SLOT,
  SlotState,
  TENSOR,
} from "../../../firmware/link/protocol.ts";
import { LinkMemory } from "../../../firmware/link/slots.ts";
import { goldenBytes, goldenFile, goldenLayout } from "./golden.ts";

const request: LayoutRequest = {
  kind: Kind.Detect,
  batch: 2,
  slots: 3,
  maxObjects: 10,
  maxEvents: 4,
  auxBytes: 100,
  tensors: [
    { name: "images", dataType: DataType.Float32, dims: [3, 8, 8], isInput: true },
    { name: "boxes", dataType: DataType.Float16, dims: [4, 21], isInput: false },
    { name: "count", dataType: DataType.Int64, dims: [], isInput: false },
  ],
};

function link(): { buffer: ArrayBuffer; view: DataView; memory: () => LinkMemory } {
  const layout = computeLayout(request);
  const buffer = new ArrayBuffer(layout.totalBytes);
  writeHeader(buffer, layout);
  return { buffer, view: new DataView(buffer), memory: () => new LinkMemory(buffer) };
}

describe("the golden file", () => {
  it("is what protocol.ts writes, byte for byte", () => {
    expect(Buffer.compare(goldenBytes(), readFileSync(goldenFile))).toBe(0);
  });

  it("reads back as the layout and the slot that were written", () => {
    const memory = new LinkMemory(new Uint8Array(readFileSync(goldenFile)).buffer);
    expect(memory.layout).toEqual(goldenLayout());
    expect([0, 1, 2].map((bell) => memory.bell(bell))).toEqual([0x100, 0x101, 0x102]);
    expect(memory.stopped).toBe(true);
    const [slot] = memory.slots;
    expect([slot!.state, slot!.batch, slot!.errorCode]).toEqual([SlotState.Failed, 1, LinkError.Overflow]);
    expect(slot!.error).toBe("too many objects");
    expect(slot!.nanoseconds(SLOT.moduleEnd)).toBe(1005);
    expect([slot!.objectsInCount(0), slot!.auxInBytes(0)]).toEqual([1, 12]);
    expect([slot!.frameWord(0, FRAME.width), slot!.frameFloat(0, FRAME.offsetY)]).toEqual([1920, 2.5]);
    expect(slot!.tensors.map((tensor) => tensor.all[0])).toEqual([0.125, -5]);
  });
});

describe("computeLayout", () => {
  it("gives every section a place of its own, in multiples of 64", () => {
    const layout = computeLayout(request);
    const offsets = [layout.frames, layout.objectsIn, layout.objectsOut, layout.eventsOut, layout.auxIn, layout.auxOut];
    offsets.push(...layout.tensors.map((tensor) => tensor.offset));
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    expect(offsets.filter((offset) => offset % 64 !== 0)).toEqual([]);
    expect(layout.auxBytes).toBe(128);
  });

  it("puts the batch before a tensor's own shape", () => {
    const { tensors } = computeLayout(request);
    expect(tensors.map(({ dims, frameBytes }) => [dims, frameBytes])).toEqual([
      [[2, 3, 8, 8], 768],
      [[2, 4, 21], 168],
      [[2], 8],
    ]);
  });

  it.each([
    ["a batch of 0", { batch: 0 }],
    ["a batch above the limit", { batch: MAX_BATCH + 1 }],
    ["17 slots", { slots: 17 }],
    ["half an object", { maxObjects: 1.5 }],
    ["a negative arena", { auxBytes: -64 }],
    ["a tensor without a name", { tensors: [{ name: "", dataType: 0, dims: [1], isInput: true }] }],
    ["a tensor of an unknown type", { tensors: [{ name: "x", dataType: 9, dims: [1], isInput: true }] }],
    ["a tensor of unknown size", { tensors: [{ name: "x", dataType: 0, dims: [-1], isInput: true }] }],
  ])("refuses %s", (_, change) => {
    expect(() => computeLayout({ ...request, ...change } as LayoutRequest)).toThrow(ProtocolError);
  });
});

describe("readHeader", () => {
  it("returns what writeHeader wrote", () => {
    expect(readHeader(link().buffer)).toEqual(computeLayout(request));
  });

  it.each([
    ["another magic number", "magic", HEADER.magic, 0],
    ["another major version", "version 2", HEADER.major, 2],
    ["an unknown kind", "kind", HEADER.kind, 3],
    ["too many slots", "slotCount", HEADER.slotCount, 17],
    ["slots beyond the end", "do not fit", HEADER.slotCount, 16],
    ["too many objects", "maxObjects", HEADER.maxObjects, 0xffff_ffff],
    ["more objects than the section holds", "overlaps", HEADER.maxObjects, 12],
    ["more bytes than are mapped", "totalBytes", HEADER.totalBytes, 0x7fff_ffff],
    ["a size beyond 2^53", "totalBytes", HEADER.totalBytes + 4, 0xffff_ffff],
    ["a section beyond the slot", "objectsOut", HEADER.objectsOut, 0x4000_0000],
    ["a section on the slot header", "auxIn", HEADER.auxIn, 64],
    ["sections one upon the other", "overlaps", HEADER.objectsIn, 256],
    ["too many tensors", "tensorCount", HEADER.tensorCount, 17],
    ["a rank too high", "rank", HEADER.tensors + TENSOR.rank, 9],
    ["an unknown data type", "data type", HEADER.tensors + TENSOR.dataType, 6],
    ["frame bytes beside the shape", "frameBytes", HEADER.tensors + TENSOR.frameBytes, 767],
  ])("refuses %s", (_, message, offset, value) => {
    const { view, memory } = link();
    if (offset === HEADER.major) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
    expect(memory).toThrow(message);
  });

  it("refuses memory that is smaller than a header", () => {
    expect(() => readHeader(new ArrayBuffer(100))).toThrow("smaller than the header");
  });
});

describe("a slot", () => {
  it("is taken once", () => {
    const [slot] = link().memory().slots;
    slot!.state = SlotState.InputReady;
    expect(slot!.take(SlotState.InputReady, SlotState.Inferring)).toBe(true);
    expect(slot!.take(SlotState.InputReady, SlotState.Inferring)).toBe(false);
  });

  it("refuses counts of the element that exceed the layout", () => {
    const [slot] = link().memory().slots;
    expect(() => slot!.batch).toThrow(ProtocolError);
    slot!.setFrameWord(1, FRAME.objectsIn, 11);
    expect(() => slot!.objectsInCount(1)).toThrow("objects_in of frame 1 = 11, at most 10");
    slot!.setFrameWord(1, FRAME.auxIn, 129);
    expect(() => slot!.auxInBytes(1)).toThrow(ProtocolError);
  });

  it("refuses results of a module that exceed the layout", () => {
    const [slot] = link().memory().slots;
    expect(() => slot!.setResult(0, 11, 0, 0)).toThrow(RangeError);
    slot!.setResult(0, 10, 4, 128);
    expect(slot!.frameWord(0, FRAME.eventsOut)).toBe(4);
  });

  it("cuts the reason of a failure at the room there is, between characters", () => {
    const [slot] = link().memory().slots;
    slot!.fail(LinkError.Module, "é".repeat(200));
    expect([slot!.state, slot!.error]).toEqual([SlotState.Failed, "é".repeat(95)]);
  });
});
