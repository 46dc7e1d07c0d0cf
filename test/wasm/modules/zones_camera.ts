// A source of the zones module, frame by frame, and what the module says about each frame.

import {
  EVENT,
  EVENT_BYTES,
  EventFlags,
  FRAME,
  FrameFlags,
  Kind,
  OBJECT,
  OBJECT_BYTES,
} from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import { TestModule, type TestModuleOptions } from "../support/module.ts";
import { randomFrom } from "../support/random.ts";
import type { Counted, Seen, Told, ZoneSpec } from "./zones_reference.ts";

export const SECOND = 1_000_000_000n;
export const FRAME_TIME = SECOND / 10n;

export interface ZoneCounts extends Partial<Counted> {
  name: string;
  type: string;
  points?: [number, number][];
  crowded?: boolean;
}

export function zonesModule(zones: readonly object[], options: TestModuleOptions = {}, parameters: Parameters = {}) {
  return new TestModule("zones", Kind.Analyze, {
    auxBytes: 64 * 1024,
    ...options,
    parameters: { zones: JSON.stringify(zones), ...parameters },
  });
}

export class ZonesCamera {
  readonly told: Told[] = [];
  readonly #module: TestModule;
  readonly #sourceId: number;
  #time: bigint;

  constructor(module: TestModule, sourceId = 0, time = SECOND) {
    this.#module = module;
    this.#sourceId = sourceId;
    this.#time = time;
  }

  /** Nanoseconds of the frame to come. */
  get time(): bigint {
    return this.#time;
  }

  /** One frame; what was told of it. */
  see(objects: readonly Partial<Seen>[], flags: number = FrameFlags.Inferred): Told[] {
    this.#module.run({
      sourceId: this.#sourceId,
      pts: this.#time,
      flags,
      objects: objects.map(({ id, ...box }) => ({
        confidence: 0.9,
        ...(id === undefined || id < 0 ? {} : { objectId: BigInt(id) }),
        ...box,
      })),
    });
    this.#time += FRAME_TIME;
    const told = eventsOf(this.#module);
    this.told.push(...told);
    return told;
  }

  /** Seconds without frames. */
  skip(seconds: number): void {
    this.#time += BigInt(Math.round(seconds * 1e9));
  }

  /** Counts of each zone, from the metadata of the last frame. */
  get counts(): Record<string, ZoneCounts> {
    const { slot } = this.#module;
    const at = slot.frameWord(0, FRAME.user);
    const bytes = slot.frameWord(0, FRAME.userBytes);
    if (bytes === 0) return {};
    const text = Buffer.from(slot.auxOut[0]!.subarray(at, at + bytes)).toString();
    const { zones } = JSON.parse(text) as { zones: ZoneCounts[] };
    return Object.fromEntries(zones.map((zone) => [zone.name, zone]));
  }

  /** The regions of each object out; undefined where none is said. */
  get where(): (string[] | undefined)[] {
    const { slot } = this.#module;
    const bytes = slot.objectsOut[0]!;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: slot.frameWord(0, FRAME.objectsOut) }, (_, i) => {
      const user = view.getUint32(i * OBJECT_BYTES + OBJECT.userBytes, true);
      if (user === 0) return undefined;
      const at = view.getUint32(i * OBJECT_BYTES + OBJECT.aux, true);
      const text = Buffer.from(slot.auxOut[0]!.subarray(at, at + user)).toString();
      return (JSON.parse(text) as { zones: string[] }).zones;
    });
  }
}

/** Events of the last frame. */
function eventsOf({ slot }: TestModule): Told[] {
  const bytes = slot.eventsOut[0]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: slot.frameWord(0, FRAME.eventsOut) }, (_, i) => {
    const at = i * EVENT_BYTES;
    const flags = view.getUint32(at + EVENT.flags, true);
    return {
      type: textAt(bytes, at + EVENT.type, 24),
      rule: textAt(bytes, at + EVENT.rule, 32),
      id: Number(view.getBigInt64(at + EVENT.objectId, true)),
      value: view.getFloat64(at + EVENT.value, true),
      direction: flags === EventFlags.In ? "in" : flags === EventFlags.Out ? "out" : "",
    };
  });
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  const text = Buffer.from(bytes.subarray(at, at + length));
  return text.subarray(0, text.indexOf(0)).toString();
}

