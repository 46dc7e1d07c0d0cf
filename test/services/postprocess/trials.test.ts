// Bundles that hang or die while they are tried: the trial ends at its limit with the reason, and what serves goes on.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SlotState } from "../../../firmware/link/protocol.ts";
import type { SwapStep } from "../../../services/postprocess/messages.ts";
import { waitUntil } from "../../support/wait.ts";
import { analyzeBundle, detectBundle, module, pictureOf, writeBundle } from "./support/bundles.ts";
import { compile, compileModule } from "./support/compile.ts";
import type { Element } from "./support/element.ts";
import { TestHost } from "./support/host.ts";
import { reshapeModel } from "./support/onnx.ts";
import { objectsOf } from "./support/records.ts";

const host = new TestHost({ answerLimits: { atOnce: 300, withModel: 300 } });
let tracker: Buffer;
let hangsWhenItServes: Buffer;
let hangsInAFrame: Buffer;
let hangsWhenConfiguredAgain: Buffer;

beforeAll(async () => {
  await host.start();
  tracker = await module("bytetrack");
  hangsWhenItServes = await compileModule({
    // The first instance is warmed up with the id 1; one that is to serve gets others.
    body: "init(setup: Setup): i32 { if (setup.firstObjectId > 1) while (true) {} return Status.Ok; }",
  });
  hangsInAFrame = await compileModule({
    body: "process(frame: Frame): i32 { if (frame.objectCount > 0) while (true) {} return Status.Ok; }",
  });
  hangsWhenConfiguredAgain = await compile(CONFIGURED_AGAIN);
}, 120_000);
afterEach(() => host.disconnect());
afterAll(() => host.close());

const CAR = pictureOf([[4, 4, 2, 2, 0.9]]);
const OBJECTS = [{ left: 100, top: 100, width: 90, height: 90, confidence: 0.9 }];
const LIMITS = { "memory-pages": 64, "batch-ms": 100, "start-ms": 300 };
const NOT_STARTED = "the module did not start within 300 ms (limits.start-ms) and was ended";

/** A detector's instance is configured when it starts, and again when it is to serve. */
const CONFIGURED_AGAIN = `
    import { Frame, Kind, Module, Parameters, serve, Setup, Status } from "../../wasm/sdk";
    export { nj_abi, nj_kind, nj_alloc, nj_init, nj_configure, nj_process } from "../../wasm/sdk/exports";
    class Subject extends Module {
      times: i32 = 0;
      configure(parameters: Parameters): i32 { if (this.times++ > 0) while (true) {} return Status.Ok; }
      process(frame: Frame): i32 { return Status.Ok; }
    }
    serve(new Subject(Kind.Detect));
  `;

const ask = (instance: string, step: SwapStep) => host.host.swap(instance, step);

async function openTracker(instance: string): Promise<Element> {
  const element = host.connect();
  await element.open({ kind: "analyze", instance, bundle: analyzeBundle(tracker) });
  return element;
}

async function openDetector(instance: string): Promise<Element> {
  const element = host.connect();
  await element.open({ instance, bundle: await detectBundle() });
  return element;
}

async function expectTrackerServes(element: Element): Promise<void> {
  const slot = await element.run([{ objects: OBJECTS }]);
  expect(objectsOf(slot)).toHaveLength(1);
  element.release(slot);
}

const golden = [{ input: { file: "in.json" }, expected: { file: "out.json" } }];
const goldenBundle = (wasm: Uint8Array) =>
  writeBundle(
    { name: "tried", version: "1.0.0", kind: "analyze", module: { file: "module.wasm" }, limits: LIMITS, golden },
    {
      "module.wasm": wasm,
      "in.json": JSON.stringify({ frames: [{ objects: [{ class: 0, ...OBJECTS[0] }] }] }),
      "out.json": JSON.stringify({ frames: [{ objects: [] }] }),
    },
  );

describe("a golden check", () => {
  it("of a module that hangs before its first frame ends at the limit of its start", async () => {
    const element = await openTracker("a");
    const answer = await ask("a", { step: "prepare", bundle: goldenBundle(hangsWhenItServes) });
    expect(answer).toMatchObject({ ok: false, lasting: true, message: NOT_STARTED });
    await expectTrackerServes(element);
  });

  it("of a module that hangs in a frame ends at the limit of a batch", async () => {
    const element = await openTracker("b");
    const answer = await ask("b", { step: "prepare", bundle: goldenBundle(hangsInAFrame) });
    expect(answer).toMatchObject({ ok: false, lasting: true, message: /ran for more than 100 ms on one batch/ });
    await expectTrackerServes(element);
  });

  it("of a detector that hangs when it is configured again ends, too", async () => {
    await openDetector("c");
    const files = {
      "module.wasm": hangsWhenConfiguredAgain,
      "in.json": "{}",
      "out.json": JSON.stringify({ objects: [] }),
    };
    const bundle = await detectBundle({ limits: LIMITS, golden }, files);
    expect(await ask("c", { step: "prepare", bundle })).toMatchObject({ ok: false, message: NOT_STARTED });
  });
});

