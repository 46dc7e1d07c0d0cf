import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SlotState } from "../../../firmware/link/protocol.ts";
import type { SwapResults, SwapStep } from "../../../services/postprocess/messages.ts";
import { waitUntil } from "../../support/wait.ts";
import { analyzeBundle, detectBundle, module, pictureOf, SIZE, writeBundle } from "./support/bundles.ts";
import { compileModule } from "./support/compile.ts";
import type { Element } from "./support/element.ts";
import { TestHost } from "./support/host.ts";
import { reshapeModel } from "./support/onnx.ts";
import { objectsOf } from "./support/records.ts";

const host = new TestHost();
beforeAll(() => host.start());
afterEach(() => host.disconnect());
afterAll(() => host.close());

const CAR = pictureOf([[4, 4, 2, 2, 0.9]]);
/** 16 x 16, two classes: 768 numbers in, 6 fields of 128 anchors out. */
const LARGE_MODEL = reshapeModel({ input: ["batch", 3, 16, 16], output: ["batch", 6, 128] });
const LARGE_CAR = (() => {
  const picture = new Float32Array(768);
  [8, 8, 4, 4, 0.1, 0.8].forEach((value, field) => {
    picture[field * 128] = value;
  });
  return picture;
})();

/** A step that is to go well. */
async function step<Name extends SwapStep["step"]>(
  instance: string,
  request: Extract<SwapStep, { step: Name }>,
): Promise<SwapResults[Name]> {
  const answer = await host.host.swap(instance, request);
  if (!answer.ok) throw new Error(answer.message);
  return answer.result as SwapResults[Name];
}

async function activate(element: Element, instance: string) {
  const [report, { offer, previous }] = await Promise.all([step(instance, { step: "activate" }), element.takeOffer()]);
  return { report, offer, previous };
}

const largeBundle = () =>
  detectBundle({ name: "large", version: "2.0.0", labels: ["bus", "person"] }, { "model.onnx": LARGE_MODEL });

