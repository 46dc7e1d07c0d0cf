/** How the machine is: disks, temperatures, memory, load, power mode, wear, clock. What it does not tell is null or left out. */
import { stat, statfs } from "node:fs/promises";
import { availableParallelism, freemem, loadavg, totalmem, uptime } from "node:os";
import { lifeUsed } from "./flash.ts";
import { powerMode } from "./power.ts";
import { exists, readText } from "./read.ts";
import { type Temperature, Thermometers } from "./temperatures.ts";

export interface DiskView {
  readonly path: string;
  /** What lies on it: state, outbox, evidence, bundles. */
  readonly roles: readonly string[];
  readonly totalBytes: number;
  /** For us: without what is kept for root. */
  readonly freeBytes: number;
}

export interface MachineView {
  readonly disks: readonly DiskView[];
  readonly temperatures: readonly Temperature[];
  /** Of a Jetson "15W"; elsewhere the governor of the processor. */
  readonly powerMode: string | null;
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number };
  /** Processes that run or want to, over 1, 5 and 15 minutes. */
  readonly load: readonly number[];
  readonly cores: number;
  /** Of flash memory, 0 to 1.1, in steps of 0.1. */
  readonly lifeUsed: number | null;
  readonly clockSynced: boolean | null;
  readonly uptimeMs: number;
}

/** What was found lately is found still. Milliseconds. */
const FRESH_MS = 2000;

export class Machine {
  /** By role. */
  readonly #directories: Readonly<Record<string, string>>;
  readonly #thermometers = new Thermometers();
  #last: { readonly at: number; readonly view: Promise<MachineView> } | undefined;

  constructor(directories: Readonly<Record<string, string>>) {
    this.#directories = directories;
  }

  look(): Promise<MachineView> {
    const now = performance.now();
    if (this.#last === undefined || now - this.#last.at > FRESH_MS) this.#last = { at: now, view: this.#look() };
    return this.#last.view;
  }

  async #look(): Promise<MachineView> {
    const [disks, temperatures, mode, memory, life, clock] = await Promise.all([
      this.#disks(),
      this.#thermometers.read(),
      powerMode(),
      availableMemory(),
      lifeUsed(),
      clockSynced(),
    ]);
    return {
      disks,
      temperatures,
      powerMode: mode,
      memory: { totalBytes: totalmem(), availableBytes: memory },
      load: loadavg().map((value) => Math.round(value * 100) / 100),
      cores: availableParallelism(),
      lifeUsed: life,
      clockSynced: clock,
      uptimeMs: Math.round(uptime() * 1000),
    };
  }

  /** One for each file system; several directories may lie on it. */
  async #disks(): Promise<DiskView[]> {
    const found = new Map<number, { path: string; roles: string[] }>();
    for (const [role, path] of Object.entries(this.#directories)) {
      const device = await stat(path).catch(() => undefined);
      if (device === undefined) continue;
      const known = found.get(device.dev);
      if (known === undefined) found.set(device.dev, { path, roles: [role] });
      else known.roles.push(role);
    }
    const disks = [...found.values()].map(async ({ path, roles }) => {
      const { blocks, bavail, bsize } = await statfs(path);
      return { path, roles, totalBytes: blocks * bsize, freeBytes: bavail * bsize };
    });
    return Promise.all(disks);
  }
}

/** What programs could still get: free memory, and caches that would make room. Bytes. */
async function availableMemory(): Promise<number> {
  const kibibytes = /^MemAvailable:\s+(\d+) kB/m.exec((await readText("/proc/meminfo")) ?? "")?.[1];
  return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
}

/** systemd-timesyncd and chrony's systemd unit leave a mark once the clock has been set; without either nobody says. */
async function clockSynced(): Promise<boolean | null> {
  if (await exists("/run/systemd/timesync/synchronized")) return true;
  return (await exists("/run/systemd/timesync")) ? false : null;
}
