// Compiles modules in a thread of its own, within a time limit. The thread is kept for the next module for a while; one that
// ran over its time is ended, and another one starts when it is needed.

import { Worker } from "node:worker_threads";
import type { CompileAnswer, CompileRequest } from "./compile_worker.ts";

/** The compiler did not come to an end within its time. */
export class CompileTimeout extends Error {
  override readonly name = "CompileTimeout";
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

/** A compiler that has not had its time in so many times the limit is stuck, or the machine is beyond help. */
const PATIENCE = 10;

/**
 * Time of this process, and not of the wall: on a busy machine a good module may have to wait for its turn. The compiler
 * works in several threads of V8, so no single one tells.
 */
class CpuBudget {
  readonly #limitMs: number;
  readonly #cpu = process.cpuUsage();
  readonly #began = performance.now();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Not above 0: it is used up. */
  leftMs(): number {
    if (performance.now() - this.#began > this.#limitMs * PATIENCE) return 0;
    const { user, system } = process.cpuUsage(this.#cpu);
    return Math.ceil(this.#limitMs - (user + system) / 1000);
  }
}

class Compiler {
  #worker: Worker | undefined;
  #online: Promise<void> = Promise.resolve();
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
    await this.#online;
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const budget = new CpuBudget(limitMs);
      const look = () => {
        const left = budget.leftMs();
        const pending = this.#pending.get(id);
        if (left <= 0) this.#overrun(id, worker, limitMs);
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
      worker.once("message", () => {
        clearTimeout(timer);
        resolve();
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

  #overrun(id: number, worker: Worker, limitMs: number): void {
    const pending = this.#take(id);
    if (this.#worker === worker) this.#worker = undefined;
    void worker.terminate();
    pending?.reject(new CompileTimeout(`took more than ${limitMs} ms to compile`));
  }

  #answer(answer: CompileAnswer): void {
    if (answer === "ready") return;
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
