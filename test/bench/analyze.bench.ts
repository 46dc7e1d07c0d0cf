// The analyze modules on one frame of 100 objects: the module's own time, and what the worker takes with the copies in and out.
// Inside the clock: nj_process (and the copies). Outside: the element, the link, inference. Median of the frames of a scene
// after a warm-up; on two busy cores of an AMD EPYC.

import { Kind } from "../../firmware/link/protocol.ts";
import { sceneOf } from "../wasm/modules/scenes.ts";
import { walks, zonesModule } from "../wasm/modules/zones_camera.ts";
import { TestModule } from "../wasm/support/module.ts";
import type { Measurement } from "./figures.ts";

const WARM_UP = 600;
const FRAMES = 900;
const OBJECTS = 100;
const FRAME_TIME = 33_333_333n;

export function measure(): Measurement[] {
  return [
    { name: "module.bytetrack-100-objects", value: bytetrack() },
    { name: "module.zones-20-regions-100-objects", value: zones() },
  ];
}

/** Microseconds for a frame; nothing missed, so that every frame has its 100 tracks. */
function bytetrack(): number {
  const scene = sceneOf({ seed: 1, objects: OBJECTS, frames: WARM_UP + FRAMES, missed: 0.02, clutter: 0 });
  return median(new TestModule("bytetrack", Kind.Analyze, {}), scene);
}

function zones(): number {
  const regions = Array.from({ length: 20 }, (_, i) => ({
    name: `region ${i}`,
    type: "region",
    points: octagon(0.1 + (i % 5) * 0.2, 0.125 + Math.floor(i / 5) * 0.25),
    dwell: 5,
    crowd: 10,
  }));
  const scene = walks(2, OBJECTS, WARM_UP + FRAMES).map((objects) =>
    objects.map(({ id, ...box }) => ({ ...box, objectId: BigInt(id), confidence: 0.9 })),
  );
  return median(zonesModule(regions), scene);
}

/** Eight corners about a centre, a tenth of the picture across. */
function octagon(x: number, y: number): [number, number][] {
  return Array.from({ length: 8 }, (_, i) => {
    const angle = (i / 8) * 2 * Math.PI;
    return [Math.min(1, Math.max(0, x + 0.1 * Math.cos(angle))), Math.min(1, Math.max(0, y + 0.12 * Math.sin(angle)))];
  });
}

function median(module: TestModule, scene: readonly object[][]): number {
  const times = scene.map((objects, i) => {
    module.fill({ pts: BigInt(i + 1) * FRAME_TIME, objects });
    const began = performance.now();
    module.process();
    return (performance.now() - began) * 1000;
  });
  return times.slice(WARM_UP).sort((a, b) => a - b)[Math.floor(FRAMES / 2)]!;
}

if (import.meta.main) console.log(measure());
