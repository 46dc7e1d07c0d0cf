import { describe, expect, it } from "vitest";
import {
  at,
  camera,
  gate,
  randomZones,
  times,
  types,
  walk,
  walks,
  yard,
  ZonesCamera,
  zonesModule,
} from "./zones_camera.ts";
import { ReferenceZones, type Told } from "./zones_reference.ts";

describe("the zones module against zones written plainly", () => {
  it.each([1, 2, 3, 4, 5, 6])("tells and counts the same of random walks (seed %i)", (seed) => {
    const zones = randomZones(seed, 12);
    const reference = new ReferenceZones(zones);
    const subject = camera(zones, {}, { maxEvents: 1024 });
    walks(seed + 100, 14, 160).forEach((objects, frame) => {
      const expected = reference.update(Number(subject.time), objects);
      expect(sorted(subject.see(objects)), `frame ${frame}`).toEqual(sorted(expected));
      for (const [name, { in: entered, out, now }] of Object.entries(reference.counts())) {
        const counted = subject.counts[name]!;
        expect({ name, in: counted.in, out: counted.out }).toEqual({ name, in: entered, out });
        if (counted.type === "region") expect({ name, now: counted.now }).toEqual({ name, now });
      }
    });
    expect(new Set(types(subject.told)).size).toBeGreaterThan(5);
  });
});

describe("a line", () => {
  it("counts who crosses it, in both directions: in is from its left to its right, looking along it", () => {
    const subject = camera([
      {
        ...gate,
        points: [
          [0.5, 1],
          [0.5, 0],
        ],
      },
    ]);
    walk(subject, 0.2, 0.8, 10, 1);
    walk(subject, 0.8, 0.2, 10, 2);
    walk(subject, 0.2, 0.8, 10, 3);
    expect(subject.told.map(({ direction, value }) => `${direction} ${value}`)).toEqual(["in 1", "out 1", "in 2"]);
    expect(subject.counts.gate).toMatchObject({ in: 2, out: 1 });
  });

  it("counts an object that trembles on it once, when it has made up its mind", () => {
    const subject = camera([gate]);
    walk(subject, 0.3, 0.499, 8);
    for (const i of times(40)) subject.see([at(i % 2 === 0 ? 0.501 : 0.499, 0.5)]);
    expect(subject.told).toEqual([]);
    walk(subject, 0.501, 0.7, 8);
    expect(types(subject.told)).toEqual(["line-crossing"]);
  });

  it("counts nothing when the object goes back", () => {
    const subject = camera([{ ...gate, margin: 0.1 }]);
    walk(subject, 0.3, 0.51, 8);
    walk(subject, 0.51, 0.3, 8);
    expect(subject.told).toEqual([]);
  });

  it("counts an object that stays just behind it, after a while", () => {
    const subject = camera([{ ...gate, settle: 0.5 }]);
    walk(subject, 0.3, 0.502, 8);
    for (const _ of times(4)) expect(subject.see([at(0.502, 0.5)])).toEqual([]);
    expect(types(subject.see([at(0.502, 0.5)]))).toEqual(["line-crossing"]);
  });

  it("counts an object that vanishes right behind it", () => {
    const subject = camera([gate], { "forget-after": 0.5 });
    walk(subject, 0.3, 0.502, 8);
    for (const _ of times(7)) subject.see([]);
    expect(types(subject.told)).toEqual(["line-crossing"]);
  });

  it("is not crossed beside its ends", () => {
    const subject = camera([
      {
        ...gate,
        points: [
          [0.5, 0.6],
          [0.5, 0.9],
        ],
      },
    ]);
    walk(subject, 0.2, 0.8, 20);
    expect(subject.told).toEqual([]);
  });

  it("counts one direction, or one class, when asked", () => {
    const subject = camera([
      { ...gate, name: "out", count: "out" },
      { ...gate, name: "two", classes: [2] },
    ]);
    for (const x of [0.7, 0.3, 0.7]) subject.see([at(x, 0.5, 1, 0), at(x, 0.2, 2, 2)]);
    expect(subject.counts.out).toMatchObject({ in: 0, out: 4 - 2 });
    expect(subject.counts.two).toMatchObject({ in: 1, out: 1 });
  });

  it("counts through its corners once", () => {
    const subject = camera([
      {
        ...gate,
        points: [
          [0.5, 0],
          [0.5, 0.5],
          [0.5, 1],
        ],
      },
    ]);
    walk(subject, 0.2, 0.8, 7);
    expect(subject.counts.gate).toMatchObject({ in: 0, out: 1 });
  });
});

