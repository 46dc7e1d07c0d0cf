/** A child process that is kept running: started, watched, restarted with back-off, stopped. */
import { type ChildProcess, fork } from "node:child_process";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log/logger.ts";
import { type ChildEnd, childEnd, describeEnd } from "./child-end.ts";
import { forEachLine } from "./lines.ts";
import { decideRestart, type RestartPolicy } from "./restart-policy.ts";
import { type Rung, stopChild } from "./stop-ladder.ts";

export type ProcessState = "stopped" | "starting" | "running" | "waiting" | "stopping" | "failed";

/** Why a child says that it ends by itself (its `fatal` message). */
export interface FatalReason {
  readonly fault: "input" | "environment" | "internal";
  readonly message: string;
  /** Another start ends in the same way, also when this one got ready. */
  readonly lasting?: boolean;
}

/** What is started, and how it is spoken to. */
export interface ProcessSpec<Incoming> {
  readonly name: string;
  readonly module: string;
  readonly args: readonly string[];
  /** Flags of Node itself. */
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Pipes from the child to us, on its file descriptors 4, 5, … */
  readonly pipes: number;
  readonly startTimeoutMs: number;
  readonly hangTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly restart: RestartPolicy;
  /** The first message to every new child; undefined when it needs none. */
  greeting(): Promise<object | undefined>;
  /** The message that asks it to end. */
  readonly farewell: object;
  /** Reads a message: does it mean ready, or fatal? */
  meaning(message: Incoming): { readonly ready?: boolean; readonly fatal?: FatalReason };
}

export interface ProcessHandlers<Incoming> {
  onMessage(message: Incoming): void;
  /** The child's pipes, in the order of its file descriptors from 4 on. */
  onPipes(pipes: readonly Readable[]): void;
  onState(state: ProcessState, reason: string): void;
  /** The process has been given up; nothing is tried again. The one who hears it says so, for it knows what else was said. */
  onFailed(reason: string, fatal: FatalReason | undefined): void;
}

/** What one run of the child looked like. */
interface Run {
  readonly child: ChildProcess;
  readonly startedAt: number;
  beats: number;
  /** It has been told what to do: what is sent earlier would reach a child that knows nothing yet. */
  greeted: boolean;
  ready: boolean;
  fatal: FatalReason | undefined;
  /** Last line on standard error: often the only word about a crash. */
  lastWords: string;
}

export class ManagedProcess<Outgoing extends object, Incoming extends object> {
  readonly spec: ProcessSpec<Incoming>;
  readonly #handlers: ProcessHandlers<Incoming>;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  #state: ProcessState = "stopped";
  #reason = "";
  #run: Run | undefined;
  #attempts = 0;
  #restarts = 0;
  #loop: Promise<void> | undefined;
  #stopRung: Rung = "gone";

  constructor(spec: ProcessSpec<Incoming>, handlers: ProcessHandlers<Incoming>, log: Logger) {
    this.spec = spec;
    this.#handlers = handlers;
    this.#log = log.child({ process: spec.name });
  }

  get state(): ProcessState {
    return this.#state;
  }
  get reason(): string {
    return this.#reason;
  }
  get pid(): number | undefined {
    return this.#run?.child.pid;
  }
  get startedAt(): number | undefined {
    return this.#run?.startedAt;
  }
  /** Restarts since the supervisor started. */
  get restarts(): number {
    return this.#restarts;
  }

  start(): void {
    this.#loop ??= this.#keepRunning();
  }

  /** False when there is no child to hear it, or not yet: its greeting will have the current state. */
  send(message: Outgoing): boolean {
    const run = this.#run;
    if (run?.greeted !== true || !run.child.connected) return false;
    // A child that dies now closes the channel; its end is noticed elsewhere. (What the call returns is back-pressure only.)
    run.child.send(message, () => {});
    return true;
  }

