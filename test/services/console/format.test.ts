import { describe, expect, it } from "vitest";
import {
  bytes,
  count,
  countLabels,
  duration,
  eventText,
  latency,
  tone,
  trackId,
} from "../../../services/console/page/lib/format.js";
import { shortTrackId } from "../../../services/supervisor/track-id.ts";

describe("numbers", () => {
  it.each([
    [latency(null), "–"],
    [latency(0), "0 ms"],
    [latency(8.44), "8.4 ms"],
    [latency(9.97), "10 ms"],
    [latency(420.4), "420 ms"],
    [latency(1260), "1.3 s"],
    [latency(14_400), "14 s"],
    [bytes(0), "0 B"],
    [bytes(999), "999 B"],
    [bytes(41_000_000_000), "41 GB"],
    [bytes(1_530_000), "1.5 MB"],
    [duration(8400), "8 s"],
    [duration(125_000), "2 min 5 s"],
    [duration(3_900_000), "1 h 5 min"],
    [duration(277_200_000), "3 d 5 h"],
    [count(1_234_567), "1\u202f234\u202f567"],
  ])("are short: %s", (found, expected) => expect(found).toBe(expected));
});

describe("track ids", () => {
  it.each(["7711120816506667059", "42", "", "gate-7"])("are those of the command line: %s", (id) =>
    expect(trackId(id)).toBe(shortTrackId(id)),
  );
});

describe("labels", () => {
  it("come by number, then by name", () => {
    const objects = ["car", "bus", "person", "car", "bus"].map((label) => ({ label }));
    expect(countLabels(objects)).toEqual([
      ["bus", 2],
      ["car", 2],
      ["person", 1],
    ]);
  });
});

describe("states", () => {
  it("that are not known are bad news", () => {
    expect([tone("playing"), tone("starting"), tone("disabled"), tone("on fire")]).toEqual(["good", "warn", "", "bad"]);
  });
});

describe("events", () => {
  const object = { id: "7711120816506667059", label: "car", classId: 0 };
  it.each([
    [{ type: "line-crossing", rule: "gate", direction: "in", value: 3, object }, "car #5171 crossed “gate” in (3)"],
    [{ type: "region-left", rule: "yard", value: 3.24, object }, "car #5171 left “yard” after 3.2 s"],
    [{ type: "crowded", rule: "yard", value: 5 }, "“yard” is crowded: 5 inside"],
    [{ type: "loitering", rule: "yard", value: 2, object }, "car #5171 loitering “yard” 2"],
    [{ anything: 1 }, '{"anything":1}'],
  ])("are sentences: %o", (data, expected) => {
    const id = shortTrackId(object.id);
    expect(eventText(data)).toBe(expected.replace("#5171", `#${id}`));
  });
});
