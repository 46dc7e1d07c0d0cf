// The frames of a case as a module gets them.

import { FRAME_BYTES } from "../../firmware/link/protocol.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { frameRecord, objectRecords } from "../recording/records.ts";
import type { CaseFile, CaseFrame } from "./case_schema.ts";
import type { RigFrame, RigSetup } from "./rig.ts";
import { DATA_TYPES, tensorBytes } from "./tensor_values.ts";

const FRAME_NS = 40_000_000n;
const NOTHING = new Uint8Array(0);

export function setupOf(given: CaseFile, kind: RigSetup["kind"], defaults: RigSetup["parameters"]): RigSetup {
  return {
    kind,
    labels: given.labels,
    limits: given.limits,
    network: kind === "detect" ? given.network : { width: 0, height: 0 },
    parameters: { ...defaults, ...given.parameters },
    outputs: given.outputs.map(({ name, dims, dtype, scale, "zero-point": zeroPoint }) => {
      return { name, dims, dataType: DATA_TYPES[dtype], scale, zeroPoint };
    }),
  };
}

/**
 * Each frame of the case once; `repeat` is the caller's. Numbers and times go on from the frame before.
 * @throws ExpectedError that names the frame
 */
export async function* caseFrames(
  given: CaseFile,
  folder: string,
): AsyncGenerator<{ spec: CaseFrame; frame: RigFrame }> {
  let number = 0;
  let pts = 0n;
  for (const [i, spec] of given.frames.entries()) {
    for (let k = 0; k < spec.repeat; k++) {
      number = spec.number !== undefined && k === 0 ? spec.number : number;
      pts = spec.time !== undefined && k === 0 ? BigInt(Math.round(spec.time * 1e9)) : pts;
      const last = k === spec.repeat - 1;
      const frame = await frameOf(given, spec, { number: number++, pts }, folder, `frames.${i}`);
      pts += FRAME_NS;
      // What is expected is expected of the last, and a restart comes before the first.
      yield { spec: { ...spec, expect: last ? spec.expect : {}, restart: spec.restart && k === 0 }, frame };
    }
  }
}

async function frameOf(
  given: CaseFile,
  spec: CaseFrame,
  { number, pts }: { number: number; pts: bigint },
  folder: string,
  where: string,
): Promise<RigFrame> {
  const record = new Uint8Array(FRAME_BYTES);
  const { source: sourceId, width, height, inferred, discontinuity } = spec;
  const letterbox = { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  frameRecord({ sourceId, number, pts, capture: 0n, width, height, ...letterbox, inferred, discontinuity }, record);
  const objects = spec.objects.map(({ label, class: classId, id, ...box }) => ({
    ...box,
    classId: label === undefined ? (classId ?? 0) : labelId(label, given.labels, where),
    id: id === undefined ? undefined : BigInt(id),
  }));
  return {
    record,
    objects: objectRecords(objects),
    aux: NOTHING,
    outputs: await outputsOf(given, spec, folder, where),
  };
}

async function outputsOf(given: CaseFile, spec: CaseFrame, folder: string, where: string): Promise<Uint8Array[]> {
  const unknown = Object.keys(spec.tensors).find((name) => !given.outputs.some((output) => output.name === name));
  if (unknown !== undefined) {
    const known = given.outputs.map(({ name }) => name).join(", ") || "none";
    throw new ExpectedError(
      EXIT.configuration,
      `${where}.tensors.${unknown}: the case has no such output; it has ${known}`,
    );
  }
  return Promise.all(
    given.outputs.map((output) =>
      tensorBytes(spec.tensors[output.name] ?? { fill: 0, set: [] }, output, folder, `${where}.tensors.${output.name}`),
    ),
  );
}

function labelId(label: string, labels: readonly string[], where: string): number {
  const id = labels.indexOf(label);
  if (id >= 0) return id;
  throw new ExpectedError(
    EXIT.configuration,
    `${where}: the case has no label "${label}" (labels: ${labels.join(", ") || "none"})`,
  );
}
