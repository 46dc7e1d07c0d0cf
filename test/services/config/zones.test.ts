import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parseConfig, parseZones } from "../../../services/config/load.ts";

const line = {
  name: "gate",
  type: "line",
  points: [
    [0.1, 0.5],
    [0.9, 0.5],
  ],
};
const region = { ...line, name: "yard", type: "region", points: [...line.points, [0.5, 0.9]] };

const problemOf = (zones: unknown): string => {
  const text = stringify({ version: 1, cameras: [{ id: "door", uri: "test:", zones }] });
  try {
    parseConfig(text, "/etc/nightjar.yaml");
    return "";
  } catch (error) {
    return (error as Error).message;
  }
};

describe("zones in the configuration", () => {
  it("have defaults, durations in milliseconds and percentages as shares", () => {
    const [zone] = parseZones([{ ...region, dwell: "30s", settle: "1s", stride: "10%" }], "test");
    expect(zone).toMatchObject({ dwell: 30_000, settle: 1000, stride: 0.1, margin: 0.01, anchor: "bottom" });
  });

  it.each([
    [
      [
        {
          ...line,
          points: [
            [0.1, 0.5],
            [640, 0.5],
          ],
        },
      ],
      "cameras[0].zones[0].points[1][0]: found 640, expected a number from 0 to 1",
    ],
    [[{ ...line, points: [[0.1, 0.5]] }], "zones[0].points: found", "expected 2 or more points for a line"],
    [[{ ...region, points: line.points }], "expected 3 or more points for a region"],
    [[{ ...line, points: [[0.1], [0.9, 0.5]] }], "zones[0].points[0]: found a list, expected a point [x, y]"],
    [[{ ...line, type: "lines" }], 'zones[0].type: found "lines", expected one of region, line (did you mean line?)'],
    [[{ ...line, name: "" }], "zones[0].name:", "expected a text of 1 to 31 bytes"],
    [[{ ...line, name: "é".repeat(16) }], "zones[0].name:", "expected a text of 1 to 31 bytes"],
    [[{ ...line, dwell: "3s" }], "zones[0].dwell:", "one of regions"],
    [[{ ...region, count: "in" }], "zones[0].count:", "one of lines"],
    [[{ ...region, dwell: 3 }], "zones[0].dwell: found 3", "did you mean 3ms or 3s?"],
    [[{ ...region, dwel: "3s" }], "zones[0].dwel: unknown key (did you mean dwell?)"],
    [[line, { ...region, name: "gate" }], "zones[1].name:", '"gate" is taken'],
    [{ gate: line }, "zones: found", "expected a list of zones"],
  ])("are refused with place, key and what was expected: %j", (zones, ...parts) => {
    for (const part of parts) expect(problemOf(zones)).toContain(part);
  });
});