  /** Ends the child for good. @returns the rung of the ladder that ended it. */
  async stop(): Promise<Rung> {
    this.#abort.abort();
    const run = this.#run;
    if (run !== undefined) {
      this.#enter("stopping", "asked to end");
      const limits = { askMs: this.spec.stopTimeoutMs, terminateMs: Math.min(2000, this.spec.stopTimeoutMs) };
      this.#stopRung = await stopChild(run.child, () => tell(run.child, this.spec.farewell), limits);
    }
    await this.#loop;
    if (this.#state !== "failed") this.#enter("stopped", "");
    return this.#stopRung;
  }

  /** Ends the child at once; the policy starts another. */
  restart(): void {
    this.#run?.child.kill("SIGKILL");
  }

  /** Ends the child for good, at once and without asking; for a second Ctrl-C. */
  kill(): void {
    this.#abort.abort();
    this.#run?.child.kill("SIGKILL");
  }

  async #keepRunning(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const run = this.#spawn();
      this.#run = run;
      const end = await childEnd(run.child, { isReady: () => run.ready, beats: () => run.beats }, this.spec);
      this.#run = undefined;
      if (this.#abort.signal.aborted) return;
      if (!(await this.#afterEnd(run, end))) return;
    }
  }

  /** @returns whether to start it again. */
  async #afterEnd(run: Run, end: ChildEnd): Promise<boolean> {
    const reason = run.fatal?.message ?? withLastWords(describeEnd(end), run.lastWords);
    const decision = decideRestart(this.spec.restart, this.#attempts, Date.now() - run.startedAt);
    if (isHopeless(run)) {
      this.#giveUp(reason, run.fatal);
      return false;
    }
    if (decision.action === "give-up") {
      this.#giveUp(`${reason}; given up after ${decision.attempts} restarts in a row`, run.fatal);
      return false;
    }
    this.#attempts = decision.attempt;
    this.#restarts += 1;
    this.#log.warn(
      { attempt: decision.attempt, waitMs: decision.waitMs },
      `${this.spec.name} ${reason}; starting it again`,
    );
    this.#enter("waiting", reason);
    await sleep(decision.waitMs, undefined, { signal: this.#abort.signal }).catch(() => {});
    return !this.#abort.signal.aborted;
  }

  #giveUp(reason: string, fatal: FatalReason | undefined): void {
    this.#enter("failed", reason);
    this.#handlers.onFailed(reason, fatal);
  }

  #spawn(): Run {
    const { spec } = this;
    this.#enter("starting", this.#reason);
    const child = fork(spec.module, spec.args, {
      execArgv: [...spec.execArgv],
      env: spec.env,
      stdio: ["ignore", "pipe", "pipe", "ipc", ...Array<"pipe">(spec.pipes).fill("pipe")],
    });
    const run: Run = {
      child,
      startedAt: Date.now(),
      beats: 0,
      greeted: false,
      ready: false,
      fatal: undefined,
      lastWords: "",
    };
    child.on("message", (message) => this.#hear(run, message as Incoming));
    // A lost channel shows as the child's end; an error event without listener would end us.
    child.on("error", (error) => this.#log.debug({ err: error }, `channel to ${spec.name}`));
    this.#listen(run);
    if (child.pid !== undefined) {
      this.#log.debug({ pid: child.pid }, `${spec.name} started`);
      void this.#greet(run);
    }
    return run;
  }

  async #greet(run: Run): Promise<void> {
    const { child } = run;
    try {
      const greeting = await this.spec.greeting();
      // It may be gone by now; then the next one is greeted.
      if (greeting !== undefined && child.connected) child.send(greeting, () => {});
      run.greeted = true;
    } catch (error) {
      this.#log.error({ err: error }, `${this.spec.name} cannot be told what to do`);
      child.kill("SIGKILL");
    }
  }

  #listen(run: Run): void {
    const { child } = run;
    if (child.stdout !== null) forEachLine(child.stdout, (line) => this.#log.debug(line));
    if (child.stderr !== null) {
      forEachLine(child.stderr, (line) => {
        run.lastWords = line;
        this.#log.warn(line);
      });
    }
    const pipes = child.stdio.slice(4).filter((stream) => stream !== null && stream !== undefined) as Readable[];
    for (const pipe of pipes) pipe.on("error", (error) => this.#log.debug({ err: error }, `pipe of ${this.spec.name}`));
    this.#handlers.onPipes(pipes);
  }

  #hear(run: Run, message: Incoming): void {
    run.beats += 1;
    const { ready, fatal } = this.spec.meaning(message);
    if (fatal !== undefined) run.fatal = fatal;
    if (ready === true && !run.ready) {
      run.ready = true;
      this.#log.info({ pid: run.child.pid, afterMs: Date.now() - run.startedAt }, `${this.spec.name} is ready`);
      this.#enter("running", "");
    }
    this.#handlers.onMessage(message);
  }

  #enter(state: ProcessState, reason: string): void {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#handlers.onState(state, reason);
  }
}

/** A child that cannot work because of what it was given: trying again gives the same answer. */
function isHopeless({ ready, fatal }: Run): boolean {
  return fatal !== undefined && fatal.fault !== "internal" && (!ready || fatal.lasting === true);
}

function withLastWords(reason: string, lastWords: string): string {
  return lastWords === "" ? reason : `${reason} (its last words: ${lastWords})`;
}

function tell(child: ChildProcess, message: object): void {
  if (!child.connected) throw new Error("the channel is closed");
  child.send(message, () => {});
}
