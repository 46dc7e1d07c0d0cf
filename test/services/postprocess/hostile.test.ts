import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { LinkError, SlotState } from "../../../firmware/link/protocol.ts";
import { waitUntil } from "../../support/wait.ts";
import { analyzeBundle, module } from "./support/bundles.ts";
import { compileModule } from "./support/compile.ts";
import type { Element } from "./support/element.ts";
import { TestHost } from "./support/host.ts";
import { objectsOf } from "./support/records.ts";

// What it does to a frame is the number of its objects.
const QUIET = 0;
const LOOP = 1;
const FILL = 2;
const TRAP = 3;
const RECURSE = 4;
const BOMB = 5;
const MANY = 6;
const NAN = 7;
const REFUSE = 8;
const SHOUT = 9;

const HOSTILE = {
  top: "function deeper(depth: i32): i32 { return depth == i32.MAX_VALUE ? 0 : deeper(depth + 1) + 1; }",
  body: `
    process(frame: Frame): i32 {
      switch (frame.objectCount) {
        case ${LOOP}: while (true) {}
        case ${FILL}: while (true) memory.fill(1024, 1, 65536);
        case ${TRAP}: unreachable();
        case ${RECURSE}: return deeper(0) > 0 ? 0 : 1;
        case ${BOMB}: {
          while (memory.grow(1) >= 0) {}
          frame.addObject().age = memory.size();
          break;
        }
        case ${MANY}: while (frame.outCount < 350) frame.addObject(); break;
        case ${NAN}: frame.addObject().left = f32.NaN; break;
        case ${REFUSE}: line("no, not this frame").error(); return Status.Failed;
        case ${SHOUT}: for (let i = 0; i < 10000; i++) line("hear me ").integer(i).info();
      }
      return Status.Ok;
    }`,
};

const host = new TestHost();
let wasm: Buffer;

beforeAll(async () => {
  wasm = await compileModule(HOSTILE);
  await host.start();
});
afterEach(() => host.disconnect());
afterAll(() => host.close());

async function openHostile(limits: object = {}): Promise<Element> {
  const element = host.connect();
  const bundle = analyzeBundle(wasm, { limits: { "memory-pages": 64, "batch-ms": 100, ...limits } });
  await element.open({ kind: "analyze", instance: "hostile", bundle, slots: 4 });
  return element;
}

/** One frame; the slot is given back. */
async function run(element: Element, what: number) {
  const objects = Array.from({ length: what }, () => ({ width: 1, height: 1 }));
  const slot = await element.run([{ objects }]);
  const result = { state: slot.state, code: slot.errorCode, error: slot.error, objects: objectsOf(slot) };
  element.release(slot);
  return result;
}

const ok = { state: SlotState.ResultReady };

describe("a module that runs away", () => {
  it.each([
    ["an endless loop", LOOP],
    ["endless bulk operations", FILL],
  ])("in %s is ended at its limit, the frame comes back, and the standby takes over", async (_what, kind) => {
    const element = await openHostile();
    expect(await run(element, QUIET)).toMatchObject(ok);
    const began = performance.now();
    const result = await run(element, kind);
    expect(performance.now() - began).toBeGreaterThanOrEqual(100);
    expect(result).toMatchObject({ state: SlotState.Failed, code: LinkError.Deadline });
    expect(result.error).toBe("the module ran for more than 100 ms on one batch (limits.batch-ms) and was ended");
    expect(await run(element, QUIET)).toMatchObject(ok);
  });

  it("again and again waits longer each time, and its frames do not wait", async () => {
    const element = await openHostile();
    for (let i = 0; i < 2; i++) await run(element, LOOP);
    expect(await run(element, QUIET)).toMatchObject({ state: SlotState.Failed, code: LinkError.Module });
    expect(await element.next()).toMatchObject({
      type: "state",
      state: "degraded",
      message: /started again in 100 ms/,
    });
    await waitUntil(
      "the module is back",
      async () => (await run(element, QUIET)).state === SlotState.ResultReady,
      20_000,
    );
    expect(host.host.status().find((link) => link.instance === "hostile")?.restarts).toBe(2);
  });

  it("does not touch other links", async () => {
    const other = host.connect();
    await other.open({ kind: "analyze", bundle: analyzeBundle(await module("bytetrack")) });
    const element = await openHostile();
    element.submit([{ objects: [{}] }]);
    const slot = await other.run([{ objects: [{ left: 1, width: 9, height: 9, confidence: 0.9 }] }]);
    expect(objectsOf(slot)).toMatchObject([{ objectId: expect.any(BigInt), width: 9 }]);
    expect((await element.result()).errorCode).toBe(LinkError.Deadline);
  });
});

