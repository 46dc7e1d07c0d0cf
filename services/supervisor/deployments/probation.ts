/** Watches a bundle on probation: looks at it again and again, and says how that ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Outcome, type Plan, probationProblem, type Sight } from "./transaction.ts";

/** How often it is looked at; ms. */
const LOOK_MS = 500;
/** Looks over which the share of looked-at frames is averaged: its counters are read at different moments. */
const SHARE_LOOKS = 10;

export interface ProcessEnds {
  readonly postprocess: number;
  readonly pipeline: number;
}

export interface Watched {
  look(): Sight;
  /** Why somebody wants the old bundle back; once. */
  takeRequest(): string | undefined;
  /** How often a process has ended. */
  ends(): ProcessEnds;
  readonly signal: AbortSignal;
}

/**
 * Only the time counts in which the bundle serves: one that nobody is connected to shows nothing.
 * @param before what was seen of the bundle before; undefined: not known
 */
export async function watchProbation(plan: Plan, before: Sight | undefined, watched: Watched): Promise<Outcome> {
  const atFirst = watched.ends();
  const shares: (number | undefined)[] = [];
  let leftMs = plan.probationMs;
  while (leftMs > 0 && !watched.signal.aborted) {
    const began = performance.now();
    await sleep(Math.min(LOOK_MS, leftMs), undefined, { signal: watched.signal }).catch(() => {});
    const asked = watched.takeRequest();
    if (asked !== undefined) return { ok: false, reason: asked, lasting: false };
    const look = watched.look();
    if (look.isServing) leftMs -= performance.now() - began;
    shares.push(look.inferredShare);
    const sight: Sight = {
      ...look,
      inferredShare: meanOf(shares.slice(-SHARE_LOOKS)),
      processEnded: watched.ends().postprocess !== atFirst.postprocess,
      pipelineEnds: watched.ends().pipeline - atFirst.pipeline,
    };
    const problem = probationProblem(sight, before, plan);
    if (problem !== undefined) return { ok: false, reason: problem, lasting: true };
  }
  return { ok: true };
}

/** Undefined until there are enough. */
function meanOf(shares: readonly (number | undefined)[]): number | undefined {
  const known = shares.filter((share) => share !== undefined);
  if (known.length < SHARE_LOOKS) return undefined;
  return known.reduce((sum, share) => sum + share, 0) / known.length;
}
