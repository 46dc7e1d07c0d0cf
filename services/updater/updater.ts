/**
 * Keeps a device's bundles current: asks the repository, fetches what is for this device, brings it in, watches it, and
 * takes it back when it fails. What may be decided is in machine.ts and rollout.ts; trust is tuf-client.ts' business.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Activator, Standing } from "./activator.ts";
import type { Clock } from "./clock.ts";
import { type HistoryEntry, UpdateDatabase } from "./database.ts";
import { Download } from "./download.ts";
import { UpdateFetcher } from "./fetcher.ts";
import { Inventory } from "./inventory.ts";
import { Journal } from "./journal.ts";
import { type End, RESOLVE, type RunRelease } from "./machine.ts";
import { type ListedRelease, parseManifest, type ReleaseManifest } from "./release.ts";
import { firstPollMs, nextPollMs } from "./schedule.ts";
import { Selection, type Wish } from "./selection.ts";
import { ContentStore } from "./store.ts";
import { shown, type Transport, UnreachableError } from "./transport.ts";
import { TufClient, type TufSession } from "./tuf-client.ts";
import type { UpdaterOptions, UpdateStatus } from "./types.ts";

/** How often the bundle that is brought in is looked at; ms. */
const WATCH_MS = 100;
/** Progress is told so often at most; ms. */
const TELL_MS = 500;
/** How soon it is looked whether an element can take a bundle that waits for it; ms. */
const _READY_LOOK_MS = 60_000;
/** A timer cannot wait longer; ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface UpdaterParts {
  readonly options: UpdaterOptions;
  readonly firstRoot: Uint8Array;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly activator: Activator;
  readonly log: Logger;
  /** Something about status() has changed. */
  onChange(): void;
  /** For tests that cut the power: see Journal. */
  reached?(point: string): void;
}

export class Updater {
  readonly #parts: UpdaterParts;
  readonly #db: UpdateDatabase;
  readonly #client: TufClient;
  readonly #store: ContentStore;
  readonly #journal: Journal;
  readonly #abort = new AbortController();
  readonly #inventory: Inventory;
  readonly #selection: Selection;
  /** Directories of releases that were fetched and wait for their time. */
  readonly #waiting = new Set<string>();
  #work: Promise<void> = Promise.resolve();
  #isBusy = false;
  #timer: NodeJS.Timeout | undefined;
  #nextCheck: number | null = null;
  #lastCheck: UpdateStatus["lastCheck"] = null;
  #progress: UpdateStatus["progress"] = null;
  #toldAt = 0;

