// How two results of the same frames differ: objects matched by overlap and class, events by what they say.

import { matchObjects } from "../postprocess/agreement.ts";
import type { StreamInfo } from "./format.ts";
import {
  type EventView,
  type FrameView,
  type ObjectView,
  readEvents,
  readFrame,
  readObjects,
  toFrame,
} from "./records.ts";

/** What came out of a frame. */
export interface FrameOutput {
  objects: Uint8Array;
  events: Uint8Array;
  aux: Uint8Array;
}

export interface FrameDiff {
  frame: FrameView;
  a: ObjectView[];
  b: ObjectView[];
  /** Pairs of indices in a and b. */
  pairs: { a: number; b: number; iou: number }[];
  eventsA: EventView[];
  eventsB: EventView[];
  /** Events of one that the other has not. */
  onlyA: EventView[];
  onlyB: EventView[];
  /** To the last bit. */
  identical: boolean;
}

/**
 * `a` is what was recorded, or the other side; `recordOfA` its own FrameRecord, where that is of another recording.
 * Boxes are pixels of the frame afterwards.
 */
export function diffFrame(
  { kind }: Pick<StreamInfo, "kind">,
  recorded: { record: Uint8Array; recordOfA?: Uint8Array; a: FrameOutput },
  b: FrameOutput,
  least: number,
  classOfB: (id: number) => number = (id) => id,
): FrameDiff {
  const frame = readFrame(recorded.record);
  const place = (object: ObjectView) => (kind === "detect" ? toFrame(object, frame) : object);
  const frameOfA = recorded.recordOfA ? readFrame(recorded.recordOfA) : frame;
  const first = readObjects(recorded.a.objects).map((object) => {
    return resized(kind === "detect" ? toFrame(object, frameOfA) : object, frameOfA, frame);
  });
  const second = readObjects(b.objects).map((object) => place({ ...object, classId: classOfB(object.classId) }));
  const eventsA = readEvents(recorded.a.events);
  const eventsB = readEvents(b.events);
  const { onlyA, onlyB } = eventDifference(eventsA, eventsB);
  const identical = (["objects", "events", "aux"] as const).every((key) => equal(recorded.a[key], b[key]));
  return {
    frame,
    a: first,
    b: second,
    pairs: matchObjects(first, second, least),
    eventsA,
    eventsB,
    onlyA,
    onlyB,
    identical,
  };
}

export interface ClassReport {
  label: string;
  a: number;
  b: number;
  matched: number;
  /** Mean overlap of the matched; 0 without any. */
  iou: number;
}

export interface EventReport {
  type: string;
  both: number;
  onlyA: number;
  onlyB: number;
}

export interface DiffReport {
  frames: number;
  /** To the last bit. */
  identical: number;
  /** With another number of objects, or objects that found no partner. */
  differing: number;
  /** Share of all objects of both that found their partner, 0..1. */
  agreement: number;
  /** Matched objects whose ids do not stand for each other as they did before; of tracked ones. */
  idChanges: number;
  classes: ClassReport[];
  events: EventReport[];
}

/** Adds frames up. */
export class Differ {
  readonly #labels: readonly string[];
  readonly #others: readonly string[];
  readonly #classes = new Map<number, { a: number; b: number; matched: number; iou: number }>();
  readonly #events = new Map<string, { both: number; onlyA: number; onlyB: number }>();
  readonly #partners = new Map<bigint, bigint>();
  #frames = 0;
  #identical = 0;
  #differing = 0;
  #idChanges = 0;

  /** By class id; ids above those of `labels` are those of `others` (classMap). */
  constructor(labels: readonly string[], others: readonly string[]) {
    this.#labels = labels;
    this.#others = others;
  }

