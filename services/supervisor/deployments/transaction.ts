/**
 * Activating a bundle, as data: which step follows which, and what decides it. Nothing is done here; deployments.ts does.
 *
 *   prepare ─► shadow ─► activate ─► probation ─► settle ─► (done)
 *      │          │          │           │
 *      └──────────┴──────────┘           ▼
 *              discard             rollback ─► (done)
 *
 * A step is written down before it is begun, so that a supervisor that starts again knows what was under way.
 */
import type { ShadowReport } from "../../postprocess/shadow.ts";

export type StepName = "prepare" | "shadow" | "activate" | "probation" | "settle" | "discard" | "rollback";
export type EndName = "done" | "refused" | "rolled-back" | "interrupted" | "shadowed";

/** How the transaction is to be done. */
export interface Plan {
  /** Shadow run before the switch; 0: none. ms. */
  readonly shadowMs: number;
  /** Ends after the shadow run, whatever it found. */
  readonly shadowOnly: boolean;
  /** Least agreement with what ran before, 0..1, in the shadow run and (detectors) in probation; 0: not looked at. */
  readonly agreement: number;
  readonly probationMs: number;
  /** Least share of the frames looked at before the switch that still are, 0..1. */
  readonly frameRate: number;
}

/** How a step went. */
export type Outcome =
  | {
      readonly ok: true;
      readonly shadow?: ShadowReport;
      /** Of a rollback: frames that the bundle that goes left without objects. */
      readonly framesWithoutObjects?: number;
    }
  /** `lasting`: the same again whenever it is tried. */
  | { readonly ok: false; readonly reason: string; readonly lasting: boolean };

/** What comes next. An end carries what is to be said about it; `quarantine`: the bundle is not tried again by itself. */
export type Next =
  | { readonly step: StepName; readonly reason: string; readonly quarantine?: boolean }
  | { readonly end: EndName; readonly reason: string };

interface Rule {
  /** What changed for the elements when the step was written down; tells what to do after a restart. */
  readonly serves: "before" | "after";
  next(outcome: Outcome, plan: Plan, state: { readonly reason: string }): Next;
  /** The supervisor started again in this step. Everything is loaded anew then: what serves is what is written down. */
  resume(interruptions: number): Next;
}

/** A bundle that was in probation when Nightjar ended so often is not trusted. */
const MOST_INTERRUPTIONS = 3;
const INTERRUPTED = "Nightjar was restarted meanwhile";

const failed = (outcome: Outcome): string => (outcome.ok ? "" : outcome.reason);
const abandon = (outcome: Outcome): Next => ({
  step: "discard",
  reason: failed(outcome),
  quarantine: !outcome.ok && outcome.lasting,
});
const interrupted = (): Next => ({ end: "interrupted", reason: INTERRUPTED });

export const RULES: Readonly<Record<StepName, Rule>> = {
  prepare: {
    serves: "before",
    next: (outcome, { shadowMs }) =>
      outcome.ok ? { step: shadowMs > 0 ? "shadow" : "activate", reason: "" } : abandon(outcome),
    resume: interrupted,
  },
  shadow: {
    serves: "before",
    next: (outcome, plan) => {
      if (!outcome.ok) return abandon(outcome);
      if (plan.shadowOnly) return { step: "discard", reason: "" };
      const problem = shadowProblem(outcome.shadow, plan);
      return problem === undefined
        ? { step: "activate", reason: "" }
        : { step: "discard", reason: problem, quarantine: true };
    },
    resume: interrupted,
  },
  activate: {
    serves: "before",
    next: (outcome) => (outcome.ok ? { step: "probation", reason: "" } : abandon(outcome)),
    resume: interrupted,
  },
  probation: {
    serves: "after",
    next: (outcome) =>
      outcome.ok
        ? { step: "settle", reason: "" }
        : { step: "rollback", reason: failed(outcome), quarantine: outcome.lasting },
    resume: (interruptions) =>
      interruptions < MOST_INTERRUPTIONS
        ? { step: "probation", reason: "" }
        : {
            step: "rollback",
            reason: `Nightjar ended ${interruptions} times while it was on probation`,
            quarantine: true,
          },
  },
  settle: {
    serves: "after",
    next: () => ({ end: "done", reason: "" }),
    resume: () => ({ end: "done", reason: "" }),
  },
  discard: {
    serves: "before",
    next: (_, { shadowOnly }, { reason }) => ({ end: shadowOnly && reason === "" ? "shadowed" : "refused", reason }),
    resume: interrupted,
  },
  rollback: {
    serves: "before",
    next: (_, __, { reason }) => ({ end: "rolled-back", reason }),
    resume: () => ({ end: "rolled-back", reason: INTERRUPTED }),
  },
};

