import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration, parsePercent, parseSize } from "../../../services/config/units.ts";

describe("durations", () => {
  it.each([
    ["200ms", 200],
    ["20s", 20_000],
    ["1.5s", 1500],
    ["5min", 300_000],
    ["1h", 3_600_000],
    ["2d", 172_800_000],
  ])("%s is %d ms", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(["200", "", "ms", "-1s", "1 s", "1S", "1m", "1e3ms", "20sec", " 20s", "20s "])("%j is none", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each(["200ms", "1500ms", "2s", "5min", "3h", "1d", "0ms"])("%s is written back as it was", (text) => {
    expect(formatDuration(parseDuration(text) ?? Number.NaN)).toBe(text);
  });
});

describe("sizes", () => {
  it.each([
    ["1B", 1],
    ["500kB", 500_000],
    ["64MiB", 67_108_864],
    ["1.5GiB", 1_610_612_736],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["64", "64M", "64mb", "64KB", "-1MB"])("%j is none", (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

describe("percentages", () => {
  it("are fractions of one", () => {
    expect(parsePercent("75%")).toBe(0.75);
  });

  it.each(["75", "101%", "0.75", "-1%", "%"])("%j is none", (text) => {
    expect(parsePercent(text)).toBeUndefined();
  });
});
