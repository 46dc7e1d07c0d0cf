// Bundles of one connection: what serves, the candidate that may come next, and what was there before. Each step of the
// transaction is one call; who decides which comes next is not here (services/supervisor/deployments.ts).
//
//   prepare ──► candidate ──[shadow]──► activate ──► serves; the one before is parked, warm
//                   └──► discard                       ├── settle: the one before is closed
//                                                      └── another prepare + activate: back to the one before

import { Deployment, type DeploymentRequest } from "./deployment.ts";
import { checkGolden, type GoldenReport } from "./golden.ts";
import type { Allowance } from "./limits.ts";
import { type AnswerLimits, type SwitchLink, switchDeployment } from "./link_switch.ts";
import type { PairEvents } from "./module_pair.ts";
import { Refusal } from "./refusal.ts";
import { type ShadowOptions, type ShadowReport, ShadowRun } from "./shadow.ts";

/** What the element asked for, once. */
export interface ElementRequest extends Pick<DeploymentRequest, "kind" | "batch" | "slots"> {
  /** What the element itself lays over a bundle's parameters, whichever that is. */
  parameters: Readonly<Record<string, unknown>>;
}

export interface SwapOptions {
  threads: number;
  allowance: Allowance;
  /** What happens to the module of a deployment; `serves` says whether it is the one that serves the element. */
  eventsOf(serves: () => boolean): PairEvents;
  link: SwitchLink;
  /** Of elements that do not answer; default ANSWER_LIMITS. */
  answerLimits?: AnswerLimits;
  log(level: "warn" | "error", message: string): void;
}

export interface PrepareReport {
  bundle: { name: string; version: string; digest: string; directory: string };
  /** The engine that runs is kept: the model and its input are the same. */
  sharesEngine: boolean;
  golden: GoldenReport;
  ms: number;
}

export interface ActivateReport {
  /** From the offer until the new one served everything. */
  ms: number;
  /** Whether the state was taken over; null when there was none to take. */
  restored: boolean | null;
  /** That the bundle before gave back without a result while it served. */
  framesWithoutObjects: number;
}

export class Swap {
  #element: ElementRequest;
  readonly #options: SwapOptions;
  #current: Deployment;
  #candidate: Deployment | undefined;
  #parked: Deployment | undefined;
  #shadow: ShadowRun | undefined;
  /** Batches of the element may be in it. */
  #switchingTo: Deployment | undefined;
  #closed = false;
  /** One step after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(current: Deployment, element: ElementRequest, options: SwapOptions) {
    this.#current = current;
    this.#element = element;
    this.#options = options;
    this.#watchEngine(current);
  }

  get current(): Deployment {
    return this.#current;
  }

  /** What the watchdog is to look at. */
  check(): void {
    for (const deployment of [this.#current, this.#candidate, this.#parked]) deployment?.check();
  }

  /** Changes parameters of what serves, and of what may come next. Throws Refusal when they are wrong for what serves. */
  configure(changes: Record<string, unknown>): void {
    this.#current.configure(changes);
    this.#element = { ...this.#element, parameters: { ...this.#element.parameters, ...changes } };
    try {
      this.#candidate?.configure(changes);
    } catch (error) {
      // Its own parameters are not these: nothing to say before it serves.
      if (!(error instanceof Refusal)) throw error;
    }
  }

  /**
   * Loads a bundle beside the running one and checks its golden cases. `parameters`: over the bundle's and the element's.
   */
  prepare(directory: string, parameters?: Record<string, unknown>): Promise<PrepareReport> {
    return this.#step(async () => {
      await this.#discard();
      const began = performance.now();
      const request: DeploymentRequest = {
        kind: this.#element.kind,
        batch: this.#element.batch,
        slots: this.#element.slots,
        bundle: directory,
        parameters: { ...this.#element.parameters, ...parameters },
        generation: this.#current.layout.generation + 1,
        threads: this.#options.threads,
        allowance: this.#options.allowance,
      };
      let candidate: Deployment | undefined;
      const events = this.#options.eventsOf(() => candidate !== undefined && candidate === this.#current);
      candidate = await Deployment.open(request, events, this.#engineSource(directory));
      this.#watchEngine(candidate);
      try {
        const golden = await checkGolden(candidate);
        this.#candidate = candidate;
        return this.#prepared(candidate, golden, performance.now() - began);
      } catch (error) {
        await candidate.close();
        throw error;
      }
    });
  }

  /**
   * Runs the candidate on live batches until endShadow(). Or, `before`, what served before, until another step: its
   * agreement is in `agreement`. A tracker that gave its state away is not compared.
   */
  beginShadow(options: ShadowOptions, against: "candidate" | "before" = "candidate"): Promise<void> {
    return this.#step(async () => {
      await this.#endShadow();
      const other = against === "candidate" ? this.#expectCandidate() : this.#parked;
      if (!other || (against === "before" && other.bundle.kind === "analyze")) return;
      if (against === "candidate") {
        if (other.hasEngine && !other.sharesEngine(this.#current)) other.serveEngine();
        await other.beginTrial();
      }
      this.#shadow = new ShadowRun(this.#current, other, options);
      await this.#shadow.watching;
    });
  }

  /** Of the shadow run that is on, so far; undefined: none, or nothing was compared yet. */
  get agreement(): number | undefined {
    return this.#shadow?.agreement;
  }

  endShadow(): Promise<ShadowReport> {
    return this.#step(async () => {
      const report = await this.#finishShadow();
      if (!report) throw new Refusal("bundle", "shadow", "no shadow run is on");
      return report;
    });
  }

