import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { compileModule } from "../../services/postprocess/support/compile.ts";
import { randomFrom } from "../support/random.ts";

// Functions of the SDK, called one by one in a module that does nothing else.

const TOP = `
  import { Gaussian, halfAtLeast, halfToFloat, polygonIou, probIou, probIouAbove, probIouLimit, StateReader, StateWriter } from "../../wasm/sdk";
  const one = new Gaussian();
  const other = new Gaussian();
  const room = heap.alloc(64);
  export function polygon(x1: f64, y1: f64, w1: f64, h1: f64, a1: f64, x2: f64, y2: f64, w2: f64, h2: f64, a2: f64): f64 {
    return polygonIou(x1, y1, w1, h1, a1, x2, y2, w2, h2, a2);
  }
  export function prob(x1: f64, y1: f64, w1: f64, h1: f64, a1: f64, x2: f64, y2: f64, w2: f64, h2: f64, a2: f64): f64 {
    one.set(x1, y1, w1, h1, a1);
    other.set(x2, y2, w2, h2, a2);
    return probIou(one, other);
  }
  /** Of the boxes of the last prob(). */
  export function probAbove(threshold: f64): bool { return probIouAbove(one, other, probIouLimit(threshold)); }
  export function half(bits: i32): f32 { return halfToFloat(<u16>bits); }
  export function atLeast(value: f32): i32 { return halfAtLeast(value); }
  export function stateRoundTrip(capacity: i32, bytes: i32, version: i32): f64 {
    const out = new StateWriter(room, capacity, 3);
    out.integer(-7);
    out.long(1 << 40);
    out.number(2.5);
    if (out.result < 0) return out.result;
    const state = new StateReader(room, bytes < 0 ? out.result : bytes, version);
    const sum = <f64>state.integer() + <f64>state.long() + state.number();
    return state.result < 0 ? state.result : sum;
  }
`;

type Box = [x: number, y: number, width: number, height: number, angle: number];
type Overlap = (...numbers: [...Box, ...Box]) => number;
let sdk: {
  polygon: Overlap;
  prob: Overlap;
  probAbove(threshold: number): number;
  half(bits: number): number;
  atLeast(value: number): number;
  stateRoundTrip(capacity: number, bytes: number, version: number): number;
};

beforeAll(async () => {
  const module = new WebAssembly.Module(new Uint8Array(await compileModule({ top: TOP })));
  sdk = new WebAssembly.Instance(module, { nightjar: { log: () => {} } }).exports as unknown as typeof sdk;
}, 60_000);