  /** @throws when the directory cannot be used */
  constructor(parts: UpdaterParts) {
    this.#parts = parts;
    const { options, firstRoot, clock, log } = parts;
    this.#db = new UpdateDatabase(options.directory);
    if (this.#db.movedTo !== undefined)
      log.error(`the updater's file was damaged; it was moved to ${this.#db.movedTo}`);
    this.#store = new ContentStore(options.directory);
    this.#inventory = new Inventory(this.#db, this.#store, parts.activator);
    this.#selection = new Selection(options, this.#inventory, parts.activator);
    const locate = (release: RunRelease) => this.#store.directoryOf(release, release.sha256);
    this.#journal = new Journal(this.#db, locate, (point) => parts.reached?.(point));
    const metadataUrl = new URL("metadata", withSlash(options.repository)).href;
    const warn = (message: string) => log.warn(message);
    this.#client = new TufClient({
      directory: `${options.directory}/metadata`,
      metadataUrl,
      firstRoot,
      floors: this.#db,
      clock,
      warn,
    });
  }

  /** Resolves what was under way, then polls. Deployments have been resumed before. */
  start(): void {
    this.#reconcile();
    this.#busy(() => this.#resolve());
    this.#plan(firstPollMs(this.#parts.options.intervalMs, Math.random()));
  }

  /** What is under way goes on at the next start. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#abort.abort();
    await this.#work;
    this.#parts.transport.close();
    this.#db.close();
  }

  /** Looks now, and takes what is for this device; status() says how it goes. Nothing happens while something is under way. */
  check(): UpdateStatus {
    if (!this.#isBusy) this.#busy(() => this.#poll(undefined));
    return this.status();
  }

  /** Takes a release by somebody's wish, also one that was blocked or is not rolled out here yet. @throws ExpectedError */
  install(wish: { readonly channel?: string | undefined; readonly version?: string | undefined }): UpdateStatus {
    const channel = this.#channel(wish.channel);
    this.#expectIdle();
    this.#busy(() => this.#poll({ channel, version: wish.version }));
    return this.status();
  }

  /** Back to what served before; the release is not taken again by itself. @throws ExpectedError */
  rollback(name: string | undefined): UpdateStatus {
    const channel = this.#channel(name);
    const { release, state } = this.#journal.run;
    const current = state === "probation" && release?.channel === channel ? release : this.#db.installed(channel);
    if (current === undefined)
      throw new ExpectedError(
        EXIT.configuration,
        `channel ${channel}: no release is installed: there is nothing to go back from`,
      );
    if (state !== "probation") this.#expectIdle();
    this.#parts.activator.rollback(current.element);
    this.#inventory.block({ channel, version: current.version, sha256: current.sha256 }, "taken back by hand");
    if (state !== "probation") this.#busy(() => this.#untilLeft(current.element, current.directory));
    return this.status();
  }

  /** Resolves when what is under way has ended. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Newest first. */
  history(limit: number): HistoryEntry[] {
    return this.#db.history(limit);
  }

  status(): UpdateStatus {
    const { options } = this.#parts;
    const { state, since, release } = this.#journal.run;
    return {
      enabled: true,
      repository: shown(options.repository),
      automatic: options.automatic,
      busy: this.#isBusy,
      state,
      since,
      release:
        release === undefined ? null : { channel: release.channel, version: release.version, element: release.element },
      progress: this.#progress,
      channels: options.channels.map((name) => ({
        name,
        installed: this.#db.installed(name)?.version ?? null,
        ...this.#selection.view(name),
      })),
      blocked: this.#db
        .blocked()
        .map(({ channel, version, failures, at, blocked }) => ({ channel, version, failures, at, blocked })),
      lastCheck: this.#lastCheck,
      nextCheck: this.#nextCheck,
      metadata: this.#client.known(),
      clock: this.#selection.clockReason,
    };
  }

  /** One piece of work at a time. */
  #busy(work: () => Promise<void>): void {
    this.#isBusy = true;
    this.#work = this.#work
      .then(work)
      .catch((error: unknown) => {
        if (this.#abort.signal.aborted) return;
        this.#parts.log.error({ err: error }, `an update stopped: ${messageOf(error)}`);
      })
      .then(() => {
        this.#isBusy = false;
        if (!this.#abort.signal.aborted) this.#parts.onChange();
      });
  }

  #plan(ms: number): void {
    const wait = Math.min(Math.max(0, ms), LONGEST_TIMER_MS);
    clearTimeout(this.#timer);
    this.#nextCheck = Date.now() + wait;
    this.#timer = setTimeout(() => {
      this.check();
    }, wait).unref();
  }

  /** A start in the middle of an update: it goes on, or is ended, by what others wrote down. */
  async #resolve(): Promise<void> {
    const { state, release } = this.#journal.run;
    if (state === "idle") return;
    const standing = release === undefined ? BEFORE : this.#standing(release);
    const next = RESOLVE[state][standing.place];
    this.#parts.log.warn({ state, place: standing.place, next }, "an update was interrupted");
    if (next === "idle" || release === undefined) return this.#journal.rest();
    if (next === "staged" || next === "probation") {
      if (!this.#journal.carryOn()) this.#parts.activator.rollback(release.element);
      return this.#watch(release);
    }
    this.#end(next as End, standing);
  }

  async #poll(wish: Wish | undefined): Promise<void> {
    this.#reconcile();
    this.#selection.begin();
    // One release may ask for another, and there may be several channels: until nothing more is taken.
    while (await this.#visit(wish)) wish = undefined;
    if (this.#abort.signal.aborted) return;
    const pollMs = nextPollMs(this.#parts.options.intervalMs, Math.random());
    this.#plan(Math.min(pollMs, this.#selection.wakeAt - Date.now()));
  }

  /** @returns whether a release was committed: then it is worth looking again */
  async #visit(wish: Wish | undefined): Promise<boolean> {
    this.#journal.enter("checking");
    this.#parts.onChange();
    const fetcher = new UpdateFetcher(this.#parts.transport, this.#abort.signal);
    try {
      const session = this.#client.open(fetcher);
      const walk = await session.refresh();
      this.#lastCheck = { at: Date.now(), problem: "" };
      this.#journal.done();
      const release = this.#selection.select(session.releases(), walk, wish);
      if (release === undefined) return this.#rest();
      return await this.#update(session, fetcher, release, wish !== undefined);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #rest(): false {
    this.#journal.rest();
    this.#progress = null;
    this.#parts.onChange();
    return false;
  }

  /** A check or a fetch that went wrong says nothing about the release: whoever is in between could bring that about. */
  #fail(error: unknown): false {
    if (this.#abort.signal.aborted) throw error;
    const problem = messageOf(error);
    this.#lastCheck = { at: Date.now(), problem };
    const isPassing = error instanceof UnreachableError;
    this.#parts.log[isPassing ? "info" : "warn"](
      { repository: shown(this.#parts.options.repository) },
      `no update: ${problem}`,
    );
    if (!isPassing) this.#journal.finish({ end: "failed", reason: problem, verdict: "none" });
    return this.#rest();
  }

  async #update(
    session: TufSession,
    fetcher: UpdateFetcher,
    listed: ListedRelease,
    isWished: boolean,
  ): Promise<boolean> {
    const { activator, options } = this.#parts;
    const download = new Download(
      this.#store,
      session,
      fetcher,
      new URL("targets", withSlash(options.repository)).href,
    );
    const manifest = parseManifest(await download.manifest(listed), listed);
    if (!activator.elements().includes(manifest.element)) {
      throw new Error(
        `${listed.target} is for the element ${manifest.element}; this device has ${activator.elements().join(", ")}`,
      );
    }
    const { channel, version, counter, element } = manifest;
    const directory = this.#store.directoryOf(manifest, listed.sha256);
    const release: RunRelease = {
      target: listed.target,
      channel,
      version,
      counter,
      sha256: listed.sha256,
      element,
      directory,
    };
    this.#journal.enter("downloading", { release });
    this.#parts.log.info({ channel, version }, "an update is fetched");
    await download.files(manifest, (done, of) => this.#tell(done, of));
    this.#journal.done();
    this.#journal.enter("verified");
    this.#progress = null;
    this.#parts.onChange();
    await this.#store.assemble(manifest, listed.sha256);
    this.#journal.done();
    const wait = this.#selection.whyNotNow(listed, element, isWished);
    if (wait !== "") {
      this.#waiting.add(directory);
      this.#selection.say(channel, version, wait);
      return this.#rest();
    }
    return this.#activate(release, manifest, isWished);
  }

  async #activate(release: RunRelease, manifest: ReleaseManifest, isWished: boolean): Promise<boolean> {
    const { activator } = this.#parts;
    this.#waiting.delete(release.directory);
    this.#journal.enter("staged");
    this.#parts.onChange();
    try {
      if (isWished) activator.forgive(release.element, release.directory);
      activator.begin(release.element, release.directory, this.#planOf(release, manifest));
    } catch (error) {
      if (!(error instanceof ExpectedError)) throw error;
      return this.#end("failed", { place: "before", reason: error.message, isLasting: false });
    }
    this.#journal.done();
    return this.#watch(release).then(() => this.#db.installed(release.channel)?.sha256 === release.sha256);
  }

  /** A release that brings another model is watched longer. */
  #planOf({ element }: RunRelease, { files, probation }: ReleaseManifest) {
    const { moduleMs, modelMs, shadowMs, agreement, frameRate } = this.#parts.options.probation;
    const serving = this.#parts.activator.serving(element);
    const known = serving === undefined ? undefined : this.#store.recordOf(serving);
    const model = files.find(({ target }) => target.startsWith("models/"));
    const isSameModel =
      model === undefined || (known !== undefined && this.#store.holds(known.directory, model.path, model.sha256));
    return {
      shadowMs: probation.shadowMs ?? shadowMs,
      probationMs: probation.durationMs ?? (isSameModel ? moduleMs : modelMs),
      agreement: probation.agreementPercent === undefined ? agreement : probation.agreementPercent / 100,
      frameRate,
    };
  }

  async #watch(release: RunRelease): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const standing = this.#standing(release);
      const { state } = this.#journal.run;
      if (standing.place === "probation" && state === "staged") {
        this.#journal.enter("probation");
        this.#parts.onChange();
        this.#journal.done();
      }
      if (standing.place === "serving") return void this.#end("committed", standing);
      if (standing.place === "gone-back") return void this.#end("rolled-back", standing);
      if (standing.place === "before")
        return void this.#end(state === "probation" ? "rolled-back" : "failed", standing);
      await sleep(WATCH_MS, undefined, { signal: this.#abort.signal }).catch(() => {});
    }
  }

  #end(end: End, { reason, isLasting }: Standing): boolean {
    const { release } = this.#journal.run;
    const why = reason === "" && end !== "committed" ? "Nightjar ended in the middle of it" : reason;
    this.#journal.finish({ end, reason: end === "committed" ? "" : why, verdict: isLasting ? "unfit" : "failed" });
    const said = { channel: release?.channel, version: release?.version };
    this.#parts.log[end === "committed" ? "info" : "warn"](
      said,
      `an update is ${end}${why === "" || end === "committed" ? "" : `: ${why}`}`,
    );
    if (release !== undefined) {
      this.#selection.say(release.channel, null, end === "committed" ? "" : `${release.version}: ${why}`);
    }
    this.#parts.onChange();
    this.#inventory.clean(this.#waiting);
    this.#journal.done();
    this.#rest();
    return end === "committed";
  }

  async #untilLeft(element: string, directory: string): Promise<void> {
    const { activator } = this.#parts;
    const isLeft = () =>
      activator.serving(element) !== directory && activator.standing(element, directory).place !== "changing";
    while (!this.#abort.signal.aborted && !isLeft())
      await sleep(WATCH_MS, undefined, { signal: this.#abort.signal }).catch(() => {});
    if (!this.#abort.signal.aborted) this.#reconcile();
  }

  #reconcile(): void {
    this.#inventory.reconcile(this.#parts.options.channels, this.#journal.run.release?.channel);
  }

  #standing({ element, directory }: RunRelease): Standing {
    return this.#parts.activator.standing(element, directory);
  }

  #tell(done: number, of: number): void {
    this.#progress = { done, of };
    const now = performance.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#parts.onChange();
  }

  #expectIdle(): void {
    if (!this.#isBusy) return;
    const { state, release } = this.#journal.run;
    const what = release === undefined ? state : `${release.channel} ${release.version}: ${state}`;
    throw new ExpectedError(EXIT.configuration, `an update is under way (${what}): wait until it has ended`);
  }

  /** @throws ExpectedError when it is unknown, or not the only one and not named */
  #channel(name: string | undefined): string {
    const { channels } = this.#parts.options;
    if (name !== undefined && channels.includes(name)) return name;
    const [only] = channels;
    if (name === undefined && channels.length === 1 && only !== undefined) return only;
    const problem = name === undefined ? "there are several channels: name one" : `there is no channel "${name}"`;
    throw new ExpectedError(EXIT.configuration, `${problem}; there is ${channels.join(", ")}`);
  }
}

const BEFORE: Standing = { place: "before", reason: "", isLasting: false };

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
