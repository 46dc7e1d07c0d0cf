// Which frames of two recordings are the same frame, where there are any.

/** What a frame can be recognised by. */
export interface FrameKey {
  /** ns since 1970; 0: unknown */
  capture: bigint;
  /** ns; undefined: the stream has no times */
  pts: bigint | undefined;
  /** Hash of its small picture; "" without one. */
  picture: string;
}

/**
 * capture: the same moment, recorded by two machines or for two elements. pts: the same file from its beginning. picture: the same
 * file, anywhere in its loop.
 */
export type PairedBy = "capture" | "pts" | "picture";

export interface Pairing {
  by: PairedBy;
  /** Index in the second by index in the first; each once. */
  pairs: ReadonlyMap<number, number>;
}

/** By what finds most; undefined when the two have no frame in common. */
export function pairFrames(first: readonly FrameKey[], second: readonly FrameKey[]): Pairing | undefined {
  const candidates: Pairing[] = [
    { by: "capture", pairs: byCapture(first, second) },
    { by: "pts", pairs: byKey(first, second, ({ pts }) => pts) },
    { by: "picture", pairs: byKey(first, second, ({ picture }) => picture || undefined) },
  ];
  const most = candidates.reduce((best, next) => (next.pairs.size > best.pairs.size ? next : best));
  return most.pairs.size > 0 ? most : undefined;
}

/** The nearest in time, at most half a frame's interval away: clocks of two machines differ by milliseconds. */
function byCapture(first: readonly FrameKey[], second: readonly FrameKey[]): Map<number, number> {
  const most = intervalOf(first) / 2n;
  const pairs = new Map<number, number>();
  let at = 0;
  for (const [i, { capture }] of first.entries()) {
    if (capture === 0n) continue;
    while (at + 1 < second.length && away(second[at + 1]!.capture, capture) <= away(second[at]!.capture, capture)) at++;
    if (at >= second.length || away(second[at]!.capture, capture) > most) continue;
    pairs.set(i, at++);
  }
  return pairs;
}

/** Median time between two frames; ns. */
function intervalOf(frames: readonly FrameKey[]): bigint {
  const steps = frames.slice(1).map(({ capture }, i) => away(capture, frames[i]!.capture));
  return steps.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))[Math.floor(steps.length / 2)] ?? 0n;
}

function away(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}

/** Equal keys, in their order. */
function byKey(
  first: readonly FrameKey[],
  second: readonly FrameKey[],
  keyOf: (frame: FrameKey) => unknown,
): Map<number, number> {
  const places = new Map<unknown, number[]>();
  for (const [i, frame] of second.entries()) {
    const key = keyOf(frame);
    if (key === undefined) continue;
    const known = places.get(key);
    if (known) known.push(i);
    else places.set(key, [i]);
  }
  const pairs = new Map<number, number>();
  for (const [i, frame] of first.entries()) {
    const found = places.get(keyOf(frame))?.shift();
    if (found !== undefined) pairs.set(i, found);
  }
  return pairs;
}
