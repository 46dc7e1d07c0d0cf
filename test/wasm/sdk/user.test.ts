import { beforeAll, describe, expect, it } from "vitest";
import { computeLayout, writeHeader } from "../../../firmware/link/layout.ts";
import { FRAME, Kind, OBJECT } from "../../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../../firmware/link/slots.ts";
import { Guest } from "../../../services/postprocess/guest.ts";
import { compileModule } from "../../services/postprocess/support/compile.ts";
import { fillFrame } from "../../services/postprocess/support/records.ts";

// User metadata of frames and objects, written by a module of the test: for each object three bytes behind eight of other
// data, with something of another object in between, then the frame's own.
const TOP = `
  import { ObjectRecord, setFrameUser, setObjectUser } from "../../wasm/sdk";
  const text = heap.alloc(64);
  for (let i: usize = 0; i < 64; i++) store<u8>(text + i, <u8>(97 + i % 26));`;
const BODY = `
  process(frame: Frame): i32 {
    const kept = frame.objectCount;
    for (let i = 0; i < kept; i++) {
      const object = frame.continueObject(i);
      object.aux = frame.raw.auxOut;
      object.auxBytes = 8;
      memory.fill(frame.raw.auxOutAt + object.aux, 7, 8);
      frame.raw.auxOut += 8;
    }
    for (let i = 0; i < kept; i++) {
      const object = changetype<ObjectRecord>(frame.raw.objectsOutAt + <usize>i * offsetof<ObjectRecord>());
      setObjectUser(frame, object, text + <usize>i, 3);
    }
    setFrameUser(frame, text, 5);
    if (!setFrameUser(frame, text, 1000)) setFrameUser(frame, text + 1, 6);
    return Status.Ok;
  }`;

let wasm: WebAssembly.Module;
beforeAll(async () => {
  wasm = new WebAssembly.Module(new Uint8Array(await compileModule({ top: TOP, body: BODY })));
}, 60_000);

function run(objects: number, auxBytes: number): Slot {
  const layout = computeLayout({
    kind: Kind.Analyze,
    batch: 1,
    slots: 1,
    maxObjects: 8,
    maxEvents: 1,
    auxBytes,
    tensors: [],
  });
  const buffer = new ArrayBuffer(layout.totalBytes);
  writeHeader(buffer, layout);
  const memory = new LinkMemory(buffer);
  const setup = {
    kind: Kind.Analyze,
    maxObjects: 8,
    maxEvents: 1,
    auxBytes,
    tensors: [],
    labels: [],
    networkWidth: 0,
    networkHeight: 0,
  };
  const guest = new Guest(wasm, setup, 1n, () => {});
  guest.configure({});
  const slot = memory.slots[0]!;
  fillFrame(memory, slot, 0, { objects: Array.from({ length: objects }, () => ({ left: 1, width: 5, height: 5 })) });
  guest.run(slot, 1);
  return slot;
}

const text = (slot: Slot, at: number, bytes: number) =>
  Buffer.from(slot.auxOut[0]!.subarray(at, at + bytes)).toString();
const word = (slot: Slot, object: number, field: number) => {
  const bytes = slot.objectsOut[0]!;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(object * 96 + field, true);
};

describe("user metadata", () => {
  it("of a frame is the last that was set and found room, at a multiple of four", () => {
    const slot = run(0, 64);
    expect(slot.frameWord(0, FRAME.user) % 4).toBe(0);
    expect(text(slot, slot.frameWord(0, FRAME.user), slot.frameWord(0, FRAME.userBytes))).toBe("bcdefg");
  });

  it("of an object lies behind its other data, which goes along when something stands in between", () => {
    const slot = run(2, 256);
    for (const [object, expected] of [
      [0, "abc"],
      [1, "bcd"],
    ] as const) {
      const at = word(slot, object, OBJECT.aux);
      expect(word(slot, object, OBJECT.auxBytes)).toBe(11);
      expect([...slot.auxOut[0]!.subarray(at, at + 8)]).toEqual(Array(8).fill(7));
      expect(text(slot, at + 8, word(slot, object, OBJECT.userBytes))).toBe(expected);
    }
  });

  it("that finds no room is left out, and the rest stays", () => {
    const slot = run(2, 16);
    expect(word(slot, 0, OBJECT.userBytes)).toBe(0);
    expect(word(slot, 0, OBJECT.auxBytes)).toBe(8);
    expect(slot.frameWord(0, FRAME.userBytes)).toBe(0);
  });
});