describe("a module that fails", () => {
  it.each([
    ["traps", TRAP, "the module trapped: unreachable"],
    ["recurses without end", RECURSE, "the module ran out of stack or memory: Maximum call stack size exceeded"],
  ])("and %s is replaced, with the reason in the slot", async (_what, kind, error) => {
    const element = await openHostile();
    expect(await run(element, kind)).toMatchObject({ state: SlotState.Failed, code: LinkError.Module, error });
    expect(await run(element, QUIET)).toMatchObject(ok);
  });

  it("gets no more memory than its bundle allows", async () => {
    const element = await openHostile();
    const { objects } = await run(element, BOMB);
    expect(objects).toMatchObject([{ age: 64 }]);
  });

  it.each([
    [
      "more objects than it may have",
      MANY,
      LinkError.Overflow,
      "the module wrote 350 objects for a frame, the bundle allows 300",
    ],
    ["objects that are not numbers", NAN, LinkError.Module, "the module wrote left = NaN for object 0"],
    ["an error of its own", REFUSE, LinkError.Module, "no, not this frame"],
  ])("with %s loses that batch only", async (_what, kind, code, error) => {
    const element = await openHostile();
    expect(await run(element, kind)).toMatchObject({ state: SlotState.Failed, code, error });
    expect(await run(element, QUIET)).toMatchObject(ok);
    expect(host.host.status().find((link) => link.instance === "hostile")?.restarts ?? 0).toBe(0);
  });

  it("may not shout", async () => {
    const element = await openHostile({ "log-lines": 5 });
    host.log.length = 0;
    await run(element, SHOUT);
    await waitUntil("a line is heard", () => host.log.some((text) => text.endsWith("hear me 0")));
    expect(host.log.filter((text) => text.includes("hear me")).length).toBeLessThanOrEqual(10);
  });
});

describe("a module that keeps failing", () => {
  it("is given up after its policy's reloads, and its frames pass; each step is told", async () => {
    const policy = { reloads: 1, window: 60, retry: 1 };
    const element = host.connect();
    const bundle = analyzeBundle(wasm, { policy, limits: { "memory-pages": 64, "batch-ms": 100 } });
    await element.open({ kind: "analyze", instance: "failing", bundle, slots: 4 });
    host.incidents.length = 0;
    for (let i = 0; i < 2; i++) await run(element, TRAP);
    const message = await element.next();
    expect(message).toMatchObject({ state: "degraded", message: /it failed 2 times and is tried again in 1 s/ });
    expect(await run(element, QUIET)).toMatchObject({ state: SlotState.Failed, error: /the module trapped/ });
    expect(host.incidents.map(({ step }) => step)).toEqual(["failed", "recovered", "failed", "given-up"]);
    await waitUntil(
      "it is tried again",
      async () => (await run(element, QUIET)).state === SlotState.ResultReady,
      10_000,
    );
    const last = await waitUntil("it is told", () =>
      host.incidents.length > 4 && host.incidents.at(-1)?.step === "recovered" ? host.incidents.at(-1) : undefined,
    );
    expect(last).toMatchObject({ step: "recovered", restarts: 2, reason: "the module trapped: unreachable" });
    expect(last?.ms).toBeGreaterThanOrEqual(900);
    expect(last?.framesWithoutObjects).toBeGreaterThanOrEqual(2);
  });
});

describe("ids", () => {
  it("of a tracker that had to be replaced are not given again", async () => {
    // Gives each frame an object with the next id, and loops on a frame without objects.
    const ids = await compileModule({
      body: `
        next: u64 = 0;
        init(setup: Setup): i32 { this.next = setup.firstObjectId; return Status.Ok; }
        process(frame: Frame): i32 {
          if (frame.number == 0 && frame.width > 0 && frame.objectCount == 0) while (true) {}
          frame.addObject().objectId = this.next++;
          return Status.Ok;
        }`,
    });
    const element = host.connect();
    await element.open({ kind: "analyze", bundle: analyzeBundle(ids) });
    const seen: bigint[] = [];
    for (const what of [1, 1, 0, 1, 1]) {
      const { objects } = await run(element, what);
      seen.push(...objects.map((object) => object.objectId));
    }
    const first = seen[0]!;
    expect(seen).toEqual([first, first + 1n, first + 2n, first + 3n]);
  });

  it("begin with the time of the run, so that they are unique over restarts", async () => {
    const before = BigInt(Math.floor(Date.now() / 1000)) << 32n;
    const element = host.connect();
    await element.open({ kind: "analyze", bundle: analyzeBundle(await module("bytetrack")) });
    const [object] = objectsOf(await element.run([{ objects: [{ left: 1, width: 9, height: 9, confidence: 0.9 }] }]));
    expect(object?.objectId).toBeGreaterThanOrEqual(before);
  });
});