describe("a region", () => {
  it("tells who enters and who leaves, and for how long", () => {
    const subject = camera([yard]);
    subject.see([at(0.1, 0.5)]);
    for (const _ of times(11)) subject.see([at(0.5, 0.5)]);
    subject.see([at(0.9, 0.5)]);
    expect(subject.told.map(({ type, value }) => [type, value])).toEqual([
      ["region-entered", 1],
      ["region-left", expect.closeTo(1.1)],
    ]);
    expect(subject.counts.yard).toMatchObject({ in: 1, out: 1, now: 0 });
  });

  it("takes no notice of an object that only touches it, or leaves it for a moment", () => {
    const subject = camera([{ ...yard, settle: 0.3 }]);
    for (const x of [0.1, 0.5, 0.1, 0.5, 0.5, 0.1]) subject.see([at(x, 0.5)]);
    expect(subject.told).toEqual([]);
    for (const x of [0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.5]) subject.see([at(x, 0.5)]);
    expect(types(subject.told)).toEqual(["region-entered"]);
    expect(subject.counts.yard).toMatchObject({ now: 1 });
  });

  it("tells once who stays too long, also over a moment outside", () => {
    const subject = camera([{ ...yard, dwell: 2, settle: 0.3 }]);
    for (const i of times(30)) subject.see([at(i === 15 ? 0.1 : 0.5, 0.5)]);
    expect(subject.told.filter(({ type }) => type === "dwell")).toEqual([
      { type: "dwell", rule: "yard", id: 1, value: expect.closeTo(2), direction: "" },
    ]);
  });

  it("tells when it is crowded and when no longer, not at the first moment", () => {
    const subject = camera([{ ...yard, crowd: 3, crowdTime: 0.5 }]);
    const three = [at(0.4, 0.5, 1), at(0.5, 0.5, 2), at(0.6, 0.5, 3)];
    for (const i of times(10)) subject.see(i < 3 ? three.slice(0, 2) : three);
    expect(subject.told.filter(({ type }) => type === "crowded").map(({ value }) => value)).toEqual([3]);
    expect(subject.counts.yard).toMatchObject({ crowded: true, now: 3 });
    subject.see([...three.slice(0, 2), at(0.9, 0.9, 3)]);
    for (const _ of times(3)) subject.see(three);
    expect(types(subject.told)).not.toContain("crowd-cleared");
    for (const _ of times(8)) subject.see([...three.slice(0, 2), at(0.9, 0.9, 3)]);
    expect(types(subject.told)).toContain("crowd-cleared");
  });

  it("tells who goes the wrong way, and not who only trembles", () => {
    const subject = camera([{ ...yard, direction: 0 }]);
    for (const i of times(12))
      subject.see([at(0.7 - i * 0.03, 0.5, 1), at(0.3 + i * 0.03, 0.6, 2), at(0.5 - (i % 2) * 0.01, 0.4, 3)]);
    const wrong = subject.told.filter(({ type }) => type === "wrong-way");
    expect(wrong).toEqual([{ type: "wrong-way", rule: "yard", id: 1, value: expect.closeTo(180, 3), direction: "" }]);
  });

  it("counts objects without an id that are in it, and tells nothing of them", () => {
    const subject = camera([yard]);
    subject.see([at(0.5, 0.5, -1), at(0.4, 0.5, -1), at(0.9, 0.5, -1)]);
    expect(subject.counts.yard).toMatchObject({ now: 2, in: 0 });
    expect(subject.told).toEqual([]);
    subject.see([]);
    expect(subject.counts.yard).toMatchObject({ now: 0 });
  });

  it("looks at the point of the box that it is told to", () => {
    for (const [anchor, inside] of [
      ["bottom", true],
      ["centre", true],
      ["top", false],
      ["left", true],
      ["right", false],
    ] as const) {
      const subject = camera([{ ...yard, anchor }]);
      subject.see([{ id: 1, classId: 0, left: 800, top: 100, width: 200, height: 300 }]);
      expect([anchor, subject.counts.yard!.now]).toEqual([anchor, inside ? 1 : 0]);
    }
  });

  it("has no one in it who was not seen for long", () => {
    const subject = camera([yard], { "forget-after": 1 });
    for (const _ of times(5)) subject.see([at(0.5, 0.5)]);
    for (const _ of times(10)) subject.see([]);
    expect(subject.counts.yard).toMatchObject({ now: 1 });
    subject.see([]);
    expect(subject.counts.yard).toMatchObject({ now: 0, out: 1 });
    expect(subject.told.at(-1)).toMatchObject({ type: "region-left", id: 1, value: expect.closeTo(0.4) });
  });

  it("reaches to the border of the picture", () => {
    const subject = camera([
      {
        ...yard,
        points: [
          [0, 0.9],
          [1, 0.9],
          [1, 1],
          [0, 1],
        ],
      },
    ]);
    subject.see([{ id: 1, classId: 0, left: 100, top: 600, width: 50, height: 120 }]);
    expect(subject.counts.yard).toMatchObject({ now: 1 });
  });
});

