/** CPU and memory of a process, from /proc/PID/stat and /proc/PID/status. */
import { readFileSync } from "node:fs";

export interface Usage {
  /** Share of one core since the last look. */
  readonly cpu: number;
  readonly residentBytes: number;
}

/** Kernel clock ticks per second in /proc/PID/stat: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Look {
  readonly pid: number;
  readonly at: number;
  readonly ticks: number;
}

/** Remembers the last look, so that each look tells the use since then. */
export class UsageMeter {
  #last: Look | undefined;
  #usage: Usage = { cpu: 0, residentBytes: 0 };

  /** @param now milliseconds of any steady clock */
  look(pid: number | undefined, now: number): Usage {
    const stat = pid === undefined ? undefined : readStat(pid);
    if (pid === undefined || stat === undefined) {
      this.#last = undefined;
      this.#usage = { cpu: 0, residentBytes: 0 };
      return this.#usage;
    }
    const last = this.#last?.pid === pid ? this.#last : undefined;
    // Looks that follow closely would divide by nearly nothing.
    if (last !== undefined && now - last.at < 500) return this.#usage;
    const seconds = last === undefined ? 0 : (now - last.at) / 1000;
    const cpu = last === undefined ? 0 : (stat.ticks - last.ticks) / TICKS_PER_SECOND / seconds;
    this.#last = { pid, at: now, ticks: stat.ticks };
    this.#usage = { cpu, residentBytes: stat.residentBytes };
    return this.#usage;
  }
}

/** Start time in clock ticks since boot: with the pid, it names one process for ever. */
export function processStart(pid: number): number | undefined {
  return readStat(pid)?.startTicks;
}

function readStat(pid: number): { ticks: number; residentBytes: number; startTicks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything; the fields of interest come behind its last one.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state, utime, stime, startTicks] = [fields[0], fields[11], fields[12], fields[19]];
    if (state === "Z" || state === "X") return undefined;
    return {
      ticks: Number(utime) + Number(stime),
      residentBytes: residentBytes(pid),
      startTicks: Number(startTicks),
    };
  } catch {
    return undefined;
  }
}

/** In kibibytes there, whatever the page size of the machine is. */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
