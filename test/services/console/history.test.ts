import { describe, expect, it } from "vitest";
import { type History, joined, latest } from "../../../services/console/page/lib/history.js";

const history = (times: number[], cameras: History["cameras"], fps: (number | null)[]): History => ({
  stepMs: 2000,
  times,
  cameras,
  totals: { fps },
});

describe("the course", () => {
  it("goes on with what has come since", () => {
    const next = joined(
      history([1, 2], { gate: { fps: [14, 15] } }, [14, 15]),
      history([3], { gate: { fps: [13] } }, [13]),
    );
    expect(next).toEqual(history([1, 2, 3], { gate: { fps: [14, 15, 13] } }, [14, 15, 13]));
  });

  it("has a new camera without a past, and a removed one no more", () => {
    const next = joined(history([1, 2], { gate: { fps: [14, 15] } }, []), history([3], { yard: { fps: [9] } }, []));
    expect(next.cameras).toEqual({ yard: { fps: [null, null, 9] } });
  });

  it("forgets as the server does", () => {
    const many = Array.from({ length: 300 }, (_, i) => i);
    const next = joined(
      history(many, { gate: { fps: many } }, many),
      history([300, 301], { gate: { fps: [1, 2] } }, [1, 2]),
    );
    expect(next.times).toHaveLength(300);
    expect(next.cameras["gate"]?.["fps"]).toHaveLength(300);
    expect([next.times[0], next.times.at(-1)]).toEqual([2, 301]);
  });

  it("has a last value as far as one is known", () => {
    expect([latest([1, 2, null]), latest([]), latest(undefined)]).toEqual([2, null, null]);
  });
});
