import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FRAME, FrameFlags, LinkError, SLOT, SlotState } from "../../../firmware/link/protocol.ts";
import { waitUntil } from "../../support/wait.ts";
import { analyzeBundle, detectBundle, module, pictureOf, TINY_MODEL, writeBundle } from "./support/bundles.ts";
import { TestHost } from "./support/host.ts";
import { reshapeModel } from "./support/onnx.ts";
import { objectsOf } from "./support/records.ts";

const host = new TestHost();

beforeAll(() => host.start());
afterEach(() => host.disconnect());
afterAll(() => host.close());

const CAR = pictureOf([[4, 4, 2, 2, 0.9]]);
const TRUCK = pictureOf([[6, 6, 2, 4, 0.1, 0.8]]);
const NOTHING = pictureOf([]);

describe("a host with a model and a module", () => {
  it("says what the element has to know", async () => {
    const bundle = await detectBundle({ input: { scale: 0.5, mean: [1, 2, 3], letterbox: "bottom-right", fill: 0 } });
    expect(await host.connect().open({ bundle, generation: 7, slots: 3 })).toMatchObject({
      type: "layout",
      generation: 8,
      bundle: { name: "tiny", version: "1.0.0" },
      labels: ["car", "truck", "bus", "person"],
      input: {
        width: 8,
        height: 8,
        color: "RGB",
        layout: "NCHW",
        dtype: "float32",
        scale: [0.5, 0.5, 0.5],
        mean: [1, 2, 3],
        letterbox: "bottom-right",
        fill: 0,
      },
    });
  });

  it("turns pictures into objects, batch by batch", async () => {
    const element = host.connect();
    await element.open({ bundle: await detectBundle(), batch: 3 });
    for (const order of [[CAR, TRUCK, NOTHING], [NOTHING, CAR], [TRUCK]]) {
      const slot = await element.run(order.map((picture) => ({ picture, flags: 0 })));
      const expected = order.map((picture) => (picture === CAR ? [0] : picture === TRUCK ? [1] : []));
      expect(order.map((_, i) => objectsOf(slot, i).map((object) => object.classId))).toEqual(expected);
      expect(slot.frameWord(0, FRAME.flags) & FrameFlags.Inferred).toBe(FrameFlags.Inferred);
      element.release(slot);
    }
  });

  it("runs a model with a fixed batch piece by piece", async () => {
    const element = host.connect();
    const model = reshapeModel({ input: [2, 3, 8, 8], output: [2, 8, 24] });
    await element.open({ bundle: await detectBundle({}, { "model.onnx": model }), batch: 3 });
    const slot = await element.run([CAR, TRUCK, CAR].map((picture) => ({ picture })));
    expect([0, 1, 2].map((i) => objectsOf(slot, i)[0]?.classId)).toEqual([0, 1, 0]);
  });

  it("takes the size from the bundle when the model leaves it open", async () => {
    const model = reshapeModel({ input: ["n", 3, "h", "w"], output: ["n", 8, 24] });
    const bundle = await detectBundle({ input: { width: 8, height: 8 } }, { "model.onnx": model });
    const element = host.connect();
    expect(await element.open({ bundle })).toMatchObject({ input: { width: 8, height: 8 } });
    expect(objectsOf(await element.run([{ picture: TRUCK }]))).toHaveLength(1);
  });

  it("works on several slots at a time", async () => {
    const element = host.connect();
    await element.open({ bundle: await detectBundle(), slots: 4 });
    for (const index of [0, 1, 2, 3]) element.submit([{ picture: index % 2 ? CAR : TRUCK }], index, index + 1);
    const slots = await Promise.all([0, 1, 2, 3].map((index) => element.result(index)));
    expect(slots.map((slot) => objectsOf(slot)[0]?.classId)).toEqual([1, 0, 1, 0]);
  });

  it("measures how long engine and module take", async () => {
    const element = host.connect();
    const bundle = await detectBundle();
    await element.open({ bundle, instance: "measured", slots: 2 });
    const slot = await element.run([{ picture: CAR }]);
    expect(slot.nanoseconds(SLOT.engineStart)).toBeGreaterThan(0);
    expect(slot.nanoseconds(SLOT.moduleEnd)).toBeGreaterThanOrEqual(slot.nanoseconds(SLOT.moduleStart));
    const status = host.host.status().find((link) => link.instance === "measured");
    expect(status).toMatchObject({ bundle: "tiny 1.0.0", state: "ready", restarts: 0 });
    expect(status!.engineMs.p50).toBeGreaterThan(0);
    expect(status!.moduleMs.p99).toBeGreaterThan(0);
    expect(status!.framesPerSecond).toBeGreaterThan(0);
  });

  it("takes a model and a module without a bundle, with the labels beside the model", async () => {
    const directory = writeBundle(
      {},
      { "m.onnx": TINY_MODEL, "m.wasm": await module("yolo"), "labels.txt": "a\nb\nc\nd\n" },
    );
    const answer = await host.connect().open({ model: `${directory}/m.onnx`, module: `${directory}/m.wasm` });
    expect(answer).toMatchObject({ type: "layout", labels: ["a", "b", "c", "d"] });
  });

  it("takes the element's parameters over the bundle's, and new ones while it runs", async () => {
    const element = host.connect();
    const bundle = await detectBundle({ parameters: { "confidence-threshold": 0.2 } });
    await element.open({ bundle, parameters: { "confidence-threshold": 0.95 } });
    const count = async () => {
      const slot = await element.run([{ picture: CAR }]);
      const { length } = objectsOf(slot);
      element.release(slot);
      return length;
    };
    expect(await count()).toBe(0);
    element.send({ type: "parameters", parameters: { "confidence-threshold": 0.5 } });
    await waitUntil("the parameter holds", async () => (await count()) === 1);
    element.send({ type: "parameters", parameters: { "confidence-threshold": 7 } });
    await waitUntil("the refusal is logged", () => host.log.some((line) => line.includes("confidence-threshold is 7")));
    expect(await count()).toBe(1);
  });

  it("opens another bundle on the same connection", async () => {
    const element = host.connect();
    await element.open({ bundle: await detectBundle() });
    const answer = await element.open({ bundle: await detectBundle({ version: "2.0.0" }), generation: 1, batch: 2 });
    expect(answer).toMatchObject({ generation: 2, bundle: { version: "2.0.0" } });
    expect(objectsOf(await element.run([{ picture: CAR }, { picture: CAR }]), 1)).toHaveLength(1);
  });

  it("refuses a slot that says it has more frames than there are, and goes on", async () => {
    const element = host.connect();
    await element.open({ bundle: analyzeBundle(await module("bytetrack")), kind: "analyze", batch: 1 });
    const memory = element.memory!;
    new Uint32Array(memory.buffer, memory.slots[0]!.offset, 2)[SLOT.batch / 4] = 5;
    memory.slots[0]!.state = SlotState.OutputReady;
    const slot = await element.result();
    expect([slot.state, slot.errorCode]).toEqual([SlotState.Failed, LinkError.Protocol]);
    element.release(slot);
    expect((await element.run([{ objects: [] }])).state).toBe(SlotState.ResultReady);
  });

  it("leaves nothing behind when elements come and go", async () => {
    const bundle = await detectBundle();
    for (let i = 0; i < 3; i++) {
      const element = host.connect();
      await element.open({ bundle });
      element.close();
    }
    await waitUntil("all links are closed", () => host.host.status().length === 0);
  });
});