/** Objects that walk at random, vanish for a while, and sometimes change their class. */
export function walks(seed: number, objects: number, frames: number): Seen[][] {
  const random = randomFrom(seed);
  const walkers = Array.from({ length: objects }, (_, i) => ({
    id: i + 1,
    classId: Math.floor(random() * 3),
    x: random() * 1280,
    y: random() * 720,
    width: 20 + random() * 60,
    height: 20 + random() * 100,
    dx: (random() - 0.5) * 40,
    dy: (random() - 0.5) * 40,
    hidden: 0,
  }));
  return Array.from({ length: frames }, () =>
    walkers.flatMap((walker) => {
      walker.dx += (random() - 0.5) * 12;
      walker.dy += (random() - 0.5) * 12;
      walker.x = Math.min(1280, Math.max(0, walker.x + walker.dx));
      walker.y = Math.min(720, Math.max(0, walker.y + walker.dy));
      if (walker.x === 0 || walker.x === 1280) walker.dx = -walker.dx;
      if (walker.y === 0 || walker.y === 720) walker.dy = -walker.dy;
      if (random() < 0.01) walker.classId = Math.floor(random() * 3);
      if (walker.hidden === 0 && random() < 0.02) walker.hidden = Math.floor(random() * 40);
      if (walker.hidden > 0) {
        walker.hidden--;
        return [];
      }
      const { id, classId, width, height } = walker;
      const box = { left: walker.x - width / 2, top: walker.y - height / 2, width, height };
      return [{ id, classId, ...fround(box) }];
    }),
  );
}

function fround<T extends Record<string, number>>(box: T): T {
  return Object.fromEntries(Object.entries(box).map(([key, value]) => [key, Math.fround(value)])) as T;
}

/** Zones of all kinds with numbers at random. */
export function randomZones(seed: number, count: number): ZoneSpec[] {
  const random = randomFrom(seed);
  const share = () => Math.round(random() * 1000) / 1000;
  const anchors = ["bottom", "centre", "top", "left", "right"] as const;
  return Array.from({ length: count }, (_, i): ZoneSpec => {
    const common = {
      name: `zone ${i}`,
      anchor: anchors[i % anchors.length]!,
      settle: Math.round(random() * 8) / 10,
      ...(random() < 0.4 ? { classes: [Math.floor(random() * 3)] } : {}),
    };
    if (i % 2 === 0) {
      const points = Array.from({ length: 2 + (i % 3) }, (): [number, number] => [share(), share()]);
      return {
        ...common,
        type: "line",
        points,
        margin: Math.round(random() * 50) / 1000,
        count: i % 6 === 0 ? "in" : "both",
      };
    }
    const points = Array.from({ length: 3 + (i % 4) }, (_, k): [number, number] => {
      const angle = ((k + random() * 0.8) / (3 + (i % 4))) * 2 * Math.PI;
      const reach = 0.1 + random() * 0.35;
      const at = (value: number) => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
      return [at(0.5 + reach * Math.cos(angle)), at(0.5 + reach * Math.sin(angle))];
    });
    return { ...common, type: "region", points, dwell: 1.5, crowd: 2, crowdTime: 0.5, direction: 45, tolerance: 60 };
  });
}

export const gate = {
  name: "gate",
  type: "line",
  points: [
    [0.5, 0],
    [0.5, 1],
  ],
};
export const yard = {
  name: "yard",
  type: "region",
  points: [
    [0.25, 0.25],
    [0.75, 0.25],
    [0.75, 0.75],
    [0.25, 0.75],
  ],
  settle: 0,
};

/** A small object that stands at a share of the picture. */
export const at = (x: number, y: number, id = 1, classId = 0): Seen => ({
  id,
  classId,
  left: x * 1280 - 5,
  top: y * 720 - 20,
  width: 10,
  height: 20,
});
export const camera = (zones: readonly object[], parameters = {}, options = {}) =>
  new ZonesCamera(zonesModule(zones, options, parameters));
export const times = (count: number) => Array.from({ length: count }, (_, i) => i);
export const types = (told: readonly Told[]) => told.map(({ type }) => type);
/** Goes from one place to another in some frames. */
export const walk = (subject: ZonesCamera, from: number, to: number, frames: number, id = 1) => {
  for (const i of times(frames)) subject.see([at(from + ((to - from) * i) / (frames - 1), 0.5, id)]);
};
