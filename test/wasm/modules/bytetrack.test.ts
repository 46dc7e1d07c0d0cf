import { describe, expect, it } from "vitest";
import { FrameFlags, ObjectFlags, UNTRACKED } from "../../../firmware/link/protocol.ts";
import { randomFrom } from "../support/random.ts";
import { box, Camera, camera, FRAME_TIME, ids, times, tracker } from "./bytetrack_camera.ts";
import { ReferenceTracker } from "./bytetrack_reference.ts";
import { sceneOf } from "./scenes.ts";

describe("the bytetrack module against ByteTrack written from its paper", () => {
  it.each([
    { seed: 1, objects: 4, frames: 120 },
    { seed: 2, objects: 12, frames: 120 },
    { seed: 3, objects: 30, frames: 80, classes: 1 },
    { seed: 4, objects: 20, frames: 100, missed: 0.4, weak: 0.4, clutter: 3 },
    { seed: 5, objects: 45, frames: 60, classes: 1, missed: 0.2 },
  ])("gives every detection the same id (seed $seed, $objects objects)", (options) => {
    const reference = new ReferenceTracker();
    const subject = camera();
    sceneOf(options).forEach((boxes, frame) => {
      const expected = reference.update(boxes);
      const found = new Map(subject.see(boxes).map((object) => [object.input, Number(object.objectId)]));
      expect(
        boxes.map((_, i) => found.get(i)),
        `frame ${frame}`,
      ).toEqual(expected);
    });
  });

  it("also with other settings and across classes", () => {
    const reference = new ReferenceTracker({ high: 0.7, low: 0.3, begin: 0.75, match: 0.6, buffer: 4, agnostic: true });
    const subject = camera({
      "track-threshold": 0.7,
      "low-threshold": 0.3,
      "new-track-threshold": 0.75,
      "match-threshold": 0.6,
      "track-buffer": 4,
      "class-agnostic": true,
    });
    for (const boxes of sceneOf({ seed: 6, objects: 15, frames: 100, classes: 3 })) {
      const expected = reference.update(boxes);
      const found = new Map(subject.see(boxes).map((object) => [object.input, Number(object.objectId)]));
      expect(boxes.map((_, i) => found.get(i))).toEqual(expected);
    }
  });
});

describe("ids", () => {
  it("stay with objects that cross", () => {
    const subject = camera();
    const frames = times(60).map((i) => [box(100 + i * 8), box(580 - i * 8, { top: 130 })]);
    const seen = frames.map((boxes) => subject.see(boxes));
    expect(seen.every((objects) => objects.length === 2)).toBe(true);
    expect(new Set(seen.map((objects) => ids(objects).join()))).toEqual(new Set(["1,2"]));
  });

  it("come back after the object was hidden for as long as the buffer, and not after more", () => {
    for (const { hidden, id } of [
      { hidden: 10, id: 1 },
      { hidden: 11, id: 2 },
    ]) {
      const subject = camera({ "track-buffer": 10 });
      subject.stare(5, [box(100)]);
      expect(times(hidden).flatMap(() => subject.see([]))).toEqual([]);
      subject.see([box(100)]);
      expect(ids(subject.see([box(100)]))).toEqual([id]);
    }
  });

  it("are continued by weak detections", () => {
    const subject = camera();
    for (const i of times(5)) subject.see([box(100 + i * 4)]);
    const weak = times(20).map((i) => subject.see([box(120 + i * 4, { confidence: 0.15 })]));
    expect(weak.map(ids)).toEqual(times(20).map(() => [1]));
  });

  it("are not begun by weak detections", () => {
    const subject = camera();
    expect(times(5).flatMap(() => subject.see([box(100, { confidence: 0.4 })]))).toEqual([]);
  });

  it("need a second detection after the first frame", () => {
    const subject = camera();
    subject.see([]);
    expect(subject.see([box(100)])).toEqual([]);
    expect(ids(subject.see([box(100)]))).toEqual([1]);
    subject.see([box(100), box(500)]);
    subject.see([box(100)]);
    expect(ids(subject.see([box(100), box(500)]))).toEqual([1]);
  });

  it("are not shared by objects of two classes, unless the class does not matter", () => {
    for (const { agnostic, expected } of [
      { agnostic: false, expected: [2] },
      { agnostic: true, expected: [1] },
    ]) {
      const subject = camera({ "class-agnostic": agnostic });
      subject.stare(3, [box(100)]);
      subject.see([box(100, { classId: 1 })]);
      expect(ids(subject.see([box(100, { classId: 1 })]))).toEqual(expected);
    }
  });

  it("begin above those of an earlier instance", () => {
    expect(ids(camera({}, { firstObjectId: 1000n }).see([box(100)]))).toEqual([1000]);
  });

  it("are unique among all sources, and each source is on its own", () => {
    const module = tracker();
    const cameras = times(40).map((source) => new Camera(module, source));
    const first = cameras.map((one) => ids(one.see([box(100), box(300)])));
    const again = cameras.map((one) => ids(one.see([box(104), box(304)])));
    expect(new Set(first.flat()).size).toBe(80);
    expect(again).toEqual(first);
  });

  it("are never given twice, whatever comes and goes", () => {
    const subject = camera({ "track-buffer": 3 });
    const owners = new Map<number, number>();
    times(400).forEach((frame) => {
      const visit = Math.floor(frame / 10);
      if (frame % 10 > 4) subject.see([]);
      else for (const id of ids(subject.see([box(50 + visit * 25)]))) owners.set(id, owners.get(id) ?? visit);
      for (const [id, owner] of owners) expect(id).toBe(owner + 1);
    });
    expect(owners.size).toBe(40);
  });

  it("go on after the source restarted, with none of the old ones", () => {
    const subject = camera();
    subject.stare(5, [box(100), box(300)]);
    const after = subject.see([box(100), box(300)], FrameFlags.Inferred | FrameFlags.Discontinuity);
    expect(ids(after)).toEqual([3, 4]);
    expect(subject.events.filter((event) => event.type === "left").map((event) => event.objectId)).toEqual([1n, 2n]);
  });

  it("are bounded: a source follows 256 objects", () => {
    const subject = camera({ "keep-untracked": true });
    const crowd = times(300).map((i) => box((i % 30) * 50, { top: Math.floor(i / 30) * 90 }));
    const objects = subject.see(crowd);
    expect(objects).toHaveLength(300);
    expect(objects.filter((object) => object.objectId !== UNTRACKED)).toHaveLength(256);
  });

  it("survive thousands of sources without growing", () => {
    const module = tracker();
    const bytes = module.guest.memoryBytes;
    for (const source of times(3000)) new Camera(module, source).see([box(100), box(200)]);
    expect(module.guest.memoryBytes).toBe(bytes);
    expect(ids(new Camera(module, 2999).see([box(100), box(200)]))).toEqual([5999, 6000]);
  });
});