  add(diff: FrameDiff): void {
    const { a, b, pairs, eventsA, onlyA, onlyB } = diff;
    this.#frames++;
    if (diff.identical) this.#identical++;
    if (differs(diff)) this.#differing++;
    for (const { classId } of a) this.#class(classId).a++;
    for (const { classId } of b) this.#class(classId).b++;
    for (const pair of pairs) {
      const tally = this.#class(a[pair.a]!.classId);
      tally.matched++;
      tally.iou += pair.iou;
      this.#follow(a[pair.a]!.id, b[pair.b]!.id);
    }
    for (const { type } of eventsA) this.#event(type).both++;
    for (const { type } of onlyA) {
      this.#event(type).both--;
      this.#event(type).onlyA++;
    }
    for (const { type } of onlyB) this.#event(type).onlyB++;
  }

  report(): DiffReport {
    const all = [...this.#classes.values()];
    const objects = all.reduce((sum, { a, b }) => sum + a + b, 0);
    const matched = all.reduce((sum, tally) => sum + tally.matched, 0);
    return {
      frames: this.#frames,
      identical: this.#identical,
      differing: this.#differing,
      agreement: objects === 0 ? 1 : (2 * matched) / objects,
      idChanges: this.#idChanges,
      classes: [...this.#classes]
        .sort(([first], [second]) => first - second)
        .map(([id, { iou, ...counts }]) => ({
          label: this.#label(id),
          ...counts,
          iou: counts.matched ? iou / counts.matched : 0,
        })),
      events: [...this.#events].map(([type, counts]) => ({ type, ...counts })),
    };
  }

  #follow(a: bigint | undefined, b: bigint | undefined): void {
    if (a === undefined || b === undefined) return;
    const known = this.#partners.get(a);
    if (known !== undefined && known !== b) this.#idChanges++;
    this.#partners.set(a, b);
  }

  #label(id: number): string {
    return id >= FOREIGN ? `${this.#others[id - FOREIGN]} (not in the recording)` : (this.#labels[id] ?? `class ${id}`);
  }

  #class(id: number) {
    return entry(this.#classes, id, () => ({ a: 0, b: 0, matched: 0, iou: 0 }));
  }

  #event(type: string) {
    return entry(this.#events, type, () => ({ both: 0, onlyA: 0, onlyB: 0 }));
  }
}

const FOREIGN = 1 << 20;

/** Class ids of `others` in the numbers of `labels`: a label that is only there agrees with nothing. */
export function classMap(labels: readonly string[], others: readonly string[]): (id: number) => number {
  if (labels.length === 0 || others.length === 0) return (id) => id;
  return (id) => {
    const label = others[id];
    if (label === undefined) return id;
    const known = labels.indexOf(label);
    return known >= 0 ? known : FOREIGN + id;
  };
}

/** Something for people to look at: an object without a partner, or an event of one alone. */
export function differs({ a, b, pairs, onlyA, onlyB }: FrameDiff): boolean {
  return pairs.length < a.length || pairs.length < b.length || onlyA.length > 0 || onlyB.length > 0;
}

/** Of a frame of another size: the same camera, recorded in another resolution. */
function resized(object: ObjectView, from: FrameView, to: FrameView): ObjectView {
  if (from.width === to.width && from.height === to.height) return object;
  const [x, y] = [to.width / (from.width || 1), to.height / (from.height || 1)];
  return {
    ...object,
    left: object.left * x,
    top: object.top * y,
    width: object.width * x,
    height: object.height * y,
  };
}

function eventDifference(a: readonly EventView[], b: readonly EventView[]): { onlyA: EventView[]; onlyB: EventView[] } {
  // Ids and times are each one's own.
  const keyOf = ({ type, rule, label, direction }: EventView) => [type, rule, label, direction].join("\0");
  const onlyB = [...b];
  const onlyA = a.filter((event) => {
    const at = onlyB.findIndex((other) => keyOf(other) === keyOf(event));
    if (at >= 0) onlyB.splice(at, 1);
    return at < 0;
  });
  return { onlyA, onlyB };
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function entry<K, V>(map: Map<K, V>, key: K, fresh: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = fresh();
  map.set(key, made);
  return made;
}
