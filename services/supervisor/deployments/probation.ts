/** Watches a bundle on probation: looks at it again and again, and says how that ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Outcome, type Plan, probationProblem, type Sight } from "./transaction.ts";

/** How often it is looked at; ms. */
const LOOK_MS = 500;
/** Looks over which the share of looked-at frames is averaged: its counters are read at different moments. */
const SHARE_LOOKS = 10;

export interface Watched {
  look(): Sight;
  /** Why somebody wants the old bundle back; once. */
  takeRequest(): string | undefined;
  /** How often the postprocess process has ended. */
  processEnds(): number;
  readonly signal: AbortSignal;
}

/** @param before what was seen of the bundle before; undefined: not known */
export async function watchProbation(plan: Plan, before: Sight | undefined, watched: Watched): Promise<Outcome> {
  const processEnds = watched.processEnds();
  const shares: (number | undefined)[] = [];
  const end = performance.now() + plan.probationMs;
  while (performance.now() < end && !watched.signal.aborted) {
    await sleep(Math.min(LOOK_MS, end - performance.now()), undefined, { signal: watched.signal }).catch(() => {});
    const asked = watched.takeRequest();
    if (asked !== undefined) return { ok: false, reason: asked, lasting: false };
    const look = watched.look();
    shares.push(look.inferredShare);
    const sight: Sight = {
      ...look,
      inferredShare: meanOf(shares.slice(-SHARE_LOOKS)),
      processEnded: watched.processEnds() !== processEnds,
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
