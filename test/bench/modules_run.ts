// Measures the detect modules on the core it runs on, and prints rows of JSON: modules.bench.ts starts it.
//
// In the clock: what the host does with a frame, from the tensor in the slot to the objects in the slot, copies included
// (TestModule.process); for "module" the calls into the module only (module_rig.ts). For C++: the decoder alone, on memory of its own.
// Module and C++ take turns, so that a change of the machine's speed meets both; ratios are of the medians of a turn, and the
// median of the turns counts.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Kind } from "../../firmware/link/protocol.ts";
import { headWith, setBox } from "../wasm/modules/yolo_heads.ts";
import { TestModule } from "../wasm/support/module.ts";
import { randomFrom } from "../wasm/support/random.ts";
import { asFloat16, asFloat32, asInt8, type Typed } from "../wasm/support/typed.ts";
import { ModuleRig } from "./module_rig.ts";

const CLASSES = 80;
const ANCHORS = 8400;
const OBJECTS = 100;
const CANDIDATES_EACH = 6.45;
const TURNS = 9;
const RUNS = 60;

const root = fileURLToPath(new URL("../../", import.meta.url));
const build = join(root, "build/bench");
const labels = (count: number) => Array.from({ length: count }, (_, i) => `class ${i}`);

interface Row {
  name: string;
  /** Absent: a ratio. */
  unit?: "µs";
  p50: number;
  p99?: number;
}

/** The decoders of modules_bench.cpp, in a process of their own on the same core. */
class Cpp {
  readonly #answers: AsyncIterator<string>;
  readonly #child;

  constructor(head: string) {
    const program = join(build, "modules_bench");
    const source = join(dirname(fileURLToPath(import.meta.url)), "modules_bench.cpp");
    execFileSync("g++", ["-std=c++17", "-O3", "-o", program, source]);
    this.#child = spawn(program, [head, String(CLASSES), String(ANCHORS)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Milliseconds of each of `times` runs, and how many objects it found. */
  async run(name: string, times: number): Promise<{ ms: number[]; count: number }> {
    this.#child.stdin.write(`${name} ${times}\n`);
    const { value } = await this.#answers.next();
    const { ns, count } = JSON.parse(value as string) as { ns: number[]; count: number };
    return { ms: ns.map((each) => each / 1e6), count };
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await once(this.#child, "exit");
  }
}

/** Milliseconds of each of RUNS frames: on the clock, or as `frame` says; the first few warm the caches. */
function timesOf(frame: () => unknown): number[] {
  for (let i = 0; i < 5; i++) frame();
  return Array.from({ length: RUNS }, () => {
    const began = performance.now();
    const own = frame();
    return typeof own === "number" ? own : performance.now() - began;
  });
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}

const median = (values: readonly number[]) => quantile(values, 0.5);
const microseconds = (name: string, ms: readonly number[]): Row => ({
  name,
  unit: "µs",
  p50: median(ms) * 1000,
  p99: quantile(ms, 0.99) * 1000,
});

/** A module with a tensor in its slot. */
function loaded(name: string, dims: number[], tensor: Typed, classes: number, parameters = {}): TestModule {
  const { dataType, scale, zeroPoint } = tensor;
  const outputs = [{ dims, dataType, scale, zeroPoint }];
  const module = new TestModule(name, Kind.Detect, { outputs, labels: labels(classes), parameters });
  module.fill({ outputs: [tensor.bytes] });
  return module;
}

/** One turn of each of `subjects` after the other, TURNS times; the ms of each turn. */
async function inTurns(
  subjects: Record<string, () => number[] | Promise<number[]>>,
): Promise<Record<string, number[][]>> {
  const turns: Record<string, number[][]> = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [name, subject] of Object.entries(subjects)) turns[name]!.push(await subject());
  }
  return turns;
}

/** Median over the turns of the ratio of their medians. */
function ratio(name: string, a: readonly number[][], b: readonly number[][]): Row {
  return { name, p50: median(a.map((turn, i) => median(turn) / median(b[i]!))) };
}

