import { readdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";

const folder = new URL("../../demo/clips/", import.meta.url);
const clips = readdirSync(folder).filter((name) => name.endsWith(".mp4"));

/** Length in seconds from the movie header (`mvhd`, version 0: timescale and duration at bytes 12 and 16 of its body). */
function seconds(clip: string): number {
  const bytes = readFileSync(new URL(clip, folder));
  const body = bytes.indexOf("mvhd") + 4;
  return bytes.readUInt32BE(body + 16) / bytes.readUInt32BE(body + 12);
}

describe("the demo clips", () => {
  it("are four", () => {
    expect(clips.sort()).toEqual(["avenue.mp4", "bus-stop.mp4", "highway.mp4", "junction.mp4"]);
  });

  it.each(clips)("%s lasts at least 20 s", (clip) => {
    expect(seconds(clip)).toBeGreaterThanOrEqual(20);
  });

  it("stay under 12 MB together", () => {
    expect(clips.reduce((sum, clip) => sum + statSync(new URL(clip, folder)).size, 0)).toBeLessThan(12e6);
  });
});
