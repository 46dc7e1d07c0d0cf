import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { CpuBudget, v8Threads } from "../../../services/postprocess/cpu_budget.ts";
import { waitUntil } from "../../support/wait.ts";

const LIMIT_MS = 100;
const workers: Worker[] = [];
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));

/** A thread that says its number and then does `what`. */
async function thread(what: string): Promise<number> {
  const source = `
    const { parentPort } = require("node:worker_threads");
    const number = Number(require("node:fs").readlinkSync("/proc/thread-self").split("/").at(-1));
    parentPort.postMessage(number);
    ${what}`;
  const worker = new Worker(source, { eval: true });
  workers.push(worker);
  const [number] = await once(worker, "message");
  return number as number;
}

describe("a budget of processor time", () => {
  it("is used up by its own threads, and not by what others do meanwhile", async () => {
    const idle = await thread('parentPort.on("message", () => {});');
    const busy = await thread("setTimeout(() => { for (;;); }, 0);");
    const spared = new CpuBudget(LIMIT_MS, [idle]);
    const charged = new CpuBudget(LIMIT_MS, [idle, busy]);
    await waitUntil("it is used up", () => !charged.isStarved, 20_000);
    expect(charged.leftMs()).toBeLessThanOrEqual(0);
    expect(charged.problem).toBe("took more than 100 ms");
    // However long that was: the idle thread has had none of it.
    expect(spared.isStarved).toBe(true);
  });

  it("counts the threads on which V8 compiles", () => {
    expect(v8Threads().length).toBeGreaterThan(0);
  });
});
