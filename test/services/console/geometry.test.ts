import { describe, expect, it } from "vitest";
import {
  freshName,
  inArrow,
  inTheMiddle,
  middles,
  moved,
  type Point,
  withoutPoint,
  withPoint,
} from "../../../services/console/page/zones/geometry.js";

const line: Point[] = [
  [0.2, 0.5],
  [0.8, 0.5],
];
const triangle: Point[] = [
  [0.1, 0.1],
  [0.5, 0.1],
  [0.3, 0.5],
];

describe("points of a zone", () => {
  it("stay in the picture, whatever the pointer does", () => {
    expect(withPoint(line, 1, [1.7, -0.3])).toEqual([
      [0.2, 0.5],
      [1, 0],
    ]);
  });

  it("move together without losing their shape at the border", () => {
    expect(moved(line, 0.5, 0.1)).toEqual([
      [0.4, 0.6],
      [1, 0.6],
    ]);
    expect(moved(line, -0.5, -0.9)).toEqual([
      [0, 0],
      [0.6, 0],
    ]);
  });

  it("have a middle on each side; a region also between its last and first point", () => {
    expect(middles(line, "line")).toEqual([[0.5, 0.5]]);
    expect(middles(triangle, "region")).toEqual([
      [0.3, 0.1],
      [0.4, 0.3],
      [0.2, 0.3],
    ]);
  });

  it("are never fewer than their type needs", () => {
    expect(withoutPoint(triangle, 0, "region")).toBe(triangle);
    expect(withoutPoint(triangle, 0, "line")).toEqual(triangle.slice(1));
    expect(withoutPoint(line, 0, "line")).toBe(line);
  });

  it("lie in the picture when nobody drew them", () => {
    for (const type of ["line", "region"] as const)
      for (const point of inTheMiddle(type)) for (const value of point) expect(value).toBeCloseTo(0.5, 0);
  });
});

describe("the arrow of a line", () => {
  // As in docs/reference/zones.md: in is from the left to the right, looking along the points.
  it.each<[string, Point[], Point]>([
    [
      "to the right: downwards",
      [
        [0, 50],
        [100, 50],
      ],
      [50, 60],
    ],
    [
      "to the left: upwards",
      [
        [100, 50],
        [0, 50],
      ],
      [50, 40],
    ],
    [
      "downwards: to the left",
      [
        [50, 0],
        [50, 100],
      ],
      [40, 50],
    ],
    [
      "with a corner: from the middle of its way",
      [
        [0, 0],
        [60, 0],
        [60, 20],
      ],
      [40, 10],
    ],
  ])("points to the right of it, looking %s", (_, points, to) => {
    expect(inArrow(points, 10)?.to).toEqual(to);
  });

  it("is not there for a line without length", () => {
    expect(
      inArrow(
        [
          [5, 5],
          [5, 5],
        ],
        10,
      ),
    ).toBeUndefined();
  });
});

describe("the name of a new zone", () => {
  it("is one that its camera does not have", () => {
    expect(freshName("line", [])).toBe("line 1");
    expect(freshName("line", ["line 1", "region 2", "line 3"])).toBe("line 2");
  });
});
