// Compiles modules in a thread of its own, within a time limit. The thread is kept for the next module for a while; one that
// ran over its time is ended, and another one starts when it is needed.

import { Worker } from "node:worker_threads";
import type { CompileAnswer, CompileReady, CompileRequest } from "./compile_worker.ts";
import { CpuBudget, v8Threads } from "./cpu_budget.ts";

/** The compiler did not come to an end within its time. */
export class CompileTimeout extends Error {
  override readonly name = "CompileTimeout";
  /** The machine was too busy for it: it may come to an end another time. */
  readonly isStarved: boolean;

  constructor(message: string, isStarved: boolean) {
    super(message);
    this.isStarved = isStarved;
  }
}

/** So long the thread itself may take to start; the module's time begins after that. */
const SPAWN_MS = 60_000;

/** After its last module, a thread is ended; ms. */
const IDLE_MS = 5000;

interface Pending {
  resolve: (module: WebAssembly.Module) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

class Compiler {
  #worker: Worker | undefined;
  /** Its thread, as the kernel numbers it. */
  #online: Promise<number> = Promise.resolve(0);
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();
  /** Modules that wait for it, or are in it. */
  #users = 0;
  #idle: NodeJS.Timeout | undefined;
  /** One module after the other: the time of one does not count for another. */
  #queue: Promise<unknown> = Promise.resolve();

  compile(binary: Uint8Array<ArrayBuffer>, limitMs: number): Promise<WebAssembly.Module> {
    this.#users++;
    const result = this.#queue.then(() => this.#compile(binary, limitMs));
    this.#queue = result.catch(() => {}).then(() => this.#users--);
    return result;
  }

  /** Starts the thread before it is needed. */
  warm(): void {
    this.#start();
  }

  async #compile(binary: Uint8Array<ArrayBuffer>, limitMs: number): Promise<WebAssembly.Module> {
    const worker = this.#start();
    const thread = await this.#online;
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const budget = new CpuBudget(limitMs, [thread, ...v8Threads()]);
      const look = () => {
        const left = budget.leftMs();
        const pending = this.#pending.get(id);
        if (left <= 0) this.#overrun(id, worker, budget);
        else if (pending) pending.timer = setTimeout(look, left);
      };
      this.#pending.set(id, { resolve, reject, timer: setTimeout(look, limitMs) });
      worker.postMessage({ id, binary } satisfies CompileRequest);
    });
  }

  /** It holds 10 MB, and takes 40 ms to start: less than a bundle takes to be read and its module to begin. */
  #endWhenIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (this.#users > 0) return this.#endWhenIdle();
      void this.#worker?.terminate();
      this.#worker = undefined;
    }, IDLE_MS).unref();
  }

  #start(): Worker {
    this.#endWhenIdle();
    if (this.#worker) return this.#worker;
    const worker = new Worker(new URL("./compile_worker.ts", import.meta.url));
    worker.unref();
    this.#online = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the compiler's thread did not start in 60 s")), SPAWN_MS);
      // "ready", from its own code: starting Node's part of the thread is not the module's fault.
      worker.once("message", ({ thread }: CompileReady) => {
        clearTimeout(timer);
        resolve(thread);
      });
    });
    // Whoever compiles hears of it; nobody may compile yet.
    this.#online.catch(() => {
      if (this.#worker === worker) this.#worker = undefined;
      void worker.terminate();
    });
    worker.on("message", (answer: CompileAnswer) => this.#answer(answer));
    worker.on("error", (error) => this.#lost(worker, error as Error));
    worker.on("exit", () => this.#lost(worker, new Error("the compiler's thread ended")));
    this.#worker = worker;
    return worker;
  }

  #overrun(id: number, worker: Worker, budget: CpuBudget): void {
    const pending = this.#take(id);
    if (this.#worker === worker) this.#worker = undefined;
    void worker.terminate();
    pending?.reject(new CompileTimeout(`${budget.problem} to compile`, budget.isStarved));
  }

  #answer(answer: CompileAnswer): void {
    if ("thread" in answer) return;
    const pending = this.#take(answer.id);
    if ("module" in answer) pending?.resolve(answer.module);
    else pending?.reject(new Error(answer.error));
  }

  #lost(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }
}

const compiler = new Compiler();

/**
 * The compiled module. Throws CompileTimeout after `limitMs`, or what the compiler says about the binary.
 */
export function compileBinary(binary: Uint8Array<ArrayBuffer>, limitMs: number): Promise<WebAssembly.Module> {
  return compiler.compile(binary, limitMs);
}

/** Has the compiler's thread ready for the first module. */
export function warmCompiler(): void {
  compiler.warm();
}
