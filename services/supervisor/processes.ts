/** The two child processes together: how they start and end, and what they leave behind. */
import type { Config } from "../config/load.ts";
import { messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { FromPipeline, PipelineSettings, ToPipeline } from "../pipeline/messages.ts";
import type { FromPostprocess, ToPostprocess } from "../postprocess/messages.ts";
import type { Surroundings } from "./camera-monitor.ts";
import { type ChildModules, pipelineSpec, postprocessSpec } from "./children.ts";
import { Leftovers } from "./leftovers.ts";
import { type FatalReason, ManagedProcess, type ProcessState } from "./managed-process.ts";
import { type RouterHandlers, routeRecords } from "./payload-router.ts";
import { ProcessViews } from "./process-views.ts";
import type { ProcessView } from "./status.ts";
import type { Rung } from "./stop-ladder.ts";

/** Video does not wait longer than this for the postprocess process, milliseconds. */
const HOST_WAIT_MS = 10_000;

export type ProcessName = "pipeline" | "postprocess";

export interface ProcessesOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly modules: ChildModules;
  /** Of this process, milliseconds since 1970. */
  readonly startedAt: number;
  /** Where elements reach the postprocess process. */
  readonly hostSocket: string;
  /** Takes what the pipeline writes to its pipes. */
  readonly intake: RouterHandlers;
  /** Asked for at every start. */
  settings(): PipelineSettings;
  /** Asked for at every start. */
  assignment(): ToPostprocess;
  onPipeline(message: FromPipeline): void;
  onPostprocess(message: FromPostprocess): void;
  onState(name: ProcessName, state: ProcessState, reason: string): void;
  /** It is not started again. */
  onFailed(name: ProcessName, reason: string, fatal: FatalReason | undefined): void;
}

export class Processes {
  readonly pipeline: ManagedProcess<ToPipeline, FromPipeline>;
  readonly postprocess: ManagedProcess<ToPostprocess, FromPostprocess>;
  readonly #options: ProcessesOptions;
  readonly #views: ProcessViews;
  readonly #leftovers: Leftovers;
  /** The postprocess process has been ready once, or is not to be waited for: then the first batch finds its model loaded. */
  readonly #hostReady = Promise.withResolvers<void>();
  /** The runtime directory is ours. Before that, the list of children in it is another Nightjar's. */
  #ownsDirectory = false;

  constructor(options: ProcessesOptions) {
    this.#options = options;
    this.#leftovers = new Leftovers(options.config.directories.runtime);
    this.postprocess = this.#createPostprocess();
    this.pipeline = this.#createPipeline();
    this.#views = new ProcessViews(options.startedAt, [this.pipeline, this.postprocess]);
  }

  /** Once the runtime directory is ours: ends what an earlier run left behind. @returns the ids of these processes */
  takeOver(): number[] {
    this.#ownsDirectory = true;
    return this.#leftovers.end();
  }

  start(): void {
    this.postprocess.start();
    this.pipeline.start();
    setTimeout(() => this.#hostReady.resolve(), HOST_WAIT_MS).unref();
  }

  /** In the order of the frames' way. @returns what it took to end each */
  async stop(): Promise<Record<ProcessName, Rung>> {
    const rungs = { pipeline: await this.pipeline.stop(), postprocess: await this.postprocess.stop() };
    this.#note();
    return rungs;
  }

  /** At once. */
  kill(): void {
    this.pipeline.kill();
    this.postprocess.kill();
  }

  look(): ProcessView[] {
    return this.#views.look();
  }

  get surroundings(): Surroundings {
    return {
      pipelineUp: this.pipeline.state === "running",
      pipelineFailed: this.pipeline.state === "failed",
      postprocessUp: this.postprocess.state === "running",
    };
  }

  /** Which does not run; undefined when both do. */
  get notRunning(): string | undefined {
    if (this.pipeline.state !== "running") return `the pipeline process is ${this.pipeline.state}`;
    if (this.postprocess.state !== "running") return `the postprocess process is ${this.postprocess.state}`;
    return undefined;
  }

  #createPipeline(): ManagedProcess<ToPipeline, FromPipeline> {
    const { config, modules, log, intake, settings, onPipeline, onFailed } = this.#options;
    const spec = pipelineSpec(config, modules, async () => {
      await this.#hostReady.promise;
      return { type: "start", settings: settings() };
    });
    return new ManagedProcess<ToPipeline, FromPipeline>(
      spec,
      {
        onMessage: onPipeline,
        onPipes: (pipes) => routeRecords(pipes, intake),
        onState: (state, reason) => this.#changed("pipeline", state, reason),
        onFailed: (reason, fatal) => onFailed("pipeline", reason, fatal),
      },
      log,
    );
  }

  #createPostprocess(): ManagedProcess<ToPostprocess, FromPostprocess> {
    const { config, modules, log, hostSocket, assignment, onPostprocess, onFailed } = this.#options;
    return new ManagedProcess<ToPostprocess, FromPostprocess>(
      postprocessSpec(config, modules, hostSocket, assignment),
      {
        onMessage: (message) => {
          if (message.type === "ready") this.#hostReady.resolve();
          onPostprocess(message);
        },
        onPipes: () => {},
        onState: (state, reason) => this.#changed("postprocess", state, reason),
        onFailed: (reason, fatal) => onFailed("postprocess", reason, fatal),
      },
      log,
    );
  }

  #changed(name: ProcessName, state: ProcessState, reason: string): void {
    // Its id is known only afterwards.
    if (state === "starting") setImmediate(() => this.#note());
    this.#options.onState(name, state, reason);
  }

  #note(): void {
    if (!this.#ownsDirectory) return;
    const pids = [this.pipeline.pid, this.postprocess.pid].filter((pid) => pid !== undefined);
    try {
      this.#leftovers.note(pids);
    } catch (error) {
      this.#options.log.warn(`the list of children is not kept: ${messageOf(error)}`);
    }
  }
}