describe("a swap", () => {
  it("changes model, input size, classes and labels for the next batch, and what is under way comes back", async () => {
    const element = host.connect();
    await element.open({ instance: "a", bundle: await detectBundle(), slots: 3 });
    const prepared = await step("a", { step: "prepare", bundle: await largeBundle() });
    expect(prepared).toMatchObject({ sharesEngine: false, bundle: { name: "large", version: "2.0.0" } });
    element.submit([{ picture: CAR }], 0, 1);
    const held = element.memory!.slots[1]!;
    held.state = SlotState.Filling;
    const activation = activate(element, "a");
    await waitUntil("the new memory", () => element.memory!.layout.generation === 2);
    // A batch that was begun before, and one of after: both come back, each through its own memory.
    element.submit([{ picture: LARGE_CAR }], 0, 3);
    held.state = SlotState.Free;
    const { report, offer, previous } = await activation;
    expect(offer).toMatchObject({ generation: 2, labels: ["bus", "person"], input: { width: 16, height: 16 } });
    expect(objectsOf(await element.result(0, 5000, previous))).toMatchObject([{ classId: 0 }]);
    expect(objectsOf(await element.result(0))).toMatchObject([{ classId: 1, width: 4 }]);
    expect(report.restored).toBeNull();
    expect(host.host.status().find((link) => link.instance === "a")).toMatchObject({ bundle: "large 2.0.0" });
  });

  it("keeps the engine when only the module or its settings change", async () => {
    const element = host.connect();
    await element.open({ instance: "b", bundle: await detectBundle() });
    expect(objectsOf(await element.run([{ picture: CAR }]))).toHaveLength(1);
    element.release(element.memory!.slots[0]!);
    const strict = await detectBundle({ version: "1.0.1", parameters: { "confidence-threshold": 0.95 } });
    expect(await step("b", { step: "prepare", bundle: strict })).toMatchObject({ sharesEngine: true });
    await activate(element, "b");
    for (let i = 0; i < 3; i++) {
      const slot = await element.run([{ picture: CAR }], 0, i + 10);
      expect([slot.state, objectsOf(slot).length]).toEqual([SlotState.ResultReady, 0]);
      element.release(slot);
    }
  });

  it("goes back to the bundle before while that is still warm", async () => {
    const element = host.connect();
    const first = await detectBundle();
    await element.open({ instance: "c", bundle: first });
    await step("c", { step: "prepare", bundle: await largeBundle() });
    await activate(element, "c");
    await step("c", { step: "prepare", bundle: first });
    await activate(element, "c");
    expect(objectsOf(await element.run([{ picture: CAR }]))).toMatchObject([{ classId: 0 }]);
    await step("c", { step: "settle" });
  });

  it("lays parameters over the element's own, and takes them away with its bundle", async () => {
    const element = host.connect();
    const bundle = await detectBundle();
    await element.open({ instance: "params", bundle, parameters: { "iou-threshold": 0.9 } });
    const count = async (sequence: number) => {
      const slot = await element.run([{ picture: CAR }], 0, sequence);
      const { length } = objectsOf(slot);
      element.release(slot);
      return length;
    };
    expect(await count(1)).toBe(1);
    await step("params", { step: "prepare", bundle, parameters: { "confidence-threshold": 0.95 } });
    await activate(element, "params");
    expect(await count(2)).toBe(0);
    await step("params", { step: "prepare", bundle });
    await activate(element, "params");
    expect(await count(3)).toBe(1);
  });

  it("does not touch other elements", async () => {
    const element = host.connect();
    const other = host.connect();
    const bundle = await detectBundle();
    await element.open({ instance: "d", bundle });
    await other.open({ instance: "e", bundle });
    await step("d", { step: "prepare", bundle: await largeBundle() });
    await activate(element, "d");
    expect(other.memory!.layout.generation).toBe(1);
    expect(objectsOf(await other.run([{ picture: CAR }]))).toHaveLength(1);
  });

  it("hands a tracker's state over, so that objects keep their ids", async () => {
    const wasm = await module("bytetrack");
    const element = host.connect();
    await element.open({ kind: "analyze", instance: "f", bundle: analyzeBundle(wasm), slots: 2 });
    const objects = [{ left: 100, top: 100, width: 90, height: 90, confidence: 0.9 }];
    const track = async (sequence: number) => {
      const slot = await element.run([{ objects, pts: BigInt(sequence) * 40_000_000n }], 0, sequence);
      const found = objectsOf(slot);
      element.release(slot);
      return found[0]?.objectId;
    };
    const before = [await track(1), await track(2), await track(3)];
    await step("f", { step: "prepare", bundle: analyzeBundle(wasm, { version: "1.0.1" }) });
    const { report } = await activate(element, "f");
    expect(report.restored).toBe(true);
    expect([await track(4), await track(5)]).toEqual([before[2], before[2]]);
  });

  it("begins afresh, with higher ids, where the new module cannot read the state", async () => {
    const counting = await compileModule({
      body: `
        next: u64 = 0;
        init(setup: Setup): i32 { this.next = setup.firstObjectId; return Status.Ok; }
        process(frame: Frame): i32 { frame.addObject().objectId = this.next++; return Status.Ok; }
        restore(at: usize, bytes: i32): i32 { return Status.BadState; }`,
      exports: ["nj_abi", "nj_kind", "nj_alloc", "nj_init", "nj_configure", "nj_process", "nj_restore", "nj_save"],
    });
    const wasm = await module("bytetrack");
    const element = host.connect();
    await element.open({ kind: "analyze", instance: "g", bundle: analyzeBundle(wasm) });
    const objects = [{ left: 100, top: 100, width: 90, height: 90, confidence: 0.9 }];
    const [first] = objectsOf(await element.run([{ objects }]));
    await step("g", { step: "prepare", bundle: analyzeBundle(counting, { name: "counting" }) });
    const { report } = await activate(element, "g");
    expect(report.restored).toBe(false);
    const [second] = objectsOf(await element.run([{ objects }]));
    expect(second!.objectId).toBeGreaterThan(first!.objectId);
  });

  it("that the element declines changes nothing", async () => {
    const element = host.connect();
    await element.open({ instance: "h", bundle: await detectBundle() });
    await step("h", { step: "prepare", bundle: await largeBundle() });
    const answer = host.host.swap("h", { step: "activate" });
    const offer = await element.next();
    element.send({ type: "declined", generation: offer.generation, message: "no room on the GPU" });
    expect(await answer).toMatchObject({ ok: false, lasting: true, message: "no room on the GPU" });
    expect(objectsOf(await element.run([{ picture: CAR }]))).toHaveLength(1);
    await step("h", { step: "discard" });
  });

  it("ends with its element when that goes in the middle", async () => {
    const element = host.connect();
    await element.open({ instance: "i", bundle: await detectBundle() });
    await step("i", { step: "prepare", bundle: await largeBundle() });
    const answer = host.host.swap("i", { step: "activate" });
    await element.next();
    element.close();
    expect(await answer).toMatchObject({ ok: false, lasting: false, message: "the element has gone" });
    await waitUntil("the link is closed", () => !host.host.status().some((link) => link.instance === "i"));
  });

  it("of a bundle that cannot work is refused with its reason, and what runs goes on", async () => {
    const element = host.connect();
    await element.open({ instance: "j", bundle: await detectBundle() });
    const broken = await detectBundle({}, { "module.wasm": "not wasm" });
    const answer = await host.host.swap("j", { step: "prepare", bundle: broken });
    expect(answer).toMatchObject({ ok: false, lasting: true, key: "module.file" });
    expect(await host.host.swap("j", { step: "activate" })).toMatchObject({ ok: false });
    expect(await host.host.swap("nobody", { step: "activate" })).toMatchObject({ ok: false, lasting: false });
    expect(objectsOf(await element.run([{ picture: CAR }]))).toHaveLength(1);
  });
});

