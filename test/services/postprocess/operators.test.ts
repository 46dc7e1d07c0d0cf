import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { LinkError, SlotState } from "../../../firmware/link/protocol.ts";
import { verify } from "../../../services/cli/commands/bundle.ts";
import { waitUntil } from "../../support/wait.ts";
import { detectBundle, writeBundle } from "./support/bundles.ts";
import type { Element } from "./support/element.ts";
import { TestHost } from "./support/host.ts";
import { eventsOf, objectsOf, userOf } from "./support/records.ts";

const host = new TestHost({}, { operators: ["rule"] });
beforeAll(() => host.start());
afterEach(() => host.disconnect());
afterAll(() => host.close());

const operator = (body: string, changes: object = {}): string =>
  writeBundle(
    {
      name: "rule",
      version: "1.0.0",
      kind: "analyze",
      module: { file: "rule.ts" },
      limits: { "batch-ms": 200 },
      ...changes,
    },
    {
      "rule.ts": `import { type BatchMetadata, BatchMetadataOperator, type OperatorSetup, type ParameterValue } from "nightjar/operator";
        export default class Rule extends BatchMetadataOperator {
          ${body}
        }`,
    },
  );

async function open(bundle: string, instance = "rule"): Promise<Element> {
  const element = host.connect();
  expect(await element.open({ kind: "analyze", instance, bundle })).toMatchObject({ type: "layout" });
  return element;
}

const CAR = { left: 10, top: 20, width: 30, height: 40, confidence: 0.9, classId: 2, objectId: 7n, flags: 1 };

describe("an operator that nobody allowed", () => {
  const harmless = () => operator("handleMetadata(): void {}", { name: "stranger" });

  it("does not run, and the refusal says how to allow it; not for good", async () => {
    const element = host.connect();
    expect(await element.open({ kind: "analyze", bundle: harmless() })).toMatchObject({
      type: "refused",
      key: "module.file",
      message: expect.stringMatching(/rule.ts is an operator: .* "sha256:[0-9a-f]{64}" .* modules.operators/),
    });
    const tracker = await open(operator("handleMetadata(): void {}"), "before");
    const answer = await host.host.swap("before", { step: "prepare", bundle: harmless() });
    expect(answer).toMatchObject({ ok: false, lasting: false });
    expect((await tracker.run([{ objects: [] }])).state).toBe(SlotState.ResultReady);
  });

  it("runs when its very file is allowed", async () => {
    const bundle = harmless();
    const sha256 = createHash("sha256")
      .update(readFileSync(join(bundle, "rule.ts")))
      .digest("hex");
    host.host.assign({}, { operators: [`sha256:${sha256}`] });
    expect(await host.connect().open({ kind: "analyze", bundle })).toMatchObject({ type: "layout" });
    host.host.assign({}, { operators: ["rule"] });
  });

  it("is not run by a check either, unless that is asked for", async () => {
    expect(await verify(harmless())).toMatchObject({ ok: false, key: "module.file" });
    expect(await verify(harmless(), ["--run-operator"])).toMatchObject({ ok: true, name: "stranger" });
  });
});

