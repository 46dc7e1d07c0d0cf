// The threads of modules: one stands by for all of them, and is another one for each who takes it.
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { threadTime } from "../../../firmware/link/addon.ts";
import { SlotState } from "../../../firmware/link/protocol.ts";
import { keepSpareThread, takeThread } from "../../../services/postprocess/module_threads.ts";
import { ownThread } from "../../../services/postprocess/thread_time.ts";
import { waitUntil } from "../../support/wait.ts";
import { analyzeBundle } from "./support/bundles.ts";
import { compileModule } from "./support/compile.ts";
import { TestHost } from "./support/host.ts";

const threads = (): number => readdirSync("/proc/self/task").length;
let trapping: Buffer;

beforeAll(async () => {
  trapping = await compileModule({
    body: "process(frame: Frame): i32 { if (frame.objectCount > 0) unreachable(); return Status.Ok; }",
  });
}, 120_000);

describe("a spare thread", () => {
  it("is there before it is needed, and is taken once", async () => {
    const before = threads();
    const end = keepSpareThread();
    await waitUntil("it has started", () => threads() > before, 20_000);
    const first = takeThread();
    const second = takeThread();
    expect(first).not.toBe(second);
    end();
    await Promise.all([first.terminate(), second.terminate()]);
    await waitUntil("all are gone", () => threads() <= before, 20_000);
  });
});

describe("links", () => {
  const host = new TestHost();
  beforeAll(() => host.start());
  afterAll(() => host.close());

  it("share it: whichever module fails goes on in it, and so does the next one", async () => {
    const open = async (instance: string) => {
      const element = host.connect();
      await element.open({ kind: "analyze", instance, bundle: analyzeBundle(trapping) });
      return element;
    };
    for (const element of [await open("a"), await open("b")]) {
      const failed = await element.run([{ objects: [{ width: 1, height: 1 }] }]);
      expect(failed.state).toBe(SlotState.Failed);
      element.release(failed);
      expect((await element.run([{ objects: [] }])).state).toBe(SlotState.ResultReady);
    }
  });
});

describe("the processor time of a thread", () => {
  it("is known to the moment, and not of one that is gone", () => {
    const own = ownThread();
    const before = threadTime(own)!;
    const end = performance.now() + 20;
    while (performance.now() < end);
    const used = threadTime(own)! - before;
    expect(used).toBeGreaterThan(0);
    expect(used).toBeLessThan(1000);
    // Above the largest number that Linux gives.
    expect(threadTime(4_194_305)).toBeUndefined();
  });
});
