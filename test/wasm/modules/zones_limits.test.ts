// What the zones module refuses, how its state moves, and that nothing that comes is too much for it.

import { describe, expect, it } from "vitest";
import { FrameFlags } from "../../../firmware/link/protocol.ts";
import {
  at,
  camera,
  gate,
  randomZones,
  SECOND,
  times,
  types,
  walks,
  yard,
  ZonesCamera,
  zonesModule,
} from "./zones_camera.ts";

describe("names and numbers", () => {
  it("come through as they were written", () => {
    const names = ["Zufahrt Süd", "日本", 'a "b" \\ c', "tab\there", "😀"];
    const points = [
      [1 / 3, 0.000001],
      [0.123456, 1],
      [5e-1, 1],
      [0.25, 0.999999],
    ];
    const subject = camera(names.map((name) => ({ ...yard, name, points })));
    subject.see([]);
    expect(Object.keys(subject.counts)).toEqual(names);
    const rounded = points.map((point) => point.map((value) => Math.round(value * 1e6) / 1e6));
    expect(subject.counts[names[0]!]!.points).toEqual(rounded);
  });

  it("may be escaped", () => {
    const text = '[{"name":"\\u00e9\\ud83d\\ude00\\/","type":"line","points":[[0.1,1E-1],[2.5e-1,0.9]]}]';
    const module = zonesModule([]);
    module.guest.configure({ zones: text });
    const subject = new ZonesCamera(module);
    subject.see([]);
    expect(Object.keys(subject.counts)).toEqual(["é😀/"]);
    expect(Object.values(subject.counts)[0]!.points).toEqual([
      [0.1, 0.1],
      [0.25, 0.9],
    ]);
  });
});

describe("zones that are wrong are refused, by name", () => {
  it.each([
    [[{ ...yard, name: "" }], "parameter zones[0]: name: expected a text of 1 to 31 bytes"],
    [[{ ...gate, name: "x".repeat(32) }], "name: expected a text of 1 to 31 bytes"],
    [[gate, { ...yard, type: "circle" }], "parameter zones[1] (yard): type: expected region or line"],
    [
      [
        {
          name: "yard",
          points: [
            [0, 0],
            [1, 1],
          ],
        },
      ],
      "parameter zones[0] (yard): type: is missing",
    ],
    [
      [
        {
          ...yard,
          points: [
            [0, 0],
            [1, 1],
          ],
        },
      ],
      "(yard): points: expected 3 or more for a region",
    ],
    [[{ ...gate, points: [[0, 0]] }], "(gate): points: expected 2 or more for a line"],
    [
      [
        {
          ...gate,
          points: [
            [0, 0],
            [640, 360],
          ],
        },
      ],
      "numbers from 0 to 1",
    ],
    [[{ ...gate, points: [[0, 0], [1]] }], "numbers from 0 to 1"],
    [[{ ...gate, points: times(65).map((i) => [i / 65, 0]) }], "points: expected at most 64"],
    [[{ ...yard, classes: ["car"] }], "classes: expected a list of class ids, or of labels that the bundle has"],
    [[{ ...yard, classes: [0.5] }], "classes: expected"],
    [[{ ...yard, anchor: "middle" }], "anchor: expected bottom, centre, top, left or right"],
    [[{ ...yard, dwel: 3 }], "unknown key dwel"],
    [[{ ...gate, dwell: 3 }], "(gate): dwell: is a key of regions"],
    [[{ ...yard, dwell: -1 }], "(yard): dwell: expected seconds, up to 86400"],
    [[{ ...yard, crowd: "many" }], "(yard): crowd: expected a number of objects from 1 on"],
    [[gate, gate], "(gate): name: is the name of another zone"],
    [[7], "parameter zones[0]: expected an object"],
    [{}, "expected a JSON list"],
  ])("%j", (zones, message) => {
    expect(() => zonesModule(zones as object[])).toThrow(message);
  });

  it.each(["[", "[{]", '[{"name":"a"', "[1,]", "nonsense", '[{"name":"\\u12"}]', "[[[["])(
    "text that is no JSON: %s",
    (text) => {
      const module = zonesModule([]);
      expect(() => module.guest.configure({ zones: text })).toThrow(/parameter zones/);
    },
  );

  it("but labels are taken where the bundle has them", () => {
    const subject = camera([{ ...yard, classes: ["bus"] }], {}, { labels: ["car", "bus"] });
    subject.see([at(0.4, 0.5, 1, 0), at(0.5, 0.5, 2, 1)]);
    expect(subject.counts.yard).toMatchObject({ now: 1 });
  });
});