describe("an operator in TypeScript", () => {
  it("passes objects on, changes them, adds some, takes some out and reports events", async () => {
    const element = await open(
      operator(`
        handleMetadata(batch: BatchMetadata): void {
          for (const frame of batch.frames) {
            const [first, second] = frame.objects;
            if (!first || !second) continue;
            first.classId = 3;
            frame.remove(second);
            const part = batch.acquireObject();
            Object.assign(part, { left: 1, top: 2, width: 3, height: 4, confidence: 0.5, angleDegrees: 90, parent: first });
            frame.append(part);
            const event = batch.acquireEvent();
            Object.assign(event, { type: "crowd", label: "zwei", value: 2, object: first });
            frame.append(event);
          }
        }`),
    );
    const slot = await element.run([{ objects: [CAR, { ...CAR, objectId: 8n }] }]);
    expect(slot.state).toBe(SlotState.ResultReady);
    expect(objectsOf(slot)).toMatchObject([
      { left: 10, classId: 3, objectId: 7n, input: 0, flags: 1 },
      { left: 1, height: 4, confidence: 0.5, input: -1 },
    ]);
    expect(eventsOf(slot)).toMatchObject([
      { type: "crowd", label: "zwei", value: 2, object: 0, objectId: 7n, classId: 3 },
    ]);
  });

  it("sees masks, keypoints and attributes, and says more than the fields hold", async () => {
    const aux = new Uint8Array(24 + 24 + 12);
    new Float32Array(aux.buffer, 0, 6).set([0, 0.25, 0.5, 0.75, 1, 0]);
    new Float32Array(aux.buffer, 24, 6).set([11, 12, 0.5, 13, 14, 0.25]);
    new Uint32Array(aux.buffer, 48, 2).set([1, 7]);
    new Float32Array(aux.buffer, 56, 1).set([0.5]);
    const element = await open(
      operator(
        `handleMetadata(batch: BatchMetadata): void {
           for (const frame of batch.frames) {
             const [first, second] = frame.objects;
             if (!first || !second) continue;
             const { mask, keypoints, attributes } = first;
             frame.user = { batchId: frame.batchId, mask: mask && [mask.width, mask.height, ...mask.data], keypoints, attributes };
             first.user = ["posture", "zwölf"];
             second.user = Uint8Array.of(1, 2, 3);
             frame.append(Object.assign(batch.acquireObject(), { width: 1, height: 1, user: { none: second.mask ?? null } }));
           }
         }`,
        { limits: { "aux-bytes": 1024 } },
      ),
    );
    const extras = { auxBytes: aux.length, maskWidth: 3, maskHeight: 2, keypoints: 2, attributes: 1 };
    const slot = await element.run([{ aux, objects: [{ ...CAR, ...extras }, CAR] }]);
    expect([slot.error, slot.state]).toEqual(["", SlotState.ResultReady]);
    const { frame, objects } = userOf(slot);
    expect(JSON.parse(frame)).toEqual({
      batchId: 0,
      mask: [3, 2, 0, 0.25, 0.5, 0.75, 1, 0],
      keypoints: [
        { x: 11, y: 12, confidence: 0.5 },
        { x: 13, y: 14, confidence: 0.25 },
      ],
      attributes: [{ group: 1, classId: 7, confidence: 0.5 }],
    });
    expect(objects).toEqual(['["posture","zwölf"]', "\u0001\u0002\u0003", '{"none":null}']);
  });

  it("is told of records that point outside of the frame's bytes", async () => {
    const element = await open(
      operator("handleMetadata(_batch: BatchMetadata): void {}", { limits: { "aux-bytes": 64 } }),
    );
    const lying = { ...CAR, aux: 8, auxBytes: 24, maskWidth: 3, maskHeight: 2 };
    const slot = await element.run([{ aux: new Uint8Array(16), objects: [lying] }]);
    expect([slot.state, slot.errorCode]).toEqual([SlotState.Failed, LinkError.Protocol]);
    expect(slot.error).toMatch(/object 0 has 24 aux bytes in 24 at 8, the frame has 16/);
  });

  it("gets its parameters, the labels and what is special about a frame", async () => {
    const element = await open(
      operator(
        `limit = 0;
         first = 0n;
         start(setup: OperatorSetup): void { this.first = setup.firstObjectId; setup.log("info", setup.labels.join("+")); }
         configure(parameters: Readonly<Record<string, ParameterValue>>): void { this.limit = Number(parameters.limit); }
         handleMetadata(batch: BatchMetadata): void {
           for (const frame of batch.frames) {
             const event = batch.acquireEvent();
             event.type = frame.sourceId === 5 && frame.isInferred && this.first > 0n ? "yes" : "no";
             event.value = this.limit;
             frame.append(event);
           }
         }`,
        { labels: ["a", "b"], parameters: { limit: 4 } },
      ),
    );
    const slot = await element.run([{ sourceId: 5, objects: [] }]);
    expect(eventsOf(slot)).toMatchObject([{ type: "yes", value: 4 }]);
    element.release(slot);
    expect(host.log.join()).toContain("a+b");
    element.send({ type: "parameters", parameters: { limit: 9 } });
    await waitUntil("the parameter holds", async () => {
      const next = await element.run([{ objects: [] }]);
      const [event] = eventsOf(next);
      element.release(next);
      return event?.value === 9;
    });
  });

  it.each([
    [
      "throws",
      `throw new Error("no such zone");`,
      LinkError.Module,
      /the operator failed: Error: no such zone \(rule.ts:\d+\)/,
    ],
    ["writes what is no number", `frame.objects[0]!.left = Number.NaN;`, LinkError.Module, /wrote left = NaN/],
    [
      "says too much",
      `frame.user = new Uint8Array(1);`,
      LinkError.Overflow,
      /1 bytes of user metadata .* allows 0 \(limits.aux-bytes\)/,
    ],
    ["says what is no JSON", `frame.user = { id: 7n };`, LinkError.Module, /user metadata that JSON cannot carry/],
    ["adds too much", `for (;;) frame.append(batch.acquireObject());`, LinkError.Module, /at most 300 objects/],
  ])("that %s loses that batch only", async (_what, body, code, message) => {
    const element = await open(
      operator(`handleMetadata(batch: BatchMetadata): void {
        for (const frame of batch.frames) if (frame.objects.length > 0) { ${body} }
      }`),
    );
    const slot = await element.run([{ objects: [CAR] }]);
    expect([slot.state, slot.errorCode]).toEqual([SlotState.Failed, code]);
    expect(slot.error).toMatch(message);
    element.release(slot);
    expect((await element.run([{ objects: [] }])).state).toBe(SlotState.ResultReady);
  });

  it("that never ends is ended at its limit, and the next one goes on", async () => {
    const element = await open(
      operator(`handleMetadata(batch: BatchMetadata): void {
        for (const frame of batch.frames) if (frame.objects.length > 0) for (;;) {}
      }`),
    );
    const slot = await element.run([{ objects: [CAR] }]);
    expect([slot.state, slot.errorCode]).toEqual([SlotState.Failed, LinkError.Deadline]);
    element.release(slot);
    expect((await element.run([{ objects: [] }])).state).toBe(SlotState.ResultReady);
  });

  it("is replaced while frames flow, and goes on from the state of the one before", async () => {
    const counting = (step: number) =>
      operator(
        `count = 0;
         handleMetadata(batch: BatchMetadata): void {
           for (const frame of batch.frames) {
             this.count += ${step};
             const event = batch.acquireEvent();
             event.value = this.count;
             frame.append(event);
           }
         }
         save(): unknown { return { count: this.count }; }
         restore(state: unknown): void { this.count = (state as { count: number }).count; }`,
        { version: `1.0.${step}` },
      );
    const element = await open(counting(1), "counter");
    const next = async () => {
      const slot = await element.run([{ objects: [] }]);
      const [event] = eventsOf(slot);
      element.release(slot);
      return event?.value;
    };
    expect([await next(), await next()]).toEqual([1, 2]);
    expect(await host.host.swap("counter", { step: "prepare", bundle: counting(10) })).toMatchObject({ ok: true });
    const [answer] = await Promise.all([host.host.swap("counter", { step: "activate" }), element.takeOffer()]);
    expect(answer).toMatchObject({ ok: true, result: { restored: true } });
    expect(await next()).toBe(12);
  });

  it.each([
    ["is no operator", { "rule.ts": "export default 7;" }, /exports no class as default/],
    ["is no TypeScript", { "rule.ts": "export default {{" }, /cannot be loaded/],
    [
      "imports another file, which nobody hashed",
      { "rule.ts": 'import "./other.ts";', "other.ts": "process.exit(1);" },
      /it imports ".\/other.ts": an operator is one file/,
    ],
  ])("that %s is refused", async (_what, files, message) => {
    const bundle = writeBundle({ name: "rule", version: "1.0.0", kind: "analyze", module: { file: "rule.ts" } }, files);
    const answer = await host.connect().open({ kind: "analyze", bundle });
    expect(answer).toMatchObject({ type: "refused", code: "module", message: expect.stringMatching(message) });
  });

  it("goes on as it was hashed when its file has changed", async () => {
    const bundle = operator(`handleMetadata(batch: BatchMetadata): void {
      for (const frame of batch.frames) if (frame.objects.length > 0) for (;;) {}
    }`);
    const element = await open(bundle, "changed");
    writeFileSync(join(bundle, "rule.ts"), "process.exit(1);");
    for (let failures = 0; failures < 2; failures++) {
      const slot = await element.run([{ objects: [CAR] }]);
      expect(slot.errorCode).toBe(LinkError.Deadline);
      element.release(slot);
    }
    const isBack = async () => {
      const slot = await element.run([{ objects: [] }]);
      const { state } = slot;
      element.release(slot);
      return state === SlotState.ResultReady;
    };
    await waitUntil("an instance that was started since", isBack, 20_000);
    expect(host.host.status().find(({ instance }) => instance === "changed")).toMatchObject({ restarts: 2 });
  });

  it("does not detect", async () => {
    const bundle = await detectBundle({ module: { file: "rule.ts" } }, { "rule.ts": "export default 7;" });
    expect(await host.connect().open({ bundle })).toMatchObject({
      type: "refused",
      message: expect.stringContaining("kind analyze"),
    });
  });
});
