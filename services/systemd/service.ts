/** The running service as systemd sees it: starting, ready, alive, stopping. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Config } from "../config/load.ts";
import type { Logger } from "../log/logger.ts";
import type { Status } from "../supervisor/status.ts";
import { ServiceManager } from "./notify.ts";
import { isReady, Progress, type ProgressFacts, statusLine } from "./progress.ts";

/** Until it is ready. Milliseconds. */
const START_LOOK_MS = 500;
/** Afterwards, and at most a quarter of systemd's patience: a message may be lost, and one look may be a bad one. */
const LOOK_MS = 5000;
/** Each word that it is still starting lasts so long, and is said again after a third of it. */
const START_PATIENCE_MS = 30_000;
/** A first start may compile the model for the GPU; after this systemd decides. */
const LONGEST_START_MS = 20 * 60_000;

export interface ServiceParts {
  readonly config: Pick<Config, "cameras" | "pipeline">;
  readonly log: Logger;
  status(): Status;
  /** What the updater does: see ProgressFacts. */
  update(): ProgressFacts["update"];
}

export class Service {
  readonly #parts: ServiceParts;
  readonly #manager: ServiceManager;
  readonly #progress: Progress;
  readonly #loop = monitorEventLoopDelay({ resolution: 20 });
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #isReady = false;
  #saidStartingAt = Number.NEGATIVE_INFINITY;
  #line = "";
  #stuck: string | undefined;
  #stopped = false;

  constructor(parts: ServiceParts, manager: ServiceManager) {
    this.#parts = parts;
    this.#manager = manager;
    const { cameras, pipeline } = parts.config;
    const stallMs = (id: string) => cameras.find((camera) => camera.id === id)?.stallTimeout ?? pipeline.stallTimeout;
    this.#progress = new Progress({ stallMs });
    this.#loop.enable();
  }

  /** Undefined when systemd did not start this process. */
  static start(parts: ServiceParts): Service | undefined {
    if (!ServiceManager.listens()) return undefined;
    const service = new Service(parts, new ServiceManager(process.env, (message) => parts.log.warn(message)));
    service.#plan();
    return service;
  }

  /** Nothing is said after this but that it stops. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#loop.disable();
    await this.#manager.stopping();
  }

  /** The next look waits for the last one's words to be taken: they never pile up. */
  #plan(): void {
    const { watchdogMs } = this.#manager;
    const lookMs = this.#isReady ? Math.min(LOOK_MS, (watchdogMs ?? Number.POSITIVE_INFINITY) / 4) : START_LOOK_MS;
    this.#timer = setTimeout(() => void this.#look().finally(() => this.#stopped || this.#plan()), lookMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const status = this.#parts.status();
    if (!this.#isReady) return this.#lookAtStart(status);
    const stuck = this.#progress.stuck(this.#facts(status), performance.now());
    if (stuck === undefined && this.#manager.watchdogMs !== undefined) await this.#manager.alive();
    this.#tell(stuck);
    await this.#show(stuck === undefined ? statusLine(status) : `stuck: ${stuck}`);
  }

  async #lookAtStart(status: Status): Promise<void> {
    if (isReady(status)) {
      this.#isReady = true;
      this.#line = statusLine(status);
      this.#loop.reset();
      return this.#manager.ready(this.#line);
    }
    const now = performance.now();
    const mayExtend = now - this.#startedAt < LONGEST_START_MS;
    if (!mayExtend || now - this.#saidStartingAt < START_PATIENCE_MS / 3) return;
    this.#saidStartingAt = now;
    await this.#manager.stillStarting(START_PATIENCE_MS);
    await this.#show(`starting: ${statusLine(status)}`);
  }

  #facts(status: Status): ProgressFacts {
    const loopDelayMs = this.#loop.percentile(99) / 1e6;
    this.#loop.reset();
    return { cameras: status.cameras, outbox: status.broker.outbox, loopDelayMs, update: this.#parts.update() };
  }

  /** The journal is where somebody looks for the reason of a restart. */
  #tell(stuck: string | undefined): void {
    if (stuck !== undefined && this.#stuck === undefined) {
      this.#parts.log.error(`no progress: ${stuck}; systemd restarts the service unless that passes`);
    }
    if (stuck === undefined && this.#stuck !== undefined) this.#parts.log.info("progress again");
    this.#stuck = stuck;
  }

  async #show(line: string): Promise<void> {
    if (line === this.#line) return;
    this.#line = line;
    await this.#manager.status(line);
  }
}