describe("state", () => {
  it("moves to another instance: same counts, same future", () => {
    const zones = randomZones(7, 8);
    const scene = walks(8, 12, 120);
    const old = zonesModule(zones);
    const before = new ZonesCamera(old);
    for (const objects of scene.slice(0, 60)) before.see(objects);
    const fresh = zonesModule(zones);
    fresh.guest.restore(old.guest.save()!);
    const after = new ZonesCamera(fresh, 0, before.time);
    for (const objects of scene.slice(60)) {
      expect(after.see(objects)).toEqual(before.see(objects));
      expect(after.counts).toEqual(before.counts);
    }
    expect(fresh.guest.save()).toEqual(old.guest.save());
  });

  it("keeps the counts of zones that the new instance still has", () => {
    const old = zonesModule([yard, gate]);
    const before = new ZonesCamera(old);
    before.see([at(0.4, 0.5)]);
    const fresh = zonesModule([{ ...gate, name: "other" }, yard]);
    fresh.guest.restore(old.guest.save()!);
    const after = new ZonesCamera(fresh, 0, before.time);
    after.see([at(0.4, 0.5)]);
    expect(after.counts).toMatchObject({ yard: { in: 1, now: 1 }, other: { in: 0 } });
  });

  it("is refused when it is damaged, and leaves the module as new", () => {
    const used = zonesModule([yard, gate]);
    const first = new ZonesCamera(used);
    for (const i of times(5)) first.see([at(0.4, 0.5, 1), at(0.48 + i * 0.006, 0.5, 2)]);
    const state = used.guest.save()!;
    const bad = [new Uint8Array(3), new Uint8Array(64), state.with(0, 1), state.slice(0, -1)];
    for (const at of times(state.length / 4)) bad.push(state.with(at * 4 + 3, 0xff));
    for (const bytes of bad) {
      const module = zonesModule([yard, gate]);
      try {
        module.guest.restore(bytes);
      } catch (error) {
        expect((error as Error).message).toContain("the saved state is not of this module");
      }
      const subject = new ZonesCamera(module, 5, 100n * SECOND);
      subject.see([at(0.4, 0.5)]);
      expect(subject.counts.yard).toMatchObject({ in: 1, now: 1 });
    }
  });
});

describe("whatever comes", () => {
  it("nonsense boxes are in no zone and pass", () => {
    const subject = camera([yard, gate]);
    const bad = [Number.NaN, Number.POSITIVE_INFINITY, 1e38].map((left, i) => ({ ...at(0.5, 0.5, i + 1), left }));
    expect(() => subject.see(bad.slice(2))).not.toThrow();
    expect(subject.counts.yard).toMatchObject({ now: 0 });
  });

  it("a source that restarts forgets its objects and keeps its counts", () => {
    const subject = camera([yard]);
    subject.see([at(0.5, 0.5, 1)]);
    subject.see([at(0.5, 0.5, 2)], FrameFlags.Inferred | FrameFlags.Discontinuity);
    expect(subject.counts.yard).toMatchObject({ in: 2, out: 0, now: 1 });
  });

  it("events that find no place come with the next frames", () => {
    const subject = camera([yard], {}, { maxEvents: 2 });
    const five = times(5).map((i) => at(0.3 + i * 0.05, 0.5, i + 1));
    const counts = times(4).map(() => subject.see(five).length);
    expect(counts).toEqual([2, 2, 1, 0]);
    expect(subject.told.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
  });

  it("says once that there is no room for the counts, and goes on", () => {
    const module = zonesModule([yard], { auxBytes: 32 });
    const subject = new ZonesCamera(module);
    for (const _ of times(3)) subject.see([at(0.5, 0.5)]);
    expect(types(subject.told)).toEqual(["region-entered"]);
    expect(module.log.filter((text) => text.includes("limits.aux-bytes"))).toHaveLength(1);
  });

  it("ten thousand frames of thousands of sources and objects take no more memory", () => {
    const module = zonesModule([yard, gate]);
    const bytes = module.guest.memoryBytes;
    for (const i of times(10_000)) {
      const subject = new ZonesCamera(module, i % 1500, BigInt(i) * SECOND);
      subject.see([at(0.5, 0.5, i * 2 + 1), at(0.4, 0.5, i * 2 + 2), at(0.1, 0.1, 7)]);
    }
    expect(module.guest.memoryBytes).toBe(bytes);
    const last = new ZonesCamera(module, 20_000, SECOND);
    last.see([at(0.5, 0.5, 1)]);
    expect(last.counts.yard).toMatchObject({ in: 1, now: 1 });
  });
});