  /** The candidate serves from the next batch on. Throws Declined, and then nothing has changed. */
  activate(): Promise<ActivateReport> {
    return this.#step(async () => {
      await this.#endShadow();
      const next = this.#expectCandidate();
      const previous = this.#current;
      const { link, answerLimits } = this.#options;
      this.#switchingTo = next;
      try {
        const { switchMs, restored } = await switchDeployment(previous, next, link, answerLimits);
        this.#current = next;
        this.#candidate = undefined;
        const parked = this.#parked;
        this.#parked = previous;
        await parked?.close();
        return { ms: switchMs, restored: restored ?? null, framesWithoutObjects: previous.failedFrames };
      } finally {
        this.#switchingTo = undefined;
      }
    });
  }

  discard(): Promise<void> {
    return this.#step(() => this.#discard());
  }

  /** What was there before is not gone back to any more. */
  settle(): Promise<void> {
    return this.#step(async () => {
      await this.#endShadow();
      const parked = this.#parked;
      this.#parked = undefined;
      await parked?.close();
    });
  }

  /** Waits for the batches that are being worked on. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#work.catch(() => {});
    await this.#endShadow();
    const all = [this.#candidate, this.#parked, this.#current];
    // One that cannot be closed keeps its own, and not what the others have.
    const results = await Promise.allSettled(all.map((deployment) => deployment?.close()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** Whose engine may be shared: of the parked one when the way goes back to it, else of the running one. */
  #engineSource(directory: string): Deployment {
    return this.#parked?.bundle.directory === directory ? this.#parked : this.#current;
  }

  #prepared(candidate: Deployment, golden: GoldenReport, ms: number): PrepareReport {
    const { name, version, digest, directory } = candidate.bundle;
    const sharesEngine = candidate.sharesEngine(this.#current);
    return { bundle: { name, version, digest, directory }, sharesEngine, golden, ms };
  }

  #expectCandidate(): Deployment {
    const candidate = this.#candidate;
    if (!candidate) throw new Refusal("bundle", "bundle", "no bundle has been prepared for this element");
    if (candidate.engineLost) throw new Refusal("model", "model.file", candidate.engineLost);
    return candidate;
  }

  /** The element has to begin anew when the engine that it depends on is gone; a candidate's is that candidate's end. */
  #watchEngine(deployment: Deployment): void {
    deployment.onEngineExit = (reason) => {
      const isNeeded = [this.#current, this.#switchingTo].some((served) => served && sharesAll(served, deployment));
      if (isNeeded) this.#options.link.abandon(reason);
      else this.#options.log("error", `${deployment.bundle.name} ${deployment.bundle.version}: ${reason}`);
    };
  }

  /** Ends the shadow run that is on; what came of it does not matter any more. Never throws. */
  async #endShadow(): Promise<void> {
    await this.#finishShadow().catch((error: Error) => this.#options.log("warn", `shadow run: ${error.message}`));
  }

  async #finishShadow(): Promise<ShadowReport | undefined> {
    const shadow = this.#shadow;
    this.#shadow = undefined;
    if (!shadow) return undefined;
    try {
      return await shadow.end();
    } finally {
      // A tracker begins its service afresh; the others go on as they are.
      await this.#candidate?.endTrial();
    }
  }

  async #discard(): Promise<void> {
    await this.#endShadow();
    const candidate = this.#candidate;
    this.#candidate = undefined;
    await candidate?.close();
  }

  #step<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(() => {
      if (this.#closed) throw new Refusal("bundle", "element", "the element has gone");
      return work();
    });
    this.#work = result.catch(() => {});
    return result;
  }
}

function sharesAll(served: Deployment, other: Deployment): boolean {
  return served === other || served.sharesEngine(other);
}
