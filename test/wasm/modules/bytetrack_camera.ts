// A source of the tracker, frame by frame.

import { FrameFlags, Kind } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import type { EventOut, ObjectOut } from "../../services/postprocess/support/records.ts";
import { TestModule, type TestModuleOptions } from "../support/module.ts";
import type { Box } from "./bytetrack_reference.ts";

export const SECOND = 1_000_000_000n;
export const FRAME_TIME = SECOND / 10n;

/** A source of the tracker, frame by frame at 10 per second. */
export class Camera {
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

export const tracker = (parameters: Parameters = {}, options: TestModuleOptions = {}) =>
  new TestModule("bytetrack", Kind.Analyze, { parameters, ...options });
export const camera = (parameters: Parameters = {}, options: TestModuleOptions = {}) =>
  new Camera(tracker(parameters, options));

export const box = (left: number, changes: Partial<Box> = {}): Box => ({
  left,
  top: 100,
  width: 40,
  height: 80,
  confidence: 0.9,
  classId: 0,
  ...changes,
});
export const ids = (objects: readonly ObjectOut[]) => objects.map((object) => Number(object.objectId));
export const times = (count: number) => Array.from({ length: count }, (_, i) => i);
