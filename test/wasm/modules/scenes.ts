// Scenes for trackers: things that move, detections of them that jitter, fade and fail.

import { randomFrom } from "../support/random.ts";
import type { Box } from "./bytetrack_reference.ts";

export interface SceneOptions {
  seed: number;
  objects: number;
  frames: number;
  classes?: number;
  /** Share of detections that are missed, and of those that are weak. */
  missed?: number;
  weak?: number;
  /** False detections of a frame, on average. */
  clutter?: number;
}

/** The detections of each frame, in an order that says nothing. */
export function sceneOf(options: SceneOptions): Box[][] {
  const { seed, objects, frames, classes = 2, missed = 0.1, weak = 0.2, clutter = 0.5 } = options;
  const random = randomFrom(seed);
  const movers = Array.from({ length: objects }, () => ({
    x: random() * 1200,
    y: random() * 680,
    dx: (random() - 0.5) * 12,
    dy: (random() - 0.5) * 8,
    width: 30 + random() * 90,
    height: 30 + random() * 90,
    classId: Math.floor(random() * classes),
  }));
  return Array.from({ length: frames }, () => {
    const boxes: Box[] = [];
    for (const mover of movers) {
      mover.x += mover.dx;
      mover.y += mover.dy;
      if (mover.x < 0 || mover.x > 1280) mover.dx = -mover.dx;
      if (mover.y < 0 || mover.y > 720) mover.dy = -mover.dy;
      if (random() < missed) continue;
      boxes.push(detect(mover, random, random() < weak ? 0.12 + random() * 0.36 : 0.5 + random() * 0.5));
    }
    if (random() < clutter) {
      const ghost = { x: random() * 1280, y: random() * 720, width: 40, height: 60, classId: 0 };
      boxes.push(detect(ghost, random, 0.2 + random() * 0.6));
    }
    return boxes
      .map((box) => ({ box, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ box }) => box);
  });
}

interface Thing {
  x: number;
  y: number;
  width: number;
  height: number;
  classId: number;
}

function detect({ x, y, width, height, classId }: Thing, random: () => number, confidence: number): Box {
  const jitter = () => 1 + (random() - 0.5) * 0.08;
  const w = Math.fround(width * jitter());
  const h = Math.fround(height * jitter());
  return {
    left: Math.fround(x * jitter() - w / 2),
    top: Math.fround(y * jitter() - h / 2),
    width: w,
    height: h,
    confidence: Math.fround(confidence),
    classId,
  };
}
