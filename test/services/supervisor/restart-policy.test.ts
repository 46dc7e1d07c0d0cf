import { expect, it } from "vitest";
import { decideRestart } from "../../../services/supervisor/restart-policy.ts";

const policy = { delay: 200, maxDelay: 5000, stableAfter: 30_000, limit: 8 };

/** What happens to a process whose runs last so long, in virtual time: the waits between them, until it is given up. */
function waitsFor(runs: readonly number[]): (number | "give-up")[] {
  let attempts = 0;
  return runs.map((ranMs) => {
    const decision = decideRestart(policy, attempts, ranMs);
    if (decision.action === "give-up") return "give-up";
    attempts = decision.attempt;
    return decision.waitMs;
  });
}

it("waits twice as long after each failure, up to the longest wait, and gives up at the limit", () => {
  expect(waitsFor(Array(9).fill(10))).toEqual([200, 400, 800, 1600, 3200, 5000, 5000, 5000, "give-up"]);
});

it("starts again from the first wait after a stable run", () => {
  expect(waitsFor([10, 10, 10, 30_000, 10])).toEqual([200, 400, 800, 200, 400]);
});

it("never gives up a process that is stable between its failures", () => {
  expect(waitsFor(Array(50).fill(60_000))).toEqual(Array(50).fill(200));
});

it("does not count a run as stable that was just too short", () => {
  expect(waitsFor([10, 29_999])).toEqual([200, 400]);
});