function shadowProblem(report: ShadowReport | undefined, { agreement }: Plan): string | undefined {
  if (report === undefined || report.batches === 0) return "the shadow run saw no batch: is a camera playing?";
  if (report.failed > 0) return `it failed on ${report.failed} batches of the shadow run: ${report.lastError}`;
  if (report.agreement >= agreement) return undefined;
  return `it agrees with what runs on ${percent(report.agreement)} of the objects, expected ${percent(agreement)}`;
}

/** What is seen of a bundle on probation, or was before. Counts are since the bundle began to serve. */
export interface Sight {
  /** An element is connected, and the bundle serves it. */
  readonly isServing: boolean;
  readonly restarts: number;
  readonly failedBatches: number;
  readonly batches: number;
  /** Looked-at frames of decoded frames, over all cameras that play, 0..1; undefined: none plays. */
  readonly inferredShare: number | undefined;
  /** The module was given up by its reload policy. */
  readonly givenUp: string | undefined;
  /** Agreement with the bundle before; undefined: not looked at. */
  readonly agreement: number | undefined;
  /** The postprocess process ended since. */
  readonly processEnded: boolean;
  /** How often the pipeline process ended since: it lives with what the bundle gives it. */
  readonly pipelineEnds: number;
}

/** So many traps and overruns end the probation. */
const MOST_RESTARTS = 2;
/** The pipeline process may end for other reasons, too: a driver, or somebody who restarts it. */
const MOST_PIPELINE_ENDS = 3;
/** Share of batches without a result that is too much, once there were some. */
const FAILED_SHARE = 0.05;
const FEWEST_BATCHES = 50;
/** The share of looked-at frames may fall to this part of what it was, unless the plan says otherwise. */
export const FRAME_RATE_SHARE = 0.8;

/** Why a bundle on probation has to go; undefined as long as it may stay. */
export function probationProblem(
  now: Sight,
  before: Sight | undefined,
  { agreement, frameRate }: Plan,
): string | undefined {
  if (now.processEnded) return "the postprocess process ended";
  if (now.pipelineEnds >= MOST_PIPELINE_ENDS) return `the pipeline process ended ${now.pipelineEnds} times`;
  if (now.givenUp !== undefined) return now.givenUp;
  if (now.restarts >= MOST_RESTARTS) return `its module failed ${now.restarts} times`;
  const all = now.batches + now.failedBatches;
  if (all >= FEWEST_BATCHES && now.failedBatches / all > FAILED_SHARE) {
    return `${now.failedBatches} of ${all} batches came back without a result`;
  }
  if (agreement > 0 && now.agreement !== undefined && now.agreement < agreement) {
    return `it agrees with the bundle before on ${percent(now.agreement)} of the objects, expected ${percent(agreement)}`;
  }
  return frameRateProblem(now.inferredShare, before?.inferredShare, frameRate);
}

function frameRateProblem(now: number | undefined, before: number | undefined, share: number): string | undefined {
  if (now === undefined || before === undefined || now >= before * share) return undefined;
  return `only ${percent(now)} of the frames are looked at, ${percent(before)} were before`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