describe("a bundle that was chosen for an element", () => {
  it("goes before the one that the element asks for, and not when it cannot be used", async () => {
    host.host.assign({ chosen: { bundle: await largeBundle() } }, {});
    const element = host.connect();
    const own = await detectBundle();
    expect(await element.open({ instance: "chosen", bundle: own })).toMatchObject({ bundle: { name: "large" } });
    element.close();
    host.host.assign({ chosen: { bundle: "/nowhere" } }, {});
    const again = host.connect();
    expect(await again.open({ instance: "chosen", bundle: own })).toMatchObject({ bundle: { name: "tiny" } });
    host.host.assign({}, {});
  });

  it("has no more objects than the machine's configuration allows", async () => {
    host.host.assign({}, { limits: { objects: 5, "batch-ms": 50 } });
    const element = host.connect();
    await element.open({ bundle: await detectBundle() });
    expect(element.memory!.layout.maxObjects).toBe(5);
    host.host.assign({}, {});
  });
});

describe("golden cases", () => {
  const picture = (values: Float32Array) => new Uint8Array(values.buffer);
  const expected = (objects: object[]) => JSON.stringify({ objects });
  const car = { label: "car", left: 3, top: 3, width: 2, height: 2, confidence: 0.9 };
  const golden = [{ input: { file: "1.tensor" }, expected: { file: "1.json" } }];

  it("that come out as expected let a bundle pass", async () => {
    const element = host.connect();
    await element.open({ instance: "k", bundle: await detectBundle() });
    const files = { "1.tensor": picture(CAR), "1.json": expected([car]) };
    const prepared = await step("k", { step: "prepare", bundle: await detectBundle({ golden }, files) });
    expect(prepared.golden).toMatchObject({ cases: 1, skipped: "" });
    await activate(element, "k");
    expect(objectsOf(await element.run([{ picture: CAR }]))).toHaveLength(1);
  });

  it.each([
    ["an object is missing", [car, { ...car, left: 6 }], /expected car at 6,3 2x2; nearest is car at 3,3 2x2/],
    ["one is too many", [], /found car at 3,3 2x2, which is not expected/],
    ["its confidence is off", [{ ...car, confidence: 0.5 }], /confidence 0.900 for car/],
    ["it is of another class", [{ ...car, label: "bus" }], /expected bus at 3,3 2x2/],
  ])("keep a bundle out when %s", async (_what, objects, message) => {
    const element = host.connect();
    await element.open({ instance: "l", bundle: await detectBundle() });
    const files = { "1.tensor": picture(CAR), "1.json": expected(objects) };
    const answer = await host.host.swap("l", { step: "prepare", bundle: await detectBundle({ golden }, files) });
    expect(answer).toMatchObject({
      ok: false,
      lasting: true,
      key: "golden.0",
      message: expect.stringMatching(message),
    });
  });

  it("are pictures, too", async () => {
    const element = host.connect();
    await element.open({ instance: "m", bundle: await detectBundle() });
    const pixels = new Uint8Array(3 * SIZE * SIZE);
    // Planar values CAR * 255 as interleaved pixels; scale 1 would need values above 255, so the bundle scales by 1/25.
    const input = { scale: 1 / 25, mean: 0 };
    CAR.forEach((value, i) => {
      const plane = SIZE * SIZE;
      pixels[(i % plane) * 3 + Math.floor(i / plane)] = Math.round(value * 25);
    });
    const ppm = Buffer.concat([Buffer.from(`P6\n${SIZE} ${SIZE}\n255\n`), pixels]);
    const files = { "1.ppm": ppm, "1.json": expected([{ ...car, confidence: 0.92 }]) };
    const cases = [{ input: { file: "1.ppm" }, expected: { file: "1.json" } }];
    await step("m", { step: "prepare", bundle: await detectBundle({ input, golden: cases }, files) });
  });

  it("of trackers say which objects are the same, and what happened", async () => {
    const wasm = await module("bytetrack");
    const element = host.connect();
    await element.open({ kind: "analyze", instance: "n", bundle: analyzeBundle(wasm) });
    const object = { class: 0, left: 100, top: 100, width: 90, height: 90, confidence: 0.9 };
    const frames = [0, 1, 2].map((i) => ({ frame: i, objects: [{ ...object, left: 100 + i }] }));
    const tracked = frames.map(({ objects }) => ({ objects: objects.map((entry) => ({ ...entry, track: 1 })) }));
    const bundle = (result: object) =>
      writeBundle(
        {
          name: "golden-tracker",
          version: "1.0.0",
          kind: "analyze",
          module: { file: "module.wasm" },
          golden: [
            { input: { file: "in.json" }, expected: { file: "out.json" }, tolerance: { iou: 0.7, confidence: 1 } },
          ],
        },
        { "module.wasm": wasm, "in.json": JSON.stringify({ frames }), "out.json": JSON.stringify(result) },
      );
    await step("n", { step: "prepare", bundle: bundle({ frames: tracked }) });
    const { report } = await activate(element, "n");
    expect(report.restored).toBe(true);
    const wrong = tracked.map((frame, i) => ({ objects: frame.objects.map((entry) => ({ ...entry, track: i })) }));
    const answer = await host.host.swap("n", { step: "prepare", bundle: bundle({ frames: wrong }) });
    expect(answer).toMatchObject({ ok: false, message: expect.stringContaining("another track") });
  });
});

