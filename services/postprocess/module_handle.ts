// Main thread's side of one module worker: starts it within its time, hands it a link, ends it.

import type { Worker } from "node:worker_threads";
import type { Parameters } from "./bundle_schema.ts";
import type { GuestErrorCode, GuestSetup } from "./guest_memory.ts";
import type { ModuleCode } from "./module_file.ts";
import { takeThread } from "./module_threads.ts";
import type { FromModuleWorker, ModuleStart, ToModuleWorker } from "./module_worker.ts";
import { Overrun } from "./overrun.ts";
import { NO_SLOT, SAVING, WorkerControl } from "./worker_control.ts";

/** What every instance of one module is started with. */
export interface ModuleRecipe {
  code: ModuleCode;
  setup: GuestSetup;
  samples: SharedArrayBuffer;
  startMs: number;
  batchMs: number;
  logLines: number;
  log: (level: number, text: string) => void;
}

export class ModuleFailure extends Error {
  override readonly name = "ModuleFailure";
  readonly code: GuestErrorCode;

  constructor(code: GuestErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * For the thread itself to come up; the module's own time begins after that. Commonly 30 ms. But where Node's cache of
 * compiled sources has the main thread's files and not the worker's, the worker compiles Node's reader of TypeScript under
 * v8_limits.ts first: 4 s of processor time, far more on a small or busy machine.
 */
const SPAWN_MS = 60_000;
/** How often a start is looked at; once it serves, the watchdog does. */
const WATCH_MS = 10;

export class ModuleHandle {
  readonly control = new WorkerControl();
  /** Settles once: ready, or a ModuleFailure. */
  readonly ready: Promise<void>;
  /** Called once, when the worker fails after it was ready. Not after end(). */
  onFailure: (failure: ModuleFailure) => void = () => {};
  /** Takes slots (false while it only stands by). */
  serving = false;
  /** Called once it takes slots; `restored` as in the message. */
  onServing: (restored: boolean | undefined) => void = () => {};
  readonly #recipe: ModuleRecipe;
  readonly #overrun = new Overrun(this.control);
  readonly #worker: Worker;
  #ended = false;
  #onState: (state: Uint8Array | undefined) => void = () => {};

  constructor(recipe: ModuleRecipe, parameters: Parameters) {
    this.#recipe = recipe;
    const data: ModuleStart = {
      type: "start",
      code: recipe.code,
      setup: recipe.setup,
      parameters,
      control: this.control.shared,
      samples: recipe.samples,
      logLines: recipe.logLines,
    };
    this.#worker = takeThread();
    this.ready = this.#start();
    this.#tell(data);
    this.ready.catch(() => {});
  }

  /** Takes slots of the link from now on, and goes on from `state` when there is one. */
  serve(fd: number, bytes: number, firstObjectId: bigint, state?: Uint8Array): void {
    this.serving = true;
    this.#tell({ type: "serve", fd, bytes, firstObjectId, state });
  }

  /** Before the next slot. */
  configure(parameters: Parameters): void {
    this.#tell({ type: "configure", parameters });
  }

  /** ms until what it does has taken its time; undefined while it does nothing. */
  dueIn(): number | undefined {
    const { startMs, batchMs } = this.#recipe;
    return this.#overrun.dueIn(this.control.busy?.slot === NO_SLOT ? startMs : batchMs);
  }

  /** What it has done for too long; undefined as long as all is well. To be called every few milliseconds. */
  overdue(): string | undefined {
    const { startMs, batchMs } = this.#recipe;
    const starting = this.control.busy?.slot === NO_SLOT;
    if (!this.#overrun.check(starting ? startMs : batchMs)) return undefined;
    if (this.control.busy?.slot === SAVING) return `the module took more than ${batchMs} ms to save its state`;
    return starting
      ? `the module did not start within ${startMs} ms (limits.start-ms) and was ended`
      : `the module ran for more than ${batchMs} ms on one batch (limits.batch-ms) and was ended`;
  }

  /** Lets it finish its slot, then ends it. `wake` rings its bell. */
  async stop(wake: () => void, graceMs: number): Promise<void> {
    this.#ended = true;
    this.control.stop();
    wake();
    const exited = new Promise((resolve) => this.#worker.once("exit", resolve));
    if (this.serving) await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, graceMs).unref())]);
    await this.#worker.terminate();
  }

  /**
   * Lets it finish its slot and hand its state over, then ends it: `end()` waits for that, the next one need not. Undefined
   * when it keeps none, or does not give it within `graceMs`: then it has ended when this resolves.
   */
  async takeState(wake: () => void, graceMs: number): Promise<Uint8Array | undefined> {
    this.#ended = true;
    const given = new Promise<Uint8Array | undefined>((resolve) => {
      this.#onState = resolve;
      this.#worker.once("exit", () => resolve(undefined));
      setTimeout(() => resolve(undefined), graceMs).unref();
    });
    this.control.stop(true);
    wake();
    const state = await given;
    const ended = this.#worker.terminate();
    // With its state it gave up its slots; without, it may still be in one.
    if (!state) await ended;
    return state;
  }

  /** Ends it now, wherever it is. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }

  #start(): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer = setTimeout(() => fail("module", "its thread did not start in 60 s"), SPAWN_MS);
      const fail = (code: GuestErrorCode, message: string) => {
        clearInterval(timer);
        const failure = new ModuleFailure(code, message);
        reject(failure);
        if (this.#ended) return;
        this.onFailure(failure);
        void this.end();
      };
      const watchStart = () => {
        const reason = this.overdue();
        if (reason !== undefined) fail("limits", reason);
      };
      this.#worker.on("message", (message: FromModuleWorker) => {
        if (message.type === "log") this.#recipe.log(message.level, message.text);
        else if (message.type === "failed") fail(message.code, message.message);
        else if (message.type === "serving") this.onServing(message.restored);
        else if (message.type === "state") this.#onState(message.state);
        else {
          clearInterval(timer);
          if (message.type === "starting") timer = setInterval(watchStart, WATCH_MS);
          else if (message.type === "ready") resolve();
        }
      });
      this.#worker.on("error", (error) => fail("module", `its thread failed: ${String(error)}`));
      this.#worker.on("exit", () => fail("module", "its thread ended"));
    });
  }

  #tell(message: ToModuleWorker): void {
    this.#worker.postMessage(message);
  }
}
