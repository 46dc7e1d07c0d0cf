// Processor time of some threads of this process. A limit in it, and not in time on the wall, lets a good module wait for its
// turn on a busy machine; and a limit of the process as a whole would charge it for what all others do meanwhile.

import { readdirSync, readFileSync } from "node:fs";
import { threadTime } from "../../firmware/link/addon.ts";

/** Who has not had its time in so many times the limit is stuck, or the machine is beyond help. */
const PATIENCE = 10;
/** What V8 calls the threads of its platform, on which it compiles. They are there as long as the process. */
const V8_THREAD = "V8Worker";

export class CpuBudget {
  readonly #limitMs: number;
  readonly #before: ReadonlyMap<number, number>;
  readonly #began = performance.now();

  /** `threads`: as the kernel numbers them. */
  constructor(limitMs: number, threads: readonly number[]) {
    this.#limitMs = limitMs;
    this.#before = new Map(threads.map((thread) => [thread, threadTime(thread) ?? 0]));
  }

  /** Not above 0: it is used up, or was not had in so long that it never will be. */
  leftMs(): number {
    if (performance.now() - this.#began > this.#limitMs * PATIENCE) return 0;
    return Math.ceil(this.#limitMs - this.#usedMs);
  }

  /** Once there is nothing left: it never had its time. That is the machine's fault. */
  get isStarved(): boolean {
    return this.#usedMs < this.#limitMs;
  }

  /** What happened, for people, once there is nothing left. */
  get problem(): string {
    if (!this.isStarved) return `took more than ${this.#limitMs} ms`;
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    return `got only ${Math.round(this.#usedMs)} ms of processor time in ${seconds} s`;
  }

  get #usedMs(): number {
    let used = 0;
    for (const [thread, before] of this.#before) used += Math.max(0, (threadTime(thread) ?? before) - before);
    return used;
  }
}

/** The threads of V8's platform. */
export function v8Threads(): number[] {
  return readdirSync("/proc/self/task")
    .filter((thread) => nameOf(thread) === V8_THREAD)
    .map(Number);
}

function nameOf(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, "latin1").trim();
  } catch {
    // It has ended.
    return "";
  }
}
