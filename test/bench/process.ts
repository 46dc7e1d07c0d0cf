// Running a whole command and reading what it cost: shared by the benchmarks.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

export interface Cost {
  /** Seconds on the clock. */
  wall: number;
  /** Seconds of user and system time of the command and of all its descendants that it waited for. */
  cpu: number;
  stdout: string;
}

/** Runs a shell command to its end; throws with its output when it fails. */
export function cost(command: string, env: Record<string, string> = {}): Promise<Cost> {
  const script = `TIMEFORMAT='nj-cost %R %U %S'; time { ${command} ; }`;
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", script], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    child.on("error", reject);
    child.on("exit", (code) => {
      const times = /nj-cost ([\d.]+) ([\d.]+) ([\d.]+)/.exec(stderr);
      if (code !== 0 || !times) reject(new Error(`${command}\nexit code ${code}\n${stderr.slice(-2000)}`));
      else resolve({ wall: Number(times[1]), cpu: Number(times[2]) + Number(times[3]), stdout });
    });
  });
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** What `count` more frames cost: the difference of a long and a short run, so that starting up does not count. */
export async function difference(
  command: (frames: number) => string,
  short: number,
  long: number,
  env: Record<string, string> = {},
): Promise<Cost> {
  const a = await cost(command(short), env);
  const b = await cost(command(long), env);
  return { wall: b.wall - a.wall, cpu: b.cpu - a.cpu, stdout: b.stdout };
}

/** Seconds of processor time of a process so far. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
