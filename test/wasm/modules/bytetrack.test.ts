import { describe, expect, it } from "vitest";
import { FrameFlags, Kind, ObjectFlags, UNTRACKED } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import type { EventOut, ObjectOut } from "../../services/postprocess/support/records.ts";
import { TestModule, type TestModuleOptions } from "../support/module.ts";
import { type Box, ReferenceTracker } from "./bytetrack_reference.ts";
import { sceneOf } from "./scenes.ts";

const SECOND = 1_000_000_000n;
const FRAME_TIME = SECOND / 10n;

/** A source of the tracker, frame by frame at 10 per second. */
class Camera {
  readonly events: EventOut[] = [];
  readonly #module: TestModule;
  readonly #sourceId: number;
  #time = 0n;

  constructor(module: TestModule, sourceId = 0) {
    this.#module = module;
    this.#sourceId = sourceId;
  }

  see(boxes: readonly Partial<Box>[], flags: number = FrameFlags.Inferred): ObjectOut[] {
    const { objects, events } = this.#module.run({ sourceId: this.#sourceId, pts: this.#time, flags, objects: boxes });
    this.#time += FRAME_TIME;
    this.events.push(...events);
    return objects;
  }

  /** The same frame some times. */
  stare(count: number, boxes: readonly Partial<Box>[]): void {
    for (let i = 0; i < count; i++) this.see(boxes);
  }
}

const tracker = (parameters: Parameters = {}, options: TestModuleOptions = {}) =>
  new TestModule("bytetrack", Kind.Analyze, { parameters, ...options });
const camera = (parameters: Parameters = {}, options: TestModuleOptions = {}) =>
  new Camera(tracker(parameters, options));

const box = (left: number, changes: Partial<Box> = {}): Box => ({
  left,
  top: 100,
  width: 40,
  height: 80,
  confidence: 0.9,
  classId: 0,
  ...changes,
});
const ids = (objects: readonly ObjectOut[]) => objects.map((object) => Number(object.objectId));
const times = (count: number) => Array.from({ length: count }, (_, i) => i);

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

/** A state whose source claims more tracks than there are. */
function damaged(state: Uint8Array): Uint8Array {
  const copy = state.slice();
  new DataView(copy.buffer).setInt32(24 + 20, 200, true);
  return copy;
}
