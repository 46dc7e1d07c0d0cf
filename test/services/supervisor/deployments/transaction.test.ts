import { describe, expect, it } from "vitest";
import type { ShadowReport } from "../../../../services/postprocess/shadow.ts";
import {
  type Outcome,
  type Plan,
  probationProblem,
  RULES,
  type Sight,
  type StepName,
} from "../../../../services/supervisor/deployments/transaction.ts";

const plan: Plan = { shadowMs: 0, shadowOnly: false, agreement: 0, probationMs: 1000, frameRate: 0.8 };
const shadowed: Plan = { ...plan, shadowMs: 1000, agreement: 0.8 };
const ok: Outcome = { ok: true };
const state = { reason: "" };
const report = (changes: Partial<ShadowReport>): Outcome => ({
  ok: true,
  shadow: {
    ms: 1000,
    batches: 20,
    frames: 20,
    failed: 0,
    lastError: "",
    agreement: 0.9,
    classes: [],
    latency: { live: { p50: 1, p99: 2 }, candidate: { p50: 1, p99: 2 } },
    resampled: false,
    ...changes,
  },
});

describe("a transaction", () => {
  it.each<[StepName, Outcome, Plan, object]>([
    ["prepare", ok, plan, { step: "activate" }],
    ["prepare", ok, shadowed, { step: "shadow" }],
    [
      "prepare",
      { ok: false, reason: "bad", lasting: true },
      plan,
      { step: "discard", reason: "bad", quarantine: true },
    ],
    ["prepare", { ok: false, reason: "gone", lasting: false }, plan, { step: "discard", quarantine: false }],
    ["shadow", report({}), shadowed, { step: "activate" }],
    ["shadow", report({ agreement: 0.7 }), shadowed, { step: "discard", quarantine: true, reason: /70 %.*80 %/ }],
    ["shadow", report({ failed: 2, lastError: "trap" }), shadowed, { step: "discard", reason: /2 batches.*trap/ }],
    ["shadow", report({ batches: 0 }), shadowed, { step: "discard", reason: /no batch/ }],
    ["shadow", report({ agreement: 0 }), { ...shadowed, shadowOnly: true }, { step: "discard", reason: "" }],
    ["activate", ok, plan, { step: "probation" }],
    ["activate", { ok: false, reason: "declined", lasting: true }, plan, { step: "discard", quarantine: true }],
    ["probation", ok, plan, { step: "settle" }],
    ["probation", { ok: false, reason: "traps", lasting: true }, plan, { step: "rollback", quarantine: true }],
    ["settle", ok, plan, { end: "done" }],
  ])("goes on from %s (%j)", (step, outcome, how, expected) => {
    const next = RULES[step].next(outcome, how, state);
    for (const [key, value] of Object.entries(expected)) {
      const found = (next as unknown as Record<string, unknown>)[key];
      if (value instanceof RegExp) expect(found).toMatch(value);
      else expect(found).toEqual(value);
    }
  });

  it("ends with the reason that it went back for", () => {
    expect(RULES.rollback.next(ok, plan, { reason: "traps" })).toEqual({ end: "rolled-back", reason: "traps" });
    expect(RULES.discard.next(ok, plan, { reason: "bad" })).toEqual({ end: "refused", reason: "bad" });
    expect(RULES.discard.next(ok, { ...plan, shadowOnly: true }, state)).toEqual({ end: "shadowed", reason: "" });
  });

  it.each<StepName>(["prepare", "shadow", "activate", "discard"])(
    "that a restart interrupts in %s changes nothing",
    (step) => {
      expect(RULES[step]).toMatchObject({ serves: "before" });
      expect(RULES[step].resume(1)).toMatchObject({ end: "interrupted" });
    },
  );

  it("goes on with its probation after a restart, but not for ever", () => {
    expect(RULES.probation.resume(1)).toMatchObject({ step: "probation" });
    expect(RULES.probation.resume(3)).toMatchObject({ step: "rollback", quarantine: true });
    expect(RULES.settle.resume(1)).toMatchObject({ end: "done" });
    expect(RULES.rollback.resume(1)).toMatchObject({ end: "rolled-back" });
  });
});

describe("probation", () => {
  const fine: Sight = {
    isServing: true,
    restarts: 0,
    failedBatches: 0,
    batches: 1000,
    inferredShare: 1,
    givenUp: undefined,
    agreement: undefined,
    processEnded: false,
    pipelineEnds: 0,
  };

  it("lets a bundle stay that works", () => {
    expect(probationProblem(fine, fine, plan)).toBeUndefined();
    expect(probationProblem({ ...fine, restarts: 1, failedBatches: 3 }, fine, plan)).toBeUndefined();
    expect(probationProblem({ ...fine, batches: 3, failedBatches: 3 }, fine, plan)).toBeUndefined();
    expect(probationProblem({ ...fine, agreement: 0.1 }, fine, plan)).toBeUndefined();
    expect(probationProblem({ ...fine, inferredShare: undefined }, fine, plan)).toBeUndefined();
  });

  it.each<[string, Partial<Sight>, RegExp]>([
    ["traps", { restarts: 2 }, /failed 2 times/],
    ["misses deadlines", { failedBatches: 100 }, /100 of 1100 batches/],
    ["is given up", { givenUp: "it trapped" }, /it trapped/],
    ["agrees too little", { agreement: 0.5 }, /50 % of the objects, expected 80 %/],
    ["slows the cameras down", { inferredShare: 0.5 }, /only 50 % of the frames.*100 %/],
    ["takes its process along", { processEnded: true }, /process ended/],
    ["ends the pipeline again and again", { pipelineEnds: 3 }, /the pipeline process ended 3 times/],
  ])("ends for a bundle that %s", (_what, changes, reason) => {
    expect(probationProblem({ ...fine, ...changes }, fine, shadowed)).toMatch(reason);
  });
});
