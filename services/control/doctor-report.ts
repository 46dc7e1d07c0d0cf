/** The doctor's report on request: nightjar doctor in a process of its own, so that nothing of it runs on our event loop. */
import { execFile } from "node:child_process";
import { setPriority } from "node:os";
import { join } from "node:path";
import { EXIT, ExpectedError } from "../log/errors.ts";

export interface DoctorReport {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly durationMs: number;
  readonly healthy: boolean;
  readonly missing: number;
  readonly warnings: number;
  readonly groups: readonly {
    readonly title: string;
    readonly findings: readonly {
      readonly name: string;
      readonly status: "ok" | "warning" | "missing";
      readonly found: string;
      readonly remedy: string;
    }[];
  }[];
}

const PROGRAM = join(import.meta.dirname, "../cli/main.ts");
/** Less than the silence that a connection may have (limits.ts). */
const LIMIT_MS = 55_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
/** A report of this age is given again. Milliseconds. */
const FRESH_MS = 10_000;
/** Cameras come first. */
const NICENESS = 10;

export class DoctorReports {
  readonly #configuration: string;
  #running: Promise<DoctorReport> | undefined;
  #last: DoctorReport | undefined;

  /** @param configuration path of the file */
  constructor(configuration: string) {
    this.#configuration = configuration;
  }

  /** Who asks while one is being made gets that one. @throws ExpectedError when there is none in time */
  async report(): Promise<DoctorReport> {
    if (this.#last !== undefined && Date.now() - this.#last.at < FRESH_MS) return this.#last;
    this.#running ??= this.#make().finally(() => {
      this.#running = undefined;
    });
    this.#last = await this.#running;
    return this.#last;
  }

  #make(): Promise<DoctorReport> {
    const begin = performance.now();
    const args = [...process.execArgv, PROGRAM, "doctor", "--json", "-c", this.#configuration];
    const { promise, resolve, reject } = Promise.withResolvers<DoctorReport>();
    const options = { timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT_BYTES };
    const child = execFile(process.execPath, args, options, (_, stdout, stderr) => {
      // Its exit code says whether something is missing: that is in the report too.
      const found = parsed(stdout);
      if (found !== undefined)
        return resolve({ ...found, at: Date.now(), durationMs: Math.round(performance.now() - begin) });
      const why = stderr.trim().split("\n").at(-1) || `nothing within ${LIMIT_MS / 1000} s`;
      reject(new ExpectedError(EXIT.unreachable, `the doctor gave no report: ${why}`));
    });
    if (child.pid !== undefined) lower(child.pid);
    return promise;
  }
}

function lower(pid: number): void {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // It has ended already, or may not be lowered here: then it runs as we do.
  }
}

function parsed(text: string): Omit<DoctorReport, "at" | "durationMs"> | undefined {
  try {
    const report = JSON.parse(text) as DoctorReport;
    return Array.isArray(report.groups) ? report : undefined;
  } catch {
    return undefined;
  }
}
