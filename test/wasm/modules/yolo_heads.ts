// Heads as a network gives them: objects, a handful of candidates around each, and noise everywhere else.

import { randomFrom } from "../support/random.ts";

export interface Head {
  values: Float32Array;
  classes: number;
  anchors: number;
}

/** `objects` objects with about `candidatesEach` anchors above 0.25 around each. */
export function headWith(
  objects: number,
  candidatesEach: number,
  classes: number,
  anchors: number,
  seed: number,
): Head {
  const random = randomFrom(seed);
  const values = new Float32Array((4 + classes) * anchors);
  for (let i = 0; i < anchors; i++) {
    setBox(values, anchors, i, [random() * 640, random() * 640, 10 + random() * 60, 10 + random() * 60]);
    for (let c = 0; c < classes; c++) values[(4 + c) * anchors + i] = random() * 0.1;
  }
  const free = Array.from({ length: anchors }, (_, i) => i).sort(() => random() - 0.5);
  for (let k = 0; k < objects; k++) {
    const classId = Math.floor(random() * classes);
    const box = [40 + random() * 560, 40 + random() * 560, 20 + random() * 80, 20 + random() * 80];
    const around = Math.max(1, Math.round(candidatesEach * (0.5 + random())));
    for (let n = 0; n < around && free.length > 0; n++) {
      const anchor = free.pop()!;
      setBox(
        values,
        anchors,
        anchor,
        box.map((value) => value + (random() - 0.5) * 6),
      );
      values[(4 + classId) * anchors + anchor] = 0.26 + random() * 0.7;
    }
  }
  return { values, classes, anchors };
}

/** The same head with an anchor's fields side by side. */
export function transposed({ values, classes, anchors }: Head): Float32Array {
  const fields = 4 + classes;
  return Float32Array.from(values, (_, i) => values[(i % fields) * anchors + Math.floor(i / fields)]!);
}

export function setBox(values: Float32Array, anchors: number, anchor: number, box: readonly number[]): void {
  for (let row = 0; row < 4; row++) values[row * anchors + anchor] = box[row]!;
}
