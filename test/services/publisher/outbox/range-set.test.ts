import { expect, it } from "vitest";
import { RangeSet } from "../../../../services/publisher/outbox/range-set.ts";

it("joins what touches, whatever the order", () => {
  const set = new RangeSet();
  for (const value of [5, 1, 3, 2, 9, 4, 7, 8]) set.add(value);
  expect(set.ranges()).toEqual([
    [1, 5],
    [7, 9],
  ]);
  set.add(6);
  expect(set.ranges()).toEqual([[1, 9]]);
});

it("gives back single numbers, at the ends of a run and within it", () => {
  const set = new RangeSet();
  set.add(1, 5);
  set.add(8);
  for (const value of [1, 3, 5, 8, 9]) set.remove(value);
  expect(set.ranges()).toEqual([
    [2, 2],
    [4, 4],
  ]);
});

it("agrees with a plain set for random runs", () => {
  let seed = 7;
  const random = (most: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % most;
  };
  for (let round = 0; round < 50; round++) {
    const set = new RangeSet();
    const plain = new Set<number>();
    for (let i = 0; i < 40; i++) {
      const from = 1 + random(100);
      const to = from + random(6);
      set.add(from, to);
      for (let value = from; value <= to; value++) plain.add(value);
    }
    for (let value = 0; value < 112; value++) expect(set.has(value)).toBe(plain.has(value));
    const missing = RangeSet.missing(1, 110, set).flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i),
    );
    expect(missing).toEqual(Array.from({ length: 110 }, (_, i) => i + 1).filter((value) => !plain.has(value)));
  }
});

it("takes a million numbers in order as one run", () => {
  const set = new RangeSet();
  for (let value = 1; value <= 1_000_000; value++) set.add(value);
  expect(set.runs).toBe(1);
});

it("finds what none of several sets has", () => {
  const [a, b] = [new RangeSet(), new RangeSet()];
  a.add(2, 4);
  b.add(6, 7);
  expect(RangeSet.missing(1, 9, a, b)).toEqual([
    [1, 1],
    [5, 5],
    [8, 9],
  ]);
});