describe("objects", () => {
  it("pass as they are, and carry the regions that they are in", () => {
    const subject = camera([
      yard,
      {
        ...yard,
        name: 'the "left"',
        points: [
          [0, 0],
          [0.5, 0],
          [0.5, 1],
          [0, 1],
        ],
      },
    ]);
    subject.see([at(0.4, 0.5, 1), at(0.1, 0.5, 2), at(0.9, 0.9, 3)]);
    expect(subject.where).toEqual([expect.arrayContaining(["yard", 'the "left"']), ['the "left"'], undefined]);
  });
});

describe("zones of several sources", () => {
  it("are counted for each, and belong to one when they name it", () => {
    const module = zonesModule([yard, { ...gate, source: 3 }]);
    const [first, third] = [new ZonesCamera(module, 1), new ZonesCamera(module, 3)];
    first.see([at(0.5, 0.5)]);
    third.see([]);
    expect(first.told).toHaveLength(1);
    expect(third.counts).toMatchObject({ yard: { now: 0 }, gate: { in: 0 } });
    first.see([at(0.5, 0.5)]);
    expect(first.counts).toMatchObject({ yard: { now: 1 } });
    expect(first.counts.gate).toBeUndefined();
  });

  it("may have the same name in two sources, and not in one", () => {
    expect(() =>
      zonesModule([
        { ...yard, source: 1 },
        { ...yard, source: 2 },
      ]),
    ).not.toThrow();
    expect(() => zonesModule([yard, { ...yard, source: 2 }])).toThrow("another zone of the same source");
  });
});

describe("zones that change while frames come", () => {
  const change = (module: ReturnType<typeof zonesModule>, zones: readonly object[]) =>
    module.guest.configure({ zones: JSON.stringify(zones) });

  it("keep counts and who is in them where name and type stay", () => {
    const module = zonesModule([yard, gate]);
    const subject = new ZonesCamera(module);
    for (const _ of times(10)) subject.see([at(0.4, 0.5)]);
    change(module, [
      { ...gate, name: "new" },
      { ...yard, dwell: 1.5 },
    ]);
    for (const _ of times(6)) subject.see([at(0.4, 0.5)]);
    expect(types(subject.told)).toEqual(["region-entered", "dwell"]);
    expect(Object.keys(subject.counts)).toEqual(["new", "yard"]);
    expect(subject.counts.yard).toMatchObject({ in: 1, now: 1 });
  });

  it("forget what is taken away", () => {
    const module = zonesModule([yard]);
    const subject = new ZonesCamera(module);
    subject.see([at(0.5, 0.5)]);
    change(module, []);
    subject.see([at(0.5, 0.5)]);
    expect(subject.counts).toEqual({});
    change(module, [yard]);
    subject.see([at(0.5, 0.5)]);
    expect(subject.counts.yard).toMatchObject({ in: 1, now: 1 });
  });

  it("let an object leave that is no longer inside", () => {
    const module = zonesModule([yard]);
    const subject = new ZonesCamera(module);
    subject.see([at(0.5, 0.5)]);
    change(module, [
      {
        ...yard,
        points: [
          [0, 0],
          [0.1, 0],
          [0.1, 0.1],
        ],
      },
    ]);
    subject.see([at(0.5, 0.5)]);
    expect(types(subject.told)).toEqual(["region-entered", "region-left"]);
  });

  it("stay as they are when the new ones are wrong", () => {
    const module = zonesModule([yard]);
    const subject = new ZonesCamera(module);
    subject.see([at(0.5, 0.5)]);
    expect(() => change(module, [{ ...yard, type: "square" }])).toThrow("expected region or line");
    subject.see([at(0.5, 0.5)]);
    expect(subject.counts.yard).toMatchObject({ in: 1, now: 1 });
  });
});

function sorted(told: readonly Told[]): Told[] {
  const key = ({ type, rule, id }: Told) => `${rule} ${type} ${id}`;
  return told
    .map((one) => ({ ...one, value: Math.round(one.value * 1e6) / 1e6 }))
    .sort((a, b) => key(a).localeCompare(key(b)));
}