describe("the overlap of oriented boxes", () => {
  const pairs = JSON.parse(readFileSync(new URL("../modules/golden/oriented-pairs.json", import.meta.url), "utf8")) as {
    a: Box;
    b: Box;
    polygon: number;
    probabilistic: number;
  }[];

  it("is what NumPy finds in another way, for 200 pairs", () => {
    for (const { a, b, polygon, probabilistic } of pairs) {
      expect(sdk.polygon(...a, ...b)).toBeCloseTo(polygon, 9);
      // The framework's formula adds 1e-7 here and there; the definition does not.
      expect(sdk.prob(...a, ...b)).toBeCloseTo(probabilistic, 3);
    }
    expect(pairs.filter(({ polygon }) => polygon > 0.05).length).toBeGreaterThan(40);
  });

  it("is compared with a threshold as if it had been computed", () => {
    for (const { a, b } of pairs) {
      const overlap = sdk.prob(...a, ...b);
      for (const threshold of [0, 0.1, 0.45, 0.9, 1]) {
        if (Math.abs(overlap - threshold) < 1e-4) continue;
        expect([overlap, threshold, Boolean(sdk.probAbove(threshold))]).toEqual([
          overlap,
          threshold,
          overlap > threshold,
        ]);
      }
    }
  });

  it.each<[string, Box, Box, number]>([
    ["1 for the same box", [10, 10, 8, 4, 0.3], [10, 10, 8, 4, 0.3], 1],
    ["1 for the same box, half a turn on", [10, 10, 8, 4, 0.3], [10, 10, 8, 4, 0.3 + Math.PI], 1],
    [
      "1 for the same box with width and height exchanged, a quarter turn on",
      [0, 0, 8, 4, 0],
      [0, 0, 4, 8, Math.PI / 2],
      1,
    ],
    ["0 for boxes that only touch", [0, 0, 2, 2, 0], [2, 0, 2, 2, 0], 0],
    ["0 for boxes far apart", [0, 0, 2, 2, 0.4], [1e6, 0, 2, 2, 0], 0],
    ["1/3 for half a box", [0, 0, 2, 2, 0], [1, 0, 2, 2, 0], 1 / 3],
    [
      "that of a square and the same square turned by 45 degrees",
      [0, 0, 2, 2, 0],
      [0, 0, 2, 2, Math.PI / 4],
      Math.SQRT1_2,
    ],
    ["that of a box inside another", [5, 5, 10, 10, 0.7], [5, 5, 2, 5, 0.2], 0.1],
    ["0 for a box without area", [0, 0, 2, 0, 0], [0, 0, 2, 2, 0], 0],
    ["0 for a box that is none", [Number.NaN, 0, 2, 2, 0], [0, 0, 2, 2, 0], 0],
  ])("is %s", (_what, a, b, expected) => {
    expect(sdk.polygon(...a, ...b)).toBeCloseTo(expected, 9);
    expect(sdk.polygon(...b, ...a)).toBeCloseTo(expected, 9);
  });

  it("lies within 0..1 and does not depend on where the boxes lie or how both are turned", () => {
    const random = randomFrom(5);
    for (let i = 0; i < 300; i++) {
      const box = (): Box => [random() * 20, random() * 20, 1 + random() * 20, 1 + random() * 20, random() * 7];
      const [a, b, turn] = [box(), box(), random() * 7];
      const moved = ([x, y, width, height, angle]: Box): Box => [
        x * Math.cos(turn) - y * Math.sin(turn) + 300,
        x * Math.sin(turn) + y * Math.cos(turn) - 70,
        width,
        height,
        angle + turn,
      ];
      const overlap = sdk.polygon(...a, ...b);
      expect(overlap).toBeGreaterThanOrEqual(0);
      expect(overlap).toBeLessThanOrEqual(1);
      expect(sdk.polygon(...moved(a), ...moved(b))).toBeCloseTo(overlap, 9);
    }
  });
});

describe("half precision", () => {
  it("is read exactly, all 65536 values of it", () => {
    const halves = new Float16Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer);
    const wrong = halves.findIndex((value, bits) => !Object.is(sdk.half(bits), value));
    expect(wrong).toBe(-1);
  });

  it.each([0, 1e-8, 6e-8, 0.0001, 0.25, 0.3, 0.9999, 1, 65_504, 70_000])(
    "finds the least half that is at least %f",
    (value) => {
      const bits = sdk.atLeast(value);
      expect(sdk.half(bits)).toBeGreaterThanOrEqual(Math.fround(value));
      if (bits > 0) expect(sdk.half(bits - 1)).toBeLessThan(Math.fround(value));
    },
  );
});

describe("saved state", () => {
  const WRITTEN = 4 + 4 + 8 + 8;

  it("comes back as it was", () => {
    expect(sdk.stateRoundTrip(64, -1, 3)).toBe(-7 + 2 ** 40 + 2.5);
    expect(sdk.stateRoundTrip(WRITTEN, -1, 3)).toBe(-7 + 2 ** 40 + 2.5);
  });

  it.each([0, 3, 4, 11, WRITTEN - 1])("is refused as too long for %i bytes of room", (capacity) => {
    expect(sdk.stateRoundTrip(capacity, -1, 3)).toBe(-4);
  });

  it.each([0, 3, 7, 15, WRITTEN - 1])("is refused when only %i bytes of it are left", (bytes) => {
    expect(sdk.stateRoundTrip(64, bytes, 3)).toBe(-3);
  });

  it("is refused when it is of another version", () => {
    expect(sdk.stateRoundTrip(64, -1, 2)).toBe(-3);
  });
});
