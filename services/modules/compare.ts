// What came out of a frame against what a case expects. All differences, each in one line for people.

import { iouOf, matchObjects } from "../postprocess/agreement.ts";
import type { EventView, ObjectView } from "../recording/records.ts";
import type { CaseTolerance, Expectation, ExpectedEvent, ExpectedObject } from "./case_schema.ts";

/** Which id stands for which track of a case; lasts for the case. */
export type Tracks = Map<number, bigint>;

export interface Outcome {
  objects: readonly ObjectView[];
  events: readonly EventView[];
  /** Why the frame failed; "" when it did not. */
  error: string;
}

interface Wanted extends ExpectedObject {
  classId: number;
  confidence: number;
}

/** Empty when all is as expected. `labels`: by class id. */
export function differences(
  outcome: Outcome,
  expected: Expectation,
  tolerance: CaseTolerance,
  labels: readonly string[],
  tracks: Tracks,
): string[] {
  if (expected.fails !== undefined) {
    if (outcome.error.includes(expected.fails)) return [];
    return [
      `expected to fail with "${expected.fails}", ${outcome.error ? `failed with: ${outcome.error}` : "did not fail"}`,
    ];
  }
  if (outcome.error) return [outcome.error];
  const found = outcome.objects.length;
  const count = expected["object-count"];
  return [
    ...(count !== undefined && found !== count ? [`found ${found} objects, expected ${count}`] : []),
    ...(expected.objects ? objectDifferences(outcome.objects, expected.objects, tolerance, labels, tracks) : []),
    ...(expected.events ? eventDifferences(outcome.events, expected.events, tolerance) : []),
  ];
}

function objectDifferences(
  found: readonly ObjectView[],
  expected: readonly ExpectedObject[],
  tolerance: CaseTolerance,
  labels: readonly string[],
  tracks: Tracks,
): string[] {
  const wanted: Wanted[] = expected.map((object) => ({
    ...object,
    classId: classIdOf(object, labels),
    confidence: object.confidence ?? 1,
  }));
  const matches = matchObjects(wanted, found, tolerance.iou);
  const missing = wanted.filter((_, i) => !matches.some(({ a }) => a === i));
  const extra = found.filter((_, i) => !matches.some(({ b }) => b === i));
  return [
    ...missing.map((object) => missingText(object, extra, labels)),
    ...extra.map((object) => `found ${objectText(object, labels)}, which is not expected`),
    ...matches.flatMap(({ a, b }) => {
      const [want, have] = [wanted[a]!, found[b]!];
      const off = expected[a]!.confidence === undefined ? 0 : Math.abs(want.confidence - have.confidence);
      const text = objectText(have, labels);
      return [
        ...(off > tolerance.confidence
          ? [
              `${text} has confidence ${round(have.confidence)}, expected ${want.confidence} within ${tolerance.confidence}`,
            ]
          : []),
        ...trackDifference(want.track, have, text, tracks),
      ];
    }),
  ];
}

/** Ids depend on what was there before; which objects share one does not. */
function trackDifference(track: number | null | undefined, { id }: ObjectView, text: string, tracks: Tracks): string[] {
  if (track === undefined) return [];
  if (track === null) return id === undefined ? [] : [`${text} is tracked as ${id}, expected no id`];
  if (id === undefined) return [`${text} has no id, expected track ${track}`];
  const known = tracks.get(track);
  if (known === id) return [];
  const other = [...tracks].find(([, given]) => given === id)?.[0];
  if (known === undefined && other === undefined) {
    tracks.set(track, id);
    return [];
  }
  return [`${text} has ${other === undefined ? "a new id" : `the id of track ${other}`}, expected track ${track}`];
}

function eventDifferences(
  found: readonly EventView[],
  expected: readonly ExpectedEvent[],
  tolerance: CaseTolerance,
): string[] {
  const left = [...found];
  const missing = expected.filter((event) => {
    const at = left.findIndex((candidate) => isEvent(candidate, event, tolerance));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  const there = found.map(eventText).join(", ") || "none";
  return [
    ...missing.map((event) => `expected the event ${eventText(event)}; found ${there}`),
    ...left.map((event) => `found the event ${eventText(event)}, which is not expected`),
  ];
}

function isEvent(found: EventView, expected: ExpectedEvent, tolerance: CaseTolerance): boolean {
  const texts = ["type", "rule", "label", "direction"] as const;
  if (texts.some((key) => expected[key] !== undefined && expected[key] !== found[key])) return false;
  return expected.value === undefined || Math.abs(expected.value - found.value) <= tolerance.value;
}

export function eventText({ type, rule, label, direction, value }: ExpectedEvent): string {
  const parts = [type, rule, label, direction, value === undefined ? undefined : String(round(value))];
  return parts.filter((part) => part !== undefined && part !== "").join(" ");
}

function missingText(object: Wanted, found: readonly ObjectView[], labels: readonly string[]): string {
  const nearest = [...found].sort((a, b) => iouOf(b, object) - iouOf(a, object))[0];
  const near = nearest && iouOf(nearest, object) > 0 ? `nearest is ${objectText(nearest, labels)}` : "nothing is there";
  return `expected ${objectText(object, labels)}; ${near}`;
}

function classIdOf({ label, class: classId }: ExpectedObject, labels: readonly string[]): number {
  return label === undefined ? (classId ?? 0) : labels.indexOf(label);
}

export function objectText(object: Omit<Wanted, "angle" | "confidence">, labels: readonly string[]): string {
  const { left, top, width, height, classId } = object;
  return `${labels[classId] ?? `class ${classId}`} at ${round(left)},${round(top)} ${round(width)}x${round(height)}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
