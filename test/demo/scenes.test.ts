import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const demo = fileURLToPath(new URL("../../demo", import.meta.url));
const python = process.env.PYTHON ?? "/usr/bin/python3";

function run(program: string): string {
  return execFileSync(python, ["-c", program], {
    cwd: demo,
    encoding: "utf8",
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
}

function hasOpenCv(): boolean {
  try {
    run("import cv2, numpy");
    return true;
  } catch {
    return false;
  }
}

// Rendering is done once, by whoever remakes the clips or the model; the product itself needs no OpenCV.
describe.skipIf(!hasOpenCv())("the scene renderer", () => {
  it("draws the same picture and boxes for the same seed", () => {
    const program = `
import hashlib
from scenes import sampler
def digest():
    return [(hashlib.sha256(p.tobytes()).hexdigest(), r.tolist()) for p, r in sampler.scenes(5, 1, 320, 180)]
print(digest() == digest())`;
    expect(run(program).trim()).toBe("True");
  });

  it("keeps every box inside the picture and of a known class", () => {
    const program = `
import json
from scenes import sampler
print(json.dumps([r.tolist() for seed in (2, 5, 32) for _, r in sampler.scenes(seed, 1, 320, 180)]))`;
    const boxes = (JSON.parse(run(program)) as number[][][]).flat() as [number, number, number, number, number][];
    expect(boxes.length).toBeGreaterThan(5);
    for (const [label, x0, y0, x1, y1] of boxes) {
      expect([0, 1, 2, 3, 4]).toContain(label);
      expect(x0).toBeGreaterThanOrEqual(0);
      expect(y0).toBeGreaterThanOrEqual(0);
      expect(x1).toBeLessThanOrEqual(320);
      expect(y1).toBeLessThanOrEqual(180);
      expect(x1).toBeGreaterThan(x0);
      expect(y1).toBeGreaterThan(y0);
    }
  });

  it("brings traffic back to where it was after one period", () => {
    const program = `
from scenes.paths import Path
from scenes.traffic import Entry, Signals, Traffic
path = Path([(-60, 0), (60, 0)], "motor", stop=55, phase=0)
entries = [Entry("bicycle", path, start, 6.0) for start in (0.0, 4.0, 9.0)]
traffic = Traffic(entries, 12, Signals({0: [(3.0, 10.0)]}))
def places():
    return [(m.entry.start, round(m.s, 1)) for m in traffic.movers]
before = places()
for _ in range(12 * 30):
    traffic.step()
print(before == places() and len(before) > 2)`;
    expect(run(program).trim()).toBe("True");
  });
});
