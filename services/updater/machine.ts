/**
 * An update, as data: its states, which follows which, and what a start of Nightjar makes of each. Nothing is done here.
 *
 *   idle ─► checking ─► downloading ─► verified ─► staged ─► probation ─► committed ─► idle
 *              │             │            │           │           │
 *              └─────────────┴────────────┴──► failed ┘           └─► rolled-back
 *
 * A state is written down, synced, before what belongs to it is begun. What was under way when Nightjar ended is resolved
 * from what others wrote down (who serves), never guessed: the committed old release or the committed new one runs, none between.
 */
import { z } from "zod";
import type { Place } from "./activator.ts";

export const STATES = [
  "idle",
  "checking",
  "downloading",
  "verified",
  "staged",
  "probation",
  "committed",
  "rolled-back",
  "failed",
] as const;
export type State = (typeof STATES)[number];

/** The end of an update; `idle` follows. */
export type End = Extract<State, "committed" | "rolled-back" | "failed">;

export const NEXT: Readonly<Record<State, readonly State[]>> = {
  idle: ["checking"],
  checking: ["idle", "downloading", "failed"],
  downloading: ["idle", "verified", "failed"],
  verified: ["idle", "staged", "failed"],
  staged: ["probation", "committed", "rolled-back", "failed"],
  probation: ["committed", "rolled-back"],
  committed: ["idle"],
  "rolled-back": ["idle"],
  failed: ["idle"],
};

/** What a start makes of an unfinished state, by where the release's bundle stands then. */
export const RESOLVE: Readonly<Record<State, Readonly<Record<Place, State>>>> = {
  // Nothing but files in the store has changed: what was fetched stays, the next check goes on with it.
  idle: always("idle"),
  checking: always("idle"),
  downloading: always("idle"),
  verified: always("idle"),
  staged: {
    before: "failed",
    changing: "staged",
    probation: "probation",
    serving: "committed",
    "gone-back": "rolled-back",
  },
  probation: {
    before: "rolled-back",
    changing: "probation",
    probation: "probation",
    serving: "committed",
    "gone-back": "rolled-back",
  },
  // Written down with all that follows from it.
  committed: always("idle"),
  "rolled-back": always("idle"),
  failed: always("idle"),
};

function always(state: State): Record<Place, State> {
  return { before: state, changing: state, probation: state, serving: state, "gone-back": state };
}

/** Failed activations of one release, after which it is not tried any more. */
export const MOST_FAILURES = 3;
/** Records of one update. More are a loop: it is ended and the release blocked. */
export const MOST_RECORDS = 28;

const release = z.object({
  target: z.string(),
  channel: z.string(),
  version: z.string(),
  counter: z.int(),
  /** Of the manifest. */
  sha256: z.string(),
  element: z.string(),
  directory: z.string(),
});

/** What is written down. */
export const runSchema = z.object({
  state: z.enum(STATES),
  /** From `downloading` on. */
  release: release.optional(),
  /** ms since 1970: of the update, of the state. */
  startedAt: z.number(),
  since: z.number(),
  reason: z.string(),
  /** How often this update was written down. */
  records: z.int(),
});
export type Run = z.output<typeof runSchema>;
export type RunRelease = z.output<typeof release>;

export function idleRun(at: number): Run {
  return { state: "idle", startedAt: at, since: at, reason: "", records: 0 };
}

/** The next record. @throws Error when the table does not allow it: a fault of ours */
export function follow(
  run: Run,
  state: State,
  at: number,
  changes: Partial<Pick<Run, "release" | "reason">> = {},
): Run {
  if (!NEXT[run.state].includes(state)) throw new Error(`an update cannot go from ${run.state} to ${state}`);
  return { ...run, reason: "", ...changes, state, since: at, records: run.records + 1 };
}

export function isEnd(state: State): state is End {
  return state === "committed" || state === "rolled-back" || state === "failed";
}