describe("whatever comes", () => {
  it("ten thousand frames of sources that come and go, with nonsense between, take no more memory and no id twice", () => {
    const module = tracker({ "track-buffer": 5, "class-agnostic": true });
    const random = randomFrom(77);
    const bytes = module.guest.memoryBytes;
    const homes = new Map<bigint, string>();
    const nonsense = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1e30];
    for (const frame of times(10_000)) {
      const source = Math.floor(random() * 1500);
      const boxes = times(Math.floor(random() * 6)).map((i) => box(i * 200, { confidence: random() }));
      for (const field of ["left", "width", "height", "angle"] as const)
        if (random() < 0.1) boxes.push(box(900, { [field]: nonsense[Math.floor(random() * 4)] }));
      const { objects } = module.run({ sourceId: source, pts: BigInt(frame) * FRAME_TIME, objects: boxes });
      for (const { objectId, flags } of objects) {
        const isNew = (flags & ObjectFlags.New) !== 0;
        expect(homes.get(objectId)).toBe(isNew ? undefined : `source ${source}`);
        homes.set(objectId, `source ${source}`);
      }
    }
    expect(module.guest.memoryBytes).toBe(bytes);
    expect(homes.size).toBeGreaterThan(1000);
  });
});

describe("objects out", () => {
  it("are the detections themselves, flagged, with their age", () => {
    const subject = camera();
    const [first] = subject.see([box(100)]);
    const [second] = subject.see([box(103)]);
    expect(first).toMatchObject({ left: 100, input: 0, flags: ObjectFlags.Tracked | ObjectFlags.New, age: 0 });
    expect(second).toMatchObject({
      left: 103,
      width: 40,
      confidence: expect.closeTo(0.9),
      flags: ObjectFlags.Tracked,
      age: 1,
    });
    expect(second!.trackerConfidence).toBeCloseTo(37 / 43, 3);
  });

  it("are the filter's boxes when smooth ones are wanted", () => {
    const subject = camera({ "smooth-boxes": true });
    subject.see([box(100)]);
    const [second] = subject.see([box(110)]);
    expect(second!.left).toBeGreaterThan(100);
    expect(second!.left).toBeLessThan(110);
  });

  it("show the expected place on frames without inference", () => {
    const subject = camera({ "track-buffer": 1 });
    for (const i of times(20)) subject.see([box(100 + i * 10)]);
    const skipped = times(5).map(() => subject.see([], 0));
    expect(skipped.map(ids)).toEqual(times(5).map(() => [1]));
    expect(skipped.at(-1)![0]!.flags).toBe(ObjectFlags.Tracked | ObjectFlags.Predicted);
    expect(Math.abs(skipped.at(-1)![0]!.left - (100 + 24 * 10))).toBeLessThan(2);
    expect(ids(subject.see([box(100 + 25 * 10)]))).toEqual([1]);
  });

  it("show lost objects for as long as is asked", () => {
    const subject = camera({ "predicted-frames": 2 });
    subject.stare(5, [box(100)]);
    expect(times(4).map(() => subject.see([]).length)).toEqual([1, 1, 0, 0]);
  });

  it("are none for boxes that are no boxes", () => {
    const subject = camera();
    expect(subject.see([box(100, { width: 0 }), box(100, { height: -5 }), box(Number.NaN)])).toEqual([]);
  });
});