describe("a shadow run", () => {
  async function flow(element: Element, picture: Float32Array, frames: number): Promise<void> {
    for (let i = 1; i <= frames; i++) {
      const slot = await element.run([{ picture }], i % 2, i);
      await new Promise((resolve) => setTimeout(resolve, 15));
      element.release(slot);
    }
  }

  it("compares a candidate with what serves, on live batches", async () => {
    const element = host.connect();
    await element.open({ instance: "o", bundle: await detectBundle() });
    await step("o", { step: "prepare", bundle: await detectBundle({ version: "1.1.0" }) });
    await step("o", { step: "begin-shadow", rate: 100 });
    await flow(element, CAR, 12);
    const report = await step("o", { step: "end-shadow" });
    expect(report.batches).toBeGreaterThan(3);
    expect(report).toMatchObject({ failed: 0, agreement: 1, resampled: false });
    expect(report.classes).toMatchObject([{ label: "car", live: report.frames, matched: report.frames, iou: 1 }]);
    expect(report.latency.candidate.p50).toBeGreaterThan(0);
    await activate(element, "o");
    expect(objectsOf(await element.run([{ picture: CAR }]))).toHaveLength(1);
  });

  it("finds what a candidate misses", async () => {
    const element = host.connect();
    await element.open({ instance: "p", bundle: await detectBundle() });
    const blind = await detectBundle({ version: "1.1.0", parameters: { "confidence-threshold": 0.95 } });
    await step("p", { step: "prepare", bundle: blind });
    await step("p", { step: "begin-shadow", rate: 100 });
    await flow(element, CAR, 8);
    const report = await step("p", { step: "end-shadow" });
    expect(report).toMatchObject({ agreement: 0, classes: [{ label: "car", candidate: 0, matched: 0 }] });
    await step("p", { step: "discard" });
  });

  it("runs a candidate of another input size on the picture, resampled", async () => {
    const element = host.connect();
    await element.open({ instance: "q", bundle: await detectBundle() });
    await step("q", { step: "prepare", bundle: await largeBundle() });
    await step("q", { step: "begin-shadow", rate: 100 });
    await flow(element, CAR, 8);
    const report = await step("q", { step: "end-shadow" });
    expect(report).toMatchObject({ failed: 0, resampled: true });
    expect(report.frames).toBeGreaterThan(2);
    await activate(element, "q");
    expect(objectsOf(await element.run([{ picture: LARGE_CAR }]))).toHaveLength(1);
  });

  it("gives a tracker every batch that it can get hold of", async () => {
    const wasm = await module("bytetrack");
    const element = host.connect();
    await element.open({ kind: "analyze", instance: "r", bundle: analyzeBundle(wasm) });
    await step("r", { step: "prepare", bundle: analyzeBundle(wasm, { version: "1.1.0" }) });
    await step("r", { step: "begin-shadow" });
    const objects = [{ left: 100, top: 100, width: 90, height: 90, confidence: 0.9 }];
    for (let i = 1; i <= 10; i++) {
      const slot = await element.run([{ objects, pts: BigInt(i) * 40_000_000n }], 0, i);
      await new Promise((resolve) => setTimeout(resolve, 40));
      element.release(slot);
    }
    const report = await step("r", { step: "end-shadow" });
    expect(report).toMatchObject({ failed: 0, agreement: 1 });
    expect(report.frames).toBeGreaterThan(7);
  });
});
