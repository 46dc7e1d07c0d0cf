import { describe, expect, it } from "vitest";
import { EVENT, EVENT_BYTES, FRAME, FrameFlags, Kind, OBJECT_BYTES } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import { TestModule } from "../support/module.ts";
import { randomFrom } from "../support/random.ts";

// Objects come from a detector that is not trusted, and from elements of others: whatever lies in their records, an analyze module
// neither traps, nor loses its state, nor tells a number that is none. (The host would throw for objects that are not finite.)

const region = (name: string) => ({
  name,
  type: "region",
  points: [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ],
  dwell: 0.5,
  crowd: 1,
});
const line = {
  name: "door",
  type: "line",
  points: [
    [0.5, 0],
    [0.5, 1],
  ],
};
const SUBJECTS: [string, Parameters][] = [
  ["bytetrack", {}],
  ["bytetrack", { "class-agnostic": true, "track-buffer": 1 }],
  ["zones", { zones: JSON.stringify([region("all"), line]) }],
];

const MOST = 60;
const subject = (module: string, parameters: Parameters) =>
  new TestModule(module, Kind.Analyze, { parameters, maxObjects: MOST, maxEvents: 20, auxBytes: 4096 });

const POISON = [Number.NaN, Infinity, -Infinity, 3e38, -3e38, 1e-40, 0, -0, 1e9, -1];

/** Records of `count` objects: bytes of any value, or boxes of which some numbers are poisoned. */
function records(random: () => number, count: number): Uint8Array {
  const bytes = new Uint8Array(count * OBJECT_BYTES);
  if (random() < 0.5) return bytes.map(() => Math.floor(random() * 256));
  const floats = new Float32Array(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const box = [random() * 1280, random() * 720, 1 + random() * 200, 1 + random() * 200, random() * 6, random()];
    const poisoned = box.map((value) => (random() < 0.2 ? POISON[Math.floor(random() * POISON.length)]! : value));
    floats.set(poisoned, (i * OBJECT_BYTES) / 4);
  }
  return bytes;
}

/** A frame of `count` such objects, at any time, of any source. */
function run(module: TestModule, random: () => number): void {
  const count = Math.floor(random() * (MOST + 1));
  const flags = random() < 0.1 ? FrameFlags.Inferred | FrameFlags.Discontinuity : FrameFlags.Inferred;
  const pts = random() < 0.1 ? 0xffff_ffff_ffff_ffffn : BigInt(Math.floor(random() * 1e12));
  module.fill({ sourceId: Math.floor(random() * 3) * 700, pts, flags });
  const { slot } = module;
  slot.objectsIn[0]!.set(records(random, count));
  slot.setFrameWord(0, FRAME.objectsIn, count);
  module.process();
}

describe.each(SUBJECTS)("the %s module with %o", (name, parameters) => {
  it("survives any records, and goes on afterwards as it should", () => {
    const random = randomFrom(3);
    const module = subject(name, parameters);
    for (let i = 0; i < 300; i++) run(module, random);
    const car = { left: 100, top: 100, width: 80, height: 60, confidence: 0.9, objectId: 5n };
    const seen = Array.from({ length: 10 }, (_, i) =>
      module.run({ sourceId: 9, pts: BigInt(i) * 100_000_000n, objects: [car] }),
    );
    expect(seen.at(-1)!.objects).toMatchObject([{ left: 100, width: 80 }]);
    expect(seen.flatMap(({ events }) => events).length).toBeGreaterThan(0);
    const state = module.guest.save()!;
    const next = subject(name, parameters);
    next.guest.restore(state);
    expect(next.run({ sourceId: 9, pts: 10n ** 9n, objects: [car] }).objects).toHaveLength(1);
  });

  it("tells only numbers, of objects that are there", () => {
    const random = randomFrom(4);
    const module = subject(name, parameters);
    for (let i = 0; i < 100; i++) {
      run(module, random);
      const { slot } = module;
      const objects = slot.frameWord(0, FRAME.objectsOut);
      const view = new DataView(slot.eventsOut[0]!.buffer, slot.eventsOut[0]!.byteOffset);
      for (let k = 0; k < slot.frameWord(0, FRAME.eventsOut); k++) {
        const at = k * EVENT_BYTES;
        const place = [view.getFloat32(at + EVENT.x, true), view.getFloat32(at + EVENT.y, true)];
        expect([...place, view.getFloat64(at + EVENT.value, true)].every(Number.isFinite)).toBe(true);
        expect(view.getInt32(at + EVENT.object, true)).toBeLessThan(objects);
      }
    }
  });

  it("refuses or survives a state that is none", () => {
    const random = randomFrom(5);
    for (const bytes of [0, 1, 7, 64, 5000]) {
      const module = subject(name, parameters);
      const noise = Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
      try {
        module.guest.restore(noise);
        for (let i = 0; i < 5; i++) run(module, random);
      } catch (error) {
        expect((error as Error).name).toBe("GuestError");
      }
    }
  });
});
