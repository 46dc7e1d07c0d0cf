/** When a process that ended is started again. Pure: the caller keeps the clock. */

/** Settings; durations in milliseconds. */
export interface RestartPolicy {
  /** First wait; doubles with each restart that was not stable. */
  readonly delay: number;
  readonly maxDelay: number;
  /** A run of at least this length wipes the slate. */
  readonly stableAfter: number;
  /** Restarts in a row, none of them stable, before the process is given up. */
  readonly limit: number;
}

export type RestartDecision =
  | { readonly action: "restart"; readonly waitMs: number; readonly attempt: number }
  | { readonly action: "give-up"; readonly attempts: number };

/**
 * @param attempts restarts in a row so far, none of them stable
 * @param ranMs how long the run that just ended lasted
 */
export function decideRestart(policy: RestartPolicy, attempts: number, ranMs: number): RestartDecision {
  const before = ranMs >= policy.stableAfter ? 0 : attempts;
  if (before >= policy.limit) return { action: "give-up", attempts: before };
  const waitMs = Math.min(policy.maxDelay, policy.delay * 2 ** Math.min(before, 30));
  return { action: "restart", waitMs, attempt: before + 1 };
}