describe("events", () => {
  it("tell who appeared after some frames, and who left and for how long it was seen", () => {
    const subject = camera({ "confirm-frames": 3, "track-buffer": 5 }, { labels: ["car"] });
    for (const i of times(21)) subject.see([box(100 + i)]);
    subject.stare(6, []);
    expect(subject.events).toEqual([
      { type: "appeared", objectId: 1n, classId: 0, object: 0, label: "car", value: 0.2 },
      { type: "left", objectId: 1n, classId: 0, object: -1, label: "car", value: 2 },
    ]);
  });

  it("say nothing of objects that did not stay", () => {
    const subject = camera({ "confirm-frames": 3, "track-buffer": 1 });
    subject.stare(2, [box(100)]);
    subject.stare(5, []);
    expect(subject.events).toEqual([]);
  });

  it("wait for the next frame when a frame has no place for them", () => {
    const subject = camera({ "confirm-frames": 1, "track-buffer": 0 }, { maxEvents: 2 });
    const row = times(5).map((i) => box(i * 100));
    subject.stare(3, row);
    expect(subject.events.map((event) => Number(event.objectId))).toEqual([1, 2, 3, 4, 5]);
    subject.stare(4, []);
    expect(
      subject.events
        .slice(5)
        .map((event) => `${event.type} ${event.objectId}`)
        .sort(),
    ).toEqual([1, 2, 3, 4, 5].map((id) => `left ${id}`));
  });
});

describe("state", () => {
  it("moves to another instance: same ids, same future", () => {
    const scene = sceneOf({ seed: 9, objects: 10, frames: 80 });
    const old = tracker();
    const before = new Camera(old);
    for (const boxes of scene.slice(0, 40)) before.see(boxes);
    const fresh = tracker();
    fresh.guest.restore(old.guest.save()!);
    const after = new Camera(fresh);
    for (const boxes of scene.slice(40)) expect(after.see(boxes)).toEqual(before.see(boxes));
  });

  it("of the version before is taken over, with its ids", () => {
    const old = tracker();
    const before = new Camera(old);
    for (const i of times(10)) before.see([box(100 + i * 3), box(400, { classId: 1 })]);
    const fresh = tracker();
    fresh.guest.restore(asVersion1(old.guest.save()!));
    expect(ids(new Camera(fresh).see([box(130), box(400, { classId: 1 })]))).toEqual([1, 2]);
  });

  it("is refused when it is not one, and leaves the module as new", () => {
    const state = tracker().guest.save()!;
    const used = tracker();
    new Camera(used).see([box(100), box(300)]);
    const full = used.guest.save()!;
    for (const bad of [new Uint8Array(3), new Uint8Array(24), state.with(0, 1), full.slice(0, -1), damaged(full)]) {
      const module = tracker();
      expect(() => module.guest.restore(bad)).toThrow("the saved state is not of this module");
      expect(ids(new Camera(module).see([box(100)]))).toEqual([1]);
    }
  });

  it("is the same for the same frames, byte for byte", () => {
    const states = times(2).map(() => {
      const module = tracker();
      const subject = new Camera(module);
      for (const boxes of sceneOf({ seed: 11, objects: 10, frames: 50 })) subject.see(boxes);
      return module.guest.save()!;
    });
    expect(states[0]).toEqual(states[1]);
  });
});

/** A state as version 1.0 of the module wrote it: four filtered values in place of five, angle in place of a flag, no votes. */
function asVersion1(state: Uint8Array): Uint8Array {
  const [header, source, filter, track] = [24, 24, 5 * 5 * 8, 312];
  const count = new DataView(state.buffer, state.byteOffset).getInt32(header + 20, true);
  const parts = [state.slice(0, header + source)];
  for (let i = 0; i < count; i++) {
    const from = state.subarray(header + source + i * track, header + source + (i + 1) * track);
    for (let kind = 0; kind < 5; kind++) parts.push(from.slice(kind * 40, kind * 40 + 32));
    const rest = from.slice(filter, filter + 80);
    new DataView(rest.buffer).setFloat32(64, 0, true);
    parts.push(rest);
  }
  const old = new Uint8Array(Buffer.concat(parts));
  new DataView(old.buffer).setUint32(4, 1, true);
  return old;
}

/** A state whose source claims more tracks than there are. */
function damaged(state: Uint8Array): Uint8Array {
  const copy = state.slice();
  new DataView(copy.buffer).setInt32(24 + 20, 200, true);
  return copy;
}
