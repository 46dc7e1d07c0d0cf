/**
 * Brings a fetched release into service, watches it, and writes down how that ended. The transaction itself is the activator's;
 * a start in the middle goes on from what it and the journal have written down.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ExpectedError } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { ActivationPlan, Activator, Standing } from "./activator.ts";
import type { Journal } from "./journal.ts";
import { type End, RESOLVE, type RunRelease } from "./machine.ts";
import type { ReleaseManifest } from "./release.ts";
import type { ContentStore } from "./store.ts";
import type { UpdaterOptions } from "./types.ts";

/** How often the bundle that is brought in is looked at; ms. */
const WATCH_MS = 100;

const BEFORE: Standing = { place: "before", reason: "", isLasting: false };

/** How an update ended. */
export interface Ended {
  /** Undefined: it ended before there was one. */
  readonly release: RunRelease | undefined;
  readonly end: End;
  /** Why; empty when it is committed. */
  readonly reason: string;
}

export interface InstallationParts {
  readonly activator: Activator;
  readonly journal: Journal;
  readonly store: ContentStore;
  readonly probation: UpdaterOptions["probation"];
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Something about the state has changed. */
  onChange(): void;
  /** It is written down; what follows from it belongs to the last state. */
  onEnd(ended: Ended): void;
}

export class Installation {
  readonly #parts: InstallationParts;

  constructor(parts: InstallationParts) {
    this.#parts = parts;
  }

  /** @param isWished somebody asked for it: what speaks against it was weighed. @returns whether it was committed */
  async install(release: RunRelease, manifest: ReleaseManifest, isWished: boolean): Promise<boolean> {
    const { activator, journal, onChange } = this.#parts;
    journal.enter("staged");
    onChange();
    try {
      if (isWished) activator.forgive(release.element, release.directory);
      activator.begin(release.element, release.directory, this.#planOf(release, manifest));
    } catch (error) {
      if (!(error instanceof ExpectedError)) throw error;
      return this.#end("failed", { place: "before", reason: error.message, isLasting: false });
    }
    journal.done();
    return this.#watch(release);
  }

  /** A start in the middle of an update: it goes on, or is ended, by what others wrote down. */
  async resume(): Promise<void> {
    const { activator, journal, log } = this.#parts;
    const { state, release } = journal.run;
    if (state === "idle") return;
    const standing = release === undefined ? BEFORE : this.#standing(release);
    const next = RESOLVE[state][standing.place];
    log.warn({ state, place: standing.place, next }, "an update was interrupted");
    if (next === "idle" || release === undefined) return journal.rest();
    if (next === "staged" || next === "probation") {
      if (!journal.carryOn()) activator.rollback(release.element);
      await this.#watch(release);
      return;
    }
    this.#end(next as End, standing);
  }

  /** Resolves when a directory has left its element. */
  async untilLeft(element: string, directory: string): Promise<void> {
    const { activator, signal } = this.#parts;
    const isThere = () =>
      activator.serving(element) === directory || activator.standing(element, directory).place === "changing";
    while (!signal.aborted && isThere()) await this.#pause();
  }

  /** A release that brings another model is watched longer. */
  #planOf({ element }: RunRelease, { files, probation }: ReleaseManifest): ActivationPlan {
    const { activator, store } = this.#parts;
    const { moduleMs, modelMs, shadowMs, agreement, frameRate } = this.#parts.probation;
    const serving = activator.serving(element);
    const known = serving === undefined ? undefined : store.recordOf(serving);
    const model = files.find(({ target }) => target.startsWith("models/"));
    const isSameModel =
      model === undefined || (known !== undefined && store.holds(known.directory, model.path, model.sha256));
    return {
      shadowMs: probation.shadowMs ?? shadowMs,
      probationMs: probation.durationMs ?? (isSameModel ? moduleMs : modelMs),
      agreement: probation.agreementPercent === undefined ? agreement : probation.agreementPercent / 100,
      frameRate,
    };
  }

  /** @returns whether it was committed; false also when Nightjar ends meanwhile */
  async #watch(release: RunRelease): Promise<boolean> {
    const { journal, signal, onChange } = this.#parts;
    while (!signal.aborted) {
      const standing = this.#standing(release);
      const { state } = journal.run;
      if (standing.place === "probation" && state === "staged") {
        journal.enter("probation");
        onChange();
        journal.done();
      }
      if (standing.place === "serving") return this.#end("committed", standing);
      if (standing.place === "gone-back") return this.#end("rolled-back", standing);
      if (standing.place === "before") return this.#end(state === "probation" ? "rolled-back" : "failed", standing);
      await this.#pause();
    }
    return false;
  }

  #end(end: End, { reason, isLasting }: Standing): boolean {
    const { journal, log, onEnd, onChange } = this.#parts;
    const { release } = journal.run;
    const isCommitted = end === "committed";
    const why = isCommitted ? "" : reason || "Nightjar ended in the middle of it";
    journal.finish({ end, reason: why, verdict: isLasting ? "unfit" : "failed" });
    const said = { channel: release?.channel, version: release?.version };
    log[isCommitted ? "info" : "warn"](said, `an update is ${end}${why && `: ${why}`}`);
    onEnd({ release, end, reason: why });
    journal.done();
    journal.rest();
    onChange();
    return isCommitted;
  }

  #standing({ element, directory }: RunRelease): Standing {
    return this.#parts.activator.standing(element, directory);
  }

  async #pause(): Promise<void> {
    await sleep(WATCH_MS, undefined, { signal: this.#parts.signal }).catch(() => {});
  }
}
