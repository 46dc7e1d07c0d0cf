/** Declarative cases of a module, run in the host's own worker. */
import "../postprocess/support/load_stripper.ts";
import "../../../services/postprocess/v8_limits.ts";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { runCase, type Subject } from "../../../services/modules/case_run.ts";
import { compileModule } from "../postprocess/support/compile.ts";

const folder = mkdtempSync(join(tmpdir(), "nightjar-cases-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

function run(given: object, subject: Subject) {
  const file = join(folder, `${count++}.yaml`);
  writeFileSync(file, stringify(given));
  return runCase(file, subject);
}

const shipped = (name: string, kind: Subject["kind"]): Subject => {
  const file = resolve(`build/modules/${name}.wasm`);
  return { file, binary: readFileSync(file), kind, parameters: {} };
};
const yolo = shipped("yolo-end2end", "detect");
const tracker = shipped("bytetrack", "analyze");
const rows = [{ name: "output0", dims: [2, 6] }];
const detected = { left: 10, top: 20, width: 30, height: 40, class: 2, confidence: 0.9 };

describe("tensors of a case", () => {
  it("are numbers, and the objects that they mean are compared", async () => {
    const values = [
      [10, 20, 40, 60, 0.9, 2],
      [0, 0, 5, 5, 0.01, 0],
    ];
    const result = await run(
      { outputs: rows, frames: [{ tensors: { output0: { values } }, expect: { objects: [detected] } }] },
      yolo,
    );
    expect(result.problems).toEqual([]);
    expect(result).toMatchObject({ passed: true, frames: 1 });
  });

  it("are .npy files, with or without the batch", async () => {
    writeFileSync(join(folder, "rows.npy"), npy([1, 2, 6], [10, 20, 40, 60, 0.9, 2, 0, 0, 5, 5, 0.01, 0]));
    const frame = { tensors: { output0: { file: "rows.npy" } }, expect: { objects: [detected] } };
    expect((await run({ outputs: rows, frames: [frame] }, yolo)).problems).toEqual([]);
    const wrong = await run({ outputs: [{ name: "output0", dims: [3, 6] }], frames: [frame] }, yolo);
    expect(wrong.problems[0]).toMatch(
      /frames\.0\.tensors\.output0: .*rows\.npy has the shape 1x2x6, output output0 is float32 3x6/,
    );
  });

  it("are one number everywhere but for some, or noise", async () => {
    const set = [10, 20, 40, 60, 0.9, 2].map((value, i) => [[1, i], value]);
    const frames = [
      { tensors: { output0: { fill: Number.NaN } }, expect: { objects: [] } },
      { tensors: { output0: { fill: 0, set } }, expect: { objects: [detected] } },
      { tensors: { output0: { random: { from: -10, to: 0 } } }, expect: { "object-count": 0 } },
    ];
    expect((await run({ outputs: rows, frames }, yolo)).problems).toEqual([]);
  });
});

describe("what is not as expected", () => {
  it("is said with the frame, the object and the nearest one", async () => {
    const values = [
      [10, 20, 40, 60, 0.9, 2],
      [100, 100, 120, 120, 0.8, 0],
    ];
    const objects = [{ ...detected, left: 22, confidence: 0.9 }];
    const { problems } = await run(
      { outputs: rows, frames: [{ tensors: { output0: { values } }, expect: { objects } }] },
      yolo,
    );
    expect(problems).toEqual([
      "frame 0: expected class 2 at 22,20 30x40; nearest is class 2 at 10,20 30x40",
      "frame 0: found class 2 at 10,20 30x40, which is not expected",
      "frame 0: found class 0 at 100,100 20x20, which is not expected",
    ]);
  });

  it("is a case that names keys that do not exist, or parameters out of range", async () => {
    expect((await run({ frames: [{ expects: {} }] }, tracker)).problems).toEqual([
      expect.stringMatching(/frames\.0\.expects: there is no such key/),
    ]);
    const refused = await run({ parameters: { "track-buffer": -1 }, frames: [{}] }, tracker);
    expect(refused.problems).toEqual([expect.stringContaining("parameter track-buffer is -1")]);
    expect(
      (await run({ parameters: { "track-buffer": -1 }, fails: "track-buffer", frames: [{}] }, tracker)).passed,
    ).toBe(true);
  });
});

describe("tracks of a case", () => {
  const at = (left: number) => ({ left, top: 100, width: 50, height: 80, confidence: 0.9 });
  const frame = (left: number, more: object = {}) => ({
    objects: [at(left)],
    expect: { objects: [{ ...at(left), track: 1 }] },
    ...more,
  });

  it("keep their id over frames, and over a restart of the module", async () => {
    const first = { objects: [at(96)], repeat: 3 };
    const { problems } = await run({ frames: [first, frame(100), frame(104, { restart: true })] }, tracker);
    expect(problems).toEqual([]);
  });

  it("are told apart from others", async () => {
    const frames = [{ objects: [at(100)], repeat: 3 }, frame(104), { ...frame(900), objects: [at(900)], repeat: 3 }];
    expect((await run({ frames }, tracker)).problems).toEqual([
      expect.stringContaining("has a new id, expected track 1"),
    ]);
  });
});

describe("a hostile module", () => {
  const subject = async (body: string): Promise<Subject> => ({
    file: "hostile.wasm",
    binary: await compileModule({ body }),
    kind: "analyze",
    parameters: {},
  });

  it("is ended at its limit, and the case says which", async () => {
    const loop = await subject("process(frame: Frame): i32 { while (true) {} return 0; }");
    const { problems } = await run({ limits: { "batch-ms": 20 }, fails: "limits.start-ms", frames: [{}] }, loop);
    // The warm-up is a frame too: it never gets beyond its start.
    expect(problems).toEqual([]);
  }, 60_000);

  it("is ended in the middle of a frame too, and the next instance goes on", async () => {
    const loop = await subject("process(frame: Frame): i32 { while (frame.objectCount > 0) {} return 0; }");
    const objects = [{ left: 0, top: 0, width: 1, height: 1 }];
    const frames = [
      { objects, expect: { fails: "limits.batch-ms" } },
      { restart: true, expect: { objects: [] } },
    ];
    expect((await run({ limits: { "batch-ms": 20 }, frames }, loop)).problems).toEqual([]);
  }, 60_000);

  it("cannot take more memory than its limit", async () => {
    const bomb = await subject("process(frame: Frame): i32 { return frame.objectCount > 0 ? memory.grow(1000) : 0; }");
    const objects = [{ left: 0, top: 0, width: 1, height: 1 }];
    // memory.grow gives -1, which is BadTensors.
    const frames = [{}, { objects, expect: { fails: "the model's outputs are not what the module decodes" } }];
    expect((await run({ limits: { "memory-pages": 64 }, frames }, bomb)).problems).toEqual([]);
  }, 60_000);

  it("that traps fails the frame with the trap", async () => {
    const trap = await subject("process(frame: Frame): i32 { if (frame.objectCount > 0) unreachable(); return 0; }");
    const frames = [{}, { objects: [{ left: 0, top: 0, width: 1, height: 1 }] }];
    const { problems } = await run({ frames }, trap);
    expect(problems).toEqual([expect.stringMatching(/^frame 1: the module trapped/)]);
    const expected = [{}, { ...frames[1], expect: { fails: "trapped" } }];
    expect((await run({ frames: expected }, trap)).problems).toEqual([]);
  }, 60_000);
});

/** float32, as numpy.save writes it. */
function npy(shape: readonly number[], values: readonly number[]): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117) + "\n";
  const head = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([head, Buffer.from(header), Buffer.from(Float32Array.from(values).buffer)]);
}
