/** The updater as others see it. */
import type { Attempt } from "./database.ts";
import type { State } from "./machine.ts";
import type { DeviceFacts } from "./rollout.ts";
import type { Window } from "./schedule.ts";

export interface UpdaterOptions {
  /** Base address of the repository: metadata/ and targets/ lie below it. */
  readonly repository: string;
  /** What is kept on this device. Absolute. */
  readonly directory: string;
  readonly channels: readonly string[];
  readonly device: DeviceFacts;
  /** ms between two polls, about. */
  readonly intervalMs: number;
  /** False: releases are shown, and installed when somebody says so. */
  readonly automatic: boolean;
  readonly downloadWindows: readonly Window[];
  readonly installWindows: readonly Window[];
  /** ms after which a fetch is broken off, to be gone on with after another look; absent: an hour. */
  readonly longestVisitMs?: number;
  /** How a release is watched when it does not say. */
  readonly probation: {
    /** ms, of a release that brings no other model */
    readonly moduleMs: number;
    /** ms, of one that does */
    readonly modelMs: number;
    readonly shadowMs: number;
    readonly agreement: number;
    readonly frameRate: number;
  };
}

export interface ChannelView {
  readonly name: string;
  /** Version of the release that serves; null: none, what Nightjar was configured with serves. */
  readonly installed: string | null;
  /** Version that the repository has for this device; null: nothing newer, or not for it. */
  readonly available: string | null;
  /** Why it is not taken now, or why there is none; empty before the first look. */
  readonly reason: string;
}

export interface UpdateStatus {
  /** False: no repository is configured, and nothing else here means anything. */
  readonly enabled: boolean;
  /** Without user name and password. */
  readonly repository: string;
  readonly automatic: boolean;
  /** Something is under way, or has just been asked for. */
  readonly busy: boolean;
  readonly state: State;
  /** ms since 1970 */
  readonly since: number;
  /** The release that is under way. */
  readonly release: { readonly channel: string; readonly version: string; readonly element: string } | null;
  /** Of the fetch that is under way, bytes. */
  readonly progress: { readonly done: number; readonly of: number } | null;
  readonly channels: readonly ChannelView[];
  /** Releases that are not tried any more. */
  readonly blocked: readonly Pick<Attempt, "channel" | "version" | "failures" | "at" | "blocked">[];
  readonly lastCheck: { readonly at: number /** Empty: it went well. */; readonly problem: string } | null;
  /** ms since 1970; null: none is planned. */
  readonly nextCheck: number | null;
  /** Of verified metadata, by role. */
  readonly metadata: {
    readonly versions: Readonly<Record<string, number>>;
    readonly expires: Readonly<Record<string, number>>;
  };
  /** Why nothing can be called fresh now; empty: it can. */
  readonly clock: string;
}

/** Nothing is configured. */
export const DISABLED: UpdateStatus = {
  enabled: false,
  repository: "",
  automatic: false,
  busy: false,
  state: "idle",
  since: 0,
  release: null,
  progress: null,
  channels: [],
  blocked: [],
  lastCheck: null,
  nextCheck: null,
  metadata: { versions: {}, expires: {} },
  clock: "",
};
