// What the module has beyond ByteTrack: turned boxes, and classes that do not flicker.

import { describe, expect, it } from "vitest";
import { randomFrom } from "../support/random.ts";
import { box, camera, ids, times } from "./bytetrack_camera.ts";
import { type Box, ReferenceTracker } from "./bytetrack_reference.ts";
import { sceneOf } from "./scenes.ts";

describe("turned boxes", () => {
  it.each([21, 22, 23])("get the ids of the reference, whichever way the detector describes them (seed %i)", (seed) => {
    const reference = new ReferenceTracker();
    const subject = camera();
    turnedScene(seed, 18, 90).forEach((boxes, frame) => {
      const expected = reference.update(boxes);
      const found = new Map(subject.see(boxes).map((object) => [object.input, Number(object.objectId)]));
      expect(
        boxes.map((_, i) => found.get(i)),
        `frame ${frame}`,
      ).toEqual(expected);
    });
  });

  it("keep one id while they turn and their description changes", () => {
    const subject = camera();
    const seen = times(80).map((i) => {
      const angle = i * 0.06;
      const turned = box(100 + i * 3, { width: 120, height: 30, angle: angle % (Math.PI / 2) });
      const swapped = Math.floor(angle / (Math.PI / 2)) % 2 === 1;
      return subject.see([swapped ? { ...turned, left: turned.left + 45, top: 55, width: 30, height: 120 } : turned]);
    });
    expect(new Set(seen.slice(1).map((objects) => ids(objects).join()))).toEqual(new Set(["1"]));
  });

  it("overlap as turned boxes do, not as those around them", () => {
    const thin = { width: 200, height: 10, top: 200 };
    const subject = camera();
    subject.stare(3, [box(100, { ...thin, angle: 0.785 })]);
    const crossing = subject.see([box(100, { ...thin, angle: -0.785 })]);
    expect(crossing).toEqual([]);
  });

  it("are predicted with their angle", () => {
    const subject = camera({ "predicted-frames": 2 });
    for (const i of times(20)) subject.see([box(100, { width: 120, height: 40, angle: 0.2 + i * 0.02 })]);
    const [predicted] = subject.see([]);
    expect(predicted!.angle).toBeGreaterThan(0.55);
    expect(predicted!.angle).toBeLessThan(0.65);
  });

  it("with an angle that is no number are no boxes", () => {
    expect(camera().see([box(100, { angle: Number.NaN })])).toEqual([]);
  });
});

describe("the class of a track", () => {
  it.each([1, 5, 30])("is the one of the reference (memory of %i detections)", (memory) => {
    const reference = new ReferenceTracker({ agnostic: true, memory });
    const subject = camera({ "class-agnostic": true, "class-memory": memory });
    const random = randomFrom(memory);
    for (const boxes of sceneOf({ seed: 31, objects: 10, frames: 100, classes: 3 })) {
      const flickering = boxes.map((one) => (random() < 0.3 ? { ...one, classId: Math.floor(random() * 3) } : one));
      reference.update(flickering);
      for (const object of subject.see(flickering)) expect(object.classId).toBe(reference.classOf(object.input));
    }
  });

  it("does not flicker with the detector's, and changes when the evidence does", () => {
    const subject = camera({ "class-agnostic": true });
    const classes = times(60).map((i) => subject.see([box(100, { classId: i % 4 === 3 ? 1 : 0 })])[0]!.classId);
    expect(new Set(classes)).toEqual(new Set([0]));
    const later = times(60).map(() => subject.see([box(100, { classId: 1 })])[0]!.classId);
    expect(later.at(-1)).toBe(1);
    expect(later.filter((classId, i) => i > 0 && classId !== later[i - 1])).toHaveLength(1);
  });

  it("counts sure detections more than unsure ones", () => {
    const subject = camera({ "class-agnostic": true });
    const [sure, unsure] = [box(100, { classId: 1, confidence: 0.95 }), box(100, { classId: 0, confidence: 0.3 })];
    subject.see([sure]);
    expect(times(20).map((i) => subject.see([i % 2 === 0 ? unsure : sure])[0]!.classId)).toEqual(
      times(20).map(() => 1),
    );
  });

  it("is in the events too", () => {
    const subject = camera({ "class-agnostic": true, "confirm-frames": 5 }, { labels: ["car", "truck"] });
    for (const i of times(5)) subject.see([box(100, { classId: i === 4 ? 1 : 0 })]);
    expect(subject.events).toMatchObject([{ type: "appeared", label: "car", classId: 0 }]);
  });
});

/** Long things that drive and turn; each detection takes one of the equal descriptions of its box. */
function turnedScene(seed: number, objects: number, frames: number): Box[][] {
  const random = randomFrom(seed);
  const movers = times(objects).map(() => ({
    x: random() * 1280,
    y: random() * 720,
    angle: random() * 6.28,
    turn: (random() - 0.5) * 0.08,
    speed: random() * 8,
    width: 60 + random() * 100,
    height: 20 + random() * 30,
  }));
  return times(frames).map(() =>
    movers.flatMap((mover) => {
      mover.angle += mover.turn;
      mover.x = (mover.x + mover.speed * Math.cos(mover.angle) + 1280) % 1280;
      mover.y = (mover.y + mover.speed * Math.sin(mover.angle) + 720) % 720;
      if (random() < 0.1) return [];
      const jitter = () => 1 + (random() - 0.5) * 0.05;
      const [w, h] = [mover.width * jitter(), mover.height * jitter()];
      const quarters = Math.floor(random() * 4);
      const [width, height] = quarters % 2 === 0 ? [w, h] : [h, w];
      const angle = ((mover.angle + (random() - 0.5) * 0.1 + (quarters * Math.PI) / 2) % (2 * Math.PI)) - Math.PI;
      return [
        {
          left: Math.fround(mover.x - width / 2),
          top: Math.fround(mover.y - height / 2),
          width: Math.fround(width),
          height: Math.fround(height),
          angle: Math.fround(angle),
          confidence: Math.fround(random() < 0.2 ? 0.3 : 0.8),
          classId: 0,
        },
      ];
    }),
  );
}
