/**
 * Keeps a device's bundles current: asks the repository, fetches what is for this device, and has it installed. What may be
 * decided is in machine.ts and rollout.ts; trust is tuf-client.ts' business, bringing in and going back installation.ts'.
 */
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Activator } from "./activator.ts";
import type { Clock } from "./clock.ts";
import { type HistoryEntry, type Installed, UpdateDatabase } from "./database.ts";
import { Download } from "./download.ts";
import { UpdateFetcher } from "./fetcher.ts";
import { type Ended, Installation } from "./installation.ts";
import { Inventory } from "./inventory.ts";
import { Journal } from "./journal.ts";
import type { RunRelease } from "./machine.ts";
import { type ListedRelease, parseManifest } from "./release.ts";
import { firstPollMs, nextPollMs } from "./schedule.ts";
import { Selection, type Wish } from "./selection.ts";
import { ContentStore } from "./store.ts";
import { shown, type Transport, UnreachableError } from "./transport.ts";
import { TufClient, type TufSession } from "./tuf-client.ts";
import type { UpdaterOptions, UpdateStatus } from "./types.ts";

/** After so long a fetch is broken off and the repository asked anew, so that a slow server cannot hold back the news; ms. */
const LONGEST_VISIT_MS = 3_600_000;
/** Progress is told so often at most; ms. */
const TELL_MS = 500;
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

/** Whether it is worth looking once more: something was committed, or one channel is done with and another may have something. */
type Visit = "again" | "done";

const TOO_SLOW = new UnreachableError(
  "the fetch took too long and was broken off; what came is kept, and it goes on with the next look",
);

export class Updater {
  readonly #parts: UpdaterParts;
  readonly #db: UpdateDatabase;
  readonly #client: TufClient;
  readonly #store: ContentStore;
  readonly #journal: Journal;
  readonly #abort = new AbortController();
  readonly #inventory: Inventory;
  readonly #selection: Selection;
  readonly #installation: Installation;
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
    this.#installation = new Installation({
      activator: parts.activator,
      journal: this.#journal,
      store: this.#store,
      probation: options.probation,
      signal: this.#abort.signal,
      log,
      onChange: () => parts.onChange(),
      onEnd: (ended) => this.#ended(ended),
    });
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
    this.#busy(() => this.#installation.resume());
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
    if (state !== "probation") this.#busy(() => this.#leave(current));
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

  async #poll(wish: Wish | undefined): Promise<void> {
    this.#reconcile();
    this.#selection.begin();
    // One release may ask for another, and there may be several channels: until nothing more is taken.
    let problem = "";
    for (let next: Visit = "again"; next === "again"; wish = undefined) {
      next = await this.#visit(wish);
      problem ||= this.#lastCheck?.problem ?? "";
    }
    if (this.#lastCheck !== null) this.#lastCheck = { ...this.#lastCheck, problem };
    if (this.#abort.signal.aborted) return;
    const pollMs = nextPollMs(this.#parts.options.intervalMs, Math.random());
    this.#plan(Math.min(pollMs, this.#selection.wakeAt - Date.now()));
  }

  async #visit(wish: Wish | undefined): Promise<Visit> {
    this.#journal.enter("checking");
    this.#parts.onChange();
    const limit = AbortSignal.timeout(this.#parts.options.longestVisitMs ?? LONGEST_VISIT_MS);
    const fetcher = new UpdateFetcher(this.#parts.transport, AbortSignal.any([this.#abort.signal, limit]));
    let release: ListedRelease | undefined;
    try {
      const session = this.#client.open(fetcher);
      const walk = await session.refresh();
      this.#lastCheck = { at: Date.now(), problem: "" };
      this.#journal.done();
      release = this.#selection.select(session.releases(), walk, wish);
      if (release === undefined) return this.#rest();
      return await this.#update(session, fetcher, release, wish !== undefined);
    } catch (error) {
      if (this.#abort.signal.aborted) throw error;
      return this.#fail(limit.aborted ? TOO_SLOW : error, release);
    }
  }

  #rest(): Visit {
    this.#journal.rest();
    this.#progress = null;
    this.#parts.onChange();
    return "done";
  }

  /** A check or a fetch that went wrong says nothing about the release: whoever is in between could bring that about. */
  #fail(error: unknown, release: ListedRelease | undefined): Visit {
    const problem = messageOf(error);
    this.#lastCheck = { at: Date.now(), problem };
    const isPassing = error instanceof UnreachableError;
    this.#parts.log[isPassing ? "info" : "warn"](
      { repository: shown(this.#parts.options.repository) },
      `no update: ${problem}`,
    );
    if (!isPassing) this.#journal.finish({ end: "failed", reason: problem, verdict: "none" });
    this.#rest();
    if (error === TOO_SLOW) return "again";
    return isPassing || release === undefined ? "done" : this.#others(release.channel, problem);
  }

  async #update(session: TufSession, fetcher: UpdateFetcher, listed: ListedRelease, isWished: boolean): Promise<Visit> {
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
      this.#rest();
      return this.#others(channel, wait);
    }
    this.#waiting.delete(directory);
    if (await this.#installation.install(release, manifest, isWished)) return "again";
    return this.#others(channel, this.#selection.view(channel).reason);
  }

  /** This channel is done with for now; there may be something for another one. */
  #others(channel: string, reason: string): Visit {
    this.#selection.skip(channel, reason);
    return this.#abort.signal.aborted ? "done" : "again";
  }

  #ended({ release, end, reason }: Ended): void {
    if (release !== undefined) {
      this.#selection.say(release.channel, null, end === "committed" ? "" : `${release.version}: ${reason}`);
    }
    this.#parts.onChange();
    this.#inventory.clean(this.#waiting);
  }

  async #leave({ element, directory }: Installed): Promise<void> {
    await this.#installation.untilLeft(element, directory);
    if (!this.#abort.signal.aborted) this.#reconcile();
  }

  #reconcile(): void {
    this.#inventory.reconcile(this.#parts.options.channels, this.#journal.run.release?.channel);
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

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