describe("a shadow run", () => {
  it("of a module that hangs before its first frame ends at the limit of its start", async () => {
    const element = await openTracker("d");
    const bundle = analyzeBundle(hangsWhenItServes, { limits: LIMITS });
    expect(await ask("d", { step: "prepare", bundle })).toMatchObject({ ok: true });
    expect(await ask("d", { step: "begin-shadow" })).toMatchObject({ ok: false, lasting: true, message: NOT_STARTED });
    expect(await ask("d", { step: "discard" })).toMatchObject({ ok: true });
    await expectTrackerServes(element);
  });

  it("of a module that hangs in a frame reports it", async () => {
    const element = await openTracker("e");
    await ask("e", { step: "prepare", bundle: analyzeBundle(hangsInAFrame, { limits: LIMITS }) });
    expect(await ask("e", { step: "begin-shadow" })).toMatchObject({ ok: true });
    host.log.length = 0;
    const slot = await element.run([{ objects: OBJECTS }]);
    await waitUntil("it is ended", () => host.log.some((line) => /error: the module ran for more/.test(line)), 20_000);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    element.release(slot);
    const answer = await ask("e", { step: "end-shadow" });
    expect(answer).toMatchObject({ ok: true, result: { batches: 0, failed: 1, lastError: /more than 100 ms/ } });
    await ask("e", { step: "discard" });
    await expectTrackerServes(element);
  });

  it("whose thread died says so, and costs nothing else", async () => {
    const element = await openTracker("f");
    await ask("f", { step: "prepare", bundle: analyzeBundle(tracker, { version: "1.1.0" }) });
    await ask("f", { step: "begin-shadow" });
    // More frames than the link has room for: the comparison cannot go on.
    const slot = element.memory!.slots[1]!;
    new Uint32Array(element.memory!.buffer, slot.offset, 4).set([0, 1000, 77]);
    slot.state = SlotState.ResultReady;
    await new Promise((resolve) => setTimeout(resolve, 300));
    slot.state = SlotState.Free;
    expect(await ask("f", { step: "end-shadow" })).toMatchObject({ ok: false, message: /the shadow run failed/ });
    expect(await ask("f", { step: "discard" })).toMatchObject({ ok: true });
    await expectTrackerServes(element);
    element.close();
    await waitUntil("the link is closed", () => !host.host.status().some(({ instance }) => instance === "f"));
  });
});

describe("an element", () => {
  it("that does not answer an offer in time has to connect again: it might take it yet", async () => {
    const element = await openDetector("g");
    const large = reshapeModel({ input: ["batch", 3, 16, 16], output: ["batch", 6, 128] });
    const bundle = await detectBundle({ name: "large", labels: ["bus", "person"] }, { "model.onnx": large });
    await ask("g", { step: "prepare", bundle });
    const answer = await ask("g", { step: "activate" });
    expect(answer).toMatchObject({ ok: false, lasting: false, message: /did not answer an offer within 0.3 s/ });
    expect(await element.next()).toMatchObject({ type: "reconfigure" });
    await expect(element.next()).rejects.toThrow("hung up");
  });

  it("goes on with an engine whose offer of another memory was declined", async () => {
    const element = host.connect();
    const first = await detectBundle();
    const large = reshapeModel({ input: ["batch", 3, 16, 16], output: ["batch", 6, 128] });
    const second = await detectBundle({ name: "large", labels: ["bus", "person"] }, { "model.onnx": large });
    await element.open({ instance: "h", bundle: first });
    await ask("h", { step: "prepare", bundle: second });
    await Promise.all([ask("h", { step: "activate" }), element.takeOffer()]);
    // Back to the first one: its engine is parked, and is given the memory of the offer.
    expect(await ask("h", { step: "prepare", bundle: first })).toMatchObject({ ok: true });
    const declined = ask("h", { step: "activate" });
    const offer = await element.next();
    element.send({ type: "declined", generation: offer.generation, message: "not now" });
    expect(await declined).toMatchObject({ ok: false, message: "not now" });
    expect(await ask("h", { step: "discard" })).toMatchObject({ ok: true });
    await ask("h", { step: "prepare", bundle: first });
    await Promise.all([ask("h", { step: "activate" }), element.takeOffer()]);
    expect(objectsOf(await element.run([{ picture: CAR }]))).toMatchObject([{ classId: 0 }]);
    expect(await ask("h", { step: "settle" })).toMatchObject({ ok: true });
  });
});

describe("a model that fails", () => {
  it("is counted as the bundle's failure", async () => {
    const element = host.connect();
    // Takes two frames, and no other number of them.
    const model = reshapeModel({ input: ["batch", 3, 8, 8], output: [2, 8, 24], shape: [2, 8, 24] });
    await element.open({ instance: "i", bundle: await detectBundle({}, { "model.onnx": model }), batch: 2 });
    const slot = await element.run([{ picture: CAR }]);
    expect(slot).toMatchObject({ state: SlotState.Failed, error: /^the model failed: / });
    const status = host.host.status().find(({ instance }) => instance === "i");
    expect(status).toMatchObject({ batches: 0, failedBatches: 1, failedFrames: 1 });
  });
});