async function measureYolo(): Promise<Row[]> {
  const head = headWith(OBJECTS, CANDIDATES_EACH, CLASSES, ANCHORS, 588_399);
  const dims = [4 + CLASSES, ANCHORS];
  const scaled = head.values.map((value, i) => (i < 4 * ANCHORS ? value / 640 : value));
  mkdirSync(build, { recursive: true });
  writeFileSync(join(build, "head.bin"), head.values);
  const whole = {
    float32: loaded("yolo", dims, asFloat32(head.values), CLASSES),
    float16: loaded("yolo", dims, asFloat16(head.values), CLASSES),
    int8: loaded("yolo", dims, asInt8(scaled, 1 / 255, -128), CLASSES, { "box-units": "normalised" }),
  };
  const rig = new ModuleRig("yolo", dims, labels(CLASSES));
  const tensor = new Uint8Array(head.values.buffer);
  const cpp = new Cpp(join(build, "head.bin"));
  const decoders = ["plain", "vectorised", "maxima", "staged"];
  const counts = new Set(await Promise.all(decoders.map(async (name) => (await cpp.run(name, 1)).count)));
  rig.run(tensor);
  counts.add(rig.objects);
  if (counts.size !== 1) throw new Error(`the decoders found different numbers of objects: ${[...counts].join(", ")}`);

  const ms = await inTurns({
    float32: () => timesOf(() => whole.float32.process()),
    module: () => timesOf(() => rig.run(tensor)),
    ...Object.fromEntries(decoders.map((name) => [name, async () => (await cpp.run(name, RUNS)).ms])),
    float16: () => timesOf(() => whole.float16.process()),
    int8: () => timesOf(() => whole.int8.process()),
  });
  await cpp.close();
  return [
    ...Object.entries(ms).map(([name, turns]) => microseconds(`yolo ${name}`, turns.flat())),
    ratio("module.yolo-decode-over-vectorised-cpp", ms["module"]!, ms["vectorised"]!),
    ratio("module.yolo-decode-with-copy-speedup-over-plain-cpp", ms["plain"]!, ms["float32"]!),
    ratio("yolo float32 over C++ staged the same way", ms["float32"]!, ms["staged"]!),
    ratio("module.yolo-float16-over-float32", ms["float16"]!, ms["float32"]!),
    ratio("module.yolo-int8-over-float32", ms["int8"]!, ms["float32"]!),
  ];
}

function measureEndToEnd(): Row[] {
  const random = randomFrom(6);
  const rows = Array.from({ length: 300 }, (_, i) => {
    const [x, y] = [random() * 500, random() * 500];
    return [x, y, x + 20 + random() * 100, y + 20 + random() * 100, i < 100 ? 0.9 - i / 200 : 0.2 * random(), i % 80];
  });
  const module = loaded("yolo-end2end", [300, 6], asFloat32(Float32Array.from(rows.flat())), 80);
  // One frame is shorter than the clock is fine: twenty at a time.
  const twenty = () => {
    for (let i = 0; i < 20; i++) module.process();
  };
  for (let i = 0; i < 20; i++) twenty();
  const ms = Array.from({ length: TURNS }, () => timesOf(twenty).map((each) => each / 20)).flat();
  return [microseconds("module.yolo-end-to-end", ms)];
}

/** 300 anchors, all of them candidates, about 60 oriented objects. */
function orientedHead(): Float32Array {
  const [anchors, classes] = [300, 15];
  const random = randomFrom(8);
  const values = new Float32Array((4 + classes + 1) * anchors);
  for (let i = 0; i < anchors; i++) {
    const object = randomFrom(100 + Math.floor(i / 5));
    const box = [60 + object() * 520, 60 + object() * 520, 60 + object() * 100, 15 + object() * 30];
    const classId = Math.floor(object() * classes);
    setBox(
      values,
      anchors,
      i,
      box.map((value) => value + (random() - 0.5) * 6),
    );
    values[(4 + classId) * anchors + i] = 0.3 + random() * 0.6;
    values[(4 + classes) * anchors + i] = object() * 1.5 + random() * 0.1;
  }
  return values;
}

function measureRotated(): Row[] {
  const ways = [
    ["probabilistic", "greedy"],
    ["polygon", "greedy"],
    ["probabilistic", "matrix"],
  ] as const;
  const rows = ways.map(([overlap, suppression]) => {
    const parameters = { overlap, suppression, "class-agnostic": true };
    const module = loaded("yolo-obb", [20, 300], asFloat32(orientedHead()), 15, parameters);
    for (let i = 0; i < 5; i++) timesOf(() => module.process());
    return microseconds(
      `rotated suppression, ${overlap}, ${suppression}`,
      timesOf(() => module.process()),
    );
  });
  return [...rows, { name: "module.rotated-nms-300", p50: Math.max(...rows.map(({ p50 }) => p50)) / 1000 }];
}

console.log(JSON.stringify([...(await measureYolo()), ...measureEndToEnd(), ...measureRotated()]));
