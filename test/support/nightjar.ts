/** A whole Nightjar for a test: its own directories, ports and broker; everything ends with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { ConfigInput } from "../../services/config/schema.ts";
import type { Status } from "../../services/supervisor/status.ts";
import { freePort } from "./mosquitto.ts";
import { waitUntil } from "./wait.ts";

const clips = resolve("demo/clips");

export const demoCameras = readdirSync(clips)
  .filter((name) => name.endsWith(".mp4"))
  .sort()
  .map((name) => ({
    id: name.replace(".mp4", ""),
    source: { type: "file" as const, path: join(clips, name), loop: true },
  }));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Nightjar {
  readonly folder: string;
  readonly child: ChildProcess;
  output = "";
  readonly ended: Promise<Ended>;
  readonly #socket: string;

  private constructor(folder: string, socket: string, child: ChildProcess) {
    this.folder = folder;
    this.#socket = socket;
    this.child = child;
    child.stdout?.on("data", (data) => (this.output += data));
    child.stderr?.on("data", (data) => (this.output += data));
    this.ended = new Promise((done) => child.on("exit", (code, signal) => done({ code, signal })));
  }

  /**
   * Starts `nightjar run` with this configuration (directories and free ports are filled in).
   * @param folder of one that was cut off: it goes on where that one was
   * @param home the program: this checkout, or one laid out as a package
   */
  static async start(
    config: Partial<ConfigInput>,
    args: readonly string[] = [],
    folder = mkdtempSync(join(tmpdir(), "nightjar-e2e-")),
    home = ".",
  ): Promise<Nightjar> {
    const file = join(folder, "nightjar.yaml");
    const full: ConfigInput = {
      version: 1,
      device: { id: "test" },
      mqtt: { embedded: { listen: `127.0.0.1:${await freePort()}` } },
      console: { listen: `127.0.0.1:${await freePort()}` },
      ...config,
      directories: { runtime: join(folder, "run"), state: join(folder, "state"), ...config.directories },
    };
    writeFileSync(file, stringify(full));
    const child = spawn(join(home, "bin/nightjar"), ["run", "-c", file, "--plain", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NIGHTJAR_NODE: process.execPath },
    });
    return new Nightjar(folder, join(folder, "run", "control.sock"), child);
  }

  /** One request to the control socket. */
  ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((done, fail) => {
      const message = request({ socketPath: this.#socket, method, path, timeout: 5000 }, (response) => {
        let text = "";
        response.on("data", (data) => (text += data));
        response.on("end", () => {
          if ((response.statusCode ?? 500) >= 400) fail(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          else done(JSON.parse(text) as T);
        });
      });
      message.on("error", fail);
      if (body !== undefined) message.setHeader("content-type", "application/json").write(JSON.stringify(body));
      message.end();
    });
  }

  status(): Promise<Status> {
    return this.ask<Status>("GET", "/api/status");
  }

  /** Waits until the status satisfies `condition`; shows the log when it does not come. */
  async untilStatus(what: string, condition: (status: Status) => boolean, timeoutMs = 30_000): Promise<Status> {
    const look = async (): Promise<Status | undefined> => {
      if (this.child.exitCode !== null) throw new Error(`nightjar ended (${this.child.exitCode})\n${this.output}`);
      const status = await this.status().catch(() => undefined);
      return status !== undefined && condition(status) ? status : undefined;
    };
    return await waitUntil(what, look, timeoutMs, () => `\n${this.output.slice(-4000)}`);
  }

  async pidOf(process: string): Promise<number> {
    const view = (await this.status()).processes.find((candidate) => candidate.name === process);
    if (view?.pid === null || view?.pid === undefined) throw new Error(`no process ${process}`);
    return view.pid;
  }

  /** All its processes end at once, as when the power fails; its folder stays. */
  async cut(): Promise<void> {
    const { processes } = await this.status();
    this.child.kill("SIGKILL");
    for (const { pid } of processes) if (pid !== null && pid !== this.child.pid) killHard(pid);
    await this.ended;
  }

  /** Asks it to end as Ctrl-C does, and waits. */
  async stop(): Promise<Ended> {
    if (this.child.exitCode === null) this.child.kill("SIGINT");
    const ended = await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
    return ended;
  }
}

/** It may have ended by itself: the children leave with the supervisor. */
function killHard(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Threads, open descriptors and resident bytes of a process, from /proc. */
export function usageOf(pid: number): { threads: number; descriptors: number; residentBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return {
    threads: field("Threads"),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    residentBytes: field("VmRSS") * 1024,
  };
}
