/**
 * Nightjar for a long time in a bad world: a camera that hangs and dies, a broker that goes and comes, processes that are killed
 * or hang, and power that fails, at moments that a seed decides. A consumer counts what it gets.
 */
import { statSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConfigInput } from "../../services/config/schema.ts";
import { Consumer } from "../../services/publisher/consumer.ts";
import { lossReport } from "../../services/publisher/messages.ts";
import { Mosquitto } from "./mosquitto.ts";
import { demoCameras, Nightjar, usageOf } from "./nightjar.ts";
import { RtspServer } from "./rtsp-server.ts";
import { waitUntil } from "./wait.ts";

export interface SoakOptions {
  readonly durationMs: number;
  readonly seed: number;
  /** Between the end of one fault and the next; on the average. Long enough that what grows is seen between restarts. */
  readonly pauseMs: number;
  /** How often a row is told. */
  readonly rowMs: number;
  readonly onRow: (row: SoakRow) => void;
  readonly onFault: (text: string) => void;
}

/** How it is, once in a while. */
export interface SoakRow {
  readonly elapsedMs: number;
  /** "playing", or why not, by camera. */
  readonly cameras: string;
  /** Of all our processes. */
  readonly residentBytes: number;
  readonly descriptors: number;
  /** Of the state directory. */
  readonly diskBytes: number;
  readonly queued: number;
  readonly received: number;
  readonly reportedLost: number;
  readonly missing: number;
  readonly faults: number;
}

export interface SoakSummary {
  readonly faults: Readonly<Record<string, number>>;
  readonly received: number;
  readonly duplicates: number;
  /** Missing without a report. */
  readonly missing: number;
  /** Missing and reported, by the report's reason. */
  readonly lost: Readonly<Record<string, number>>;
  /** The largest of any process during its life: what it had at its end above what it had a minute after its start. */
  readonly growth: { readonly residentBytes: number; readonly descriptors: number };
  /** The largest that was seen. */
  readonly diskBytes: number;
  /** Cameras that do not play at the end. */
  readonly silent: readonly string[];
}

/** A process has loaded what it loads on first use. */
const SETTLED_MS = 60_000;
const LOOK_MS = 2000;
/** After the last fault, for what waits to be delivered and for cameras to come back. */
const END_MS = 120_000;

/** What may be lost, by the report's reason: what the broker had not acknowledged when the power failed, and figures that newer ones replace. */
const MAY_BE_LOST: ReadonlySet<string> = new Set(["restart", "superseded"]);
/** Of one process during its life. Node's heap breathes by tens of megabytes. */
const GROWTH = { residentBytes: 80e6, descriptors: 16 };

/** Why the run failed; empty when it did not. */
export function soakFaults({ missing, lost, growth, silent, received }: SoakSummary): string[] {
  const unexpected = Object.entries(lost).filter(([reason]) => !MAY_BE_LOST.has(reason));
  return [
    ...(received > 0 ? [] : ["the consumer got nothing"]),
    ...(missing === 0 ? [] : [`${missing} messages are missing without a report`]),
    ...unexpected.map(([reason, count]) => `${count} messages were lost: ${reason}`),
    ...(growth.residentBytes <= GROWTH.residentBytes ? [] : [`a process grew by ${growth.residentBytes} bytes`]),
    ...(growth.descriptors <= GROWTH.descriptors ? [] : [`a process kept ${growth.descriptors} descriptors more`]),
    ...silent.map((camera) => `camera ${camera} does not play`),
  ];
}

interface Life {
  readonly since: number;
  settled: ReturnType<typeof usageOf> | undefined;
  last: ReturnType<typeof usageOf>;
}

export class Soak {
  readonly #options: SoakOptions;
  readonly #random: () => number;
  readonly #lives = new Map<number, Life>();
  readonly #counts: Record<string, number> = {};
  readonly #lost: Record<string, number> = {};
  #broker!: Mosquitto;
  #camera!: RtspServer;
  #consumer!: Consumer;
  #nightjar!: Nightjar;
  #config!: Partial<ConfigInput>;
  #diskBytes = 0;

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#random = generator(options.seed);
  }

  async run(): Promise<SoakSummary> {
    const { durationMs } = this.#options;
    try {
      await this.#start();
      const from = Date.now();
      const watching = new AbortController();
      const watch = this.#watch(from, watching.signal);
      while (Date.now() - from < durationMs) await this.#oneFault(from + durationMs);
      const silent = await this.#settle();
      watching.abort();
      await watch;
      return this.#summary(silent);
    } finally {
      await this.#stop();
    }
  }

  async #start(): Promise<void> {
    // The broker's own faults are not what is looked at: it keeps what it has taken.
    const keep = ["persistence true", "persistence_location %d/", "max_queued_messages 0", "allow_anonymous true"];
    this.#broker = await Mosquitto.start({ config: keep });
    this.#camera = await RtspServer.start({ width: 320, height: 240, framerate: 10 });
    const topicPrefix = "nightjar/soak";
    this.#consumer = new Consumer({ url: this.#broker.url, topicPrefix, clientId: "soak" }, ({ document, path }) => {
      if (path === "loss") this.#noteLoss(document);
    });
    await this.#consumer.start();
    this.#config = {
      device: { id: "soak" },
      cameras: [
        { id: "street", source: { type: "rtsp", uri: this.#camera.uri }, stallTimeout: "3s" },
        { ...demoCameras[0]! },
        { id: "pattern", uri: "test:ball" },
      ],
      mqtt: { url: this.#broker.url, topicPrefix },
      inference: { threads: 1 },
    };
    this.#nightjar = await Nightjar.start(this.#config);
    await this.#untilPlaying(120_000);
  }

  async #untilPlaying(timeoutMs: number): Promise<void> {
    await this.#nightjar.untilStatus(
      "all cameras to play",
      ({ cameras }) => cameras.length === 3 && cameras.every(({ state }) => state === "playing"),
      timeoutMs,
    );
  }

  /** What may happen, how often of a hundred times, and how it is mended. */
  readonly #faults: readonly { name: string; weight: number; run: (lasts: number) => Promise<unknown> }[] = [
    {
      name: "the camera hangs",
      weight: 20,
      run: async (lasts) => {
        this.#camera.freeze();
        await sleep(lasts);
        this.#camera.thaw();
      },
    },
    {
      name: "the camera dies",
      weight: 20,
      run: async (lasts) => {
        await this.#camera.kill();
        await sleep(lasts);
        this.#camera = await this.#camera.restart();
      },
    },
    {
      name: "the broker hangs",
      weight: 15,
      run: async (lasts) => {
        this.#broker.signal("SIGSTOP");
        await sleep(lasts);
        this.#broker.signal("SIGCONT");
      },
    },
    {
      name: "the broker is away",
      weight: 20,
      run: async (lasts) => {
        await this.#broker.end();
        await sleep(lasts);
        await this.#broker.start();
      },
    },
    { name: "the pipeline process is killed", weight: 6, run: () => this.#signal("pipeline", "SIGKILL") },
    { name: "the postprocess process is killed", weight: 6, run: () => this.#signal("postprocess", "SIGKILL") },
    { name: "the postprocess process hangs", weight: 5, run: () => this.#signal("postprocess", "SIGSTOP") },
    {
      name: "the power fails",
      weight: 8,
      run: async () => {
        await this.#nightjar.cut();
        this.#nightjar = await Nightjar.start(this.#config, [], this.#nightjar.folder);
      },
    },
  ];

  async #signal(process_: string, signal: NodeJS.Signals): Promise<void> {
    const pid = await this.#nightjar.pidOf(process_);
    process.kill(pid, signal);
    await this.#nightjar.untilStatus(
      `another ${process_} process`,
      ({ processes }) =>
        processes.some((each) => each.name === process_ && each.pid !== pid && each.state === "running"),
      60_000,
    );
  }

  async #oneFault(end: number): Promise<void> {
    const { pauseMs, onFault } = this.#options;
    await sleep(Math.max(0, Math.min(pauseMs * (0.5 + this.#random()), end - Date.now())));
    if (Date.now() >= end) return;
    const fault = this.#pick();
    // A few last long enough that everything notices, most do not.
    const lasts = Math.min(pauseMs, 1000 * 2 ** (this.#random() * 6));
    onFault(fault.name);
    this.#counts[fault.name] = (this.#counts[fault.name] ?? 0) + 1;
    await fault.run(lasts);
    // What a fault leaves behind is looked at before the next one: a box that does not recover ends the run here.
    await this.#untilPlaying(90_000);
  }

  #pick() {
    const drawn = this.#faults.flatMap((fault) => Array<typeof fault>(fault.weight).fill(fault));
    return drawn[Math.floor(this.#random() * drawn.length)]!;
  }

  async #watch(from: number, signal: AbortSignal): Promise<void> {
    let rowAt = from + this.#options.rowMs;
    while (!signal.aborted) {
      await sleep(LOOK_MS);
      const status = await this.#nightjar.status().catch(() => undefined);
      for (const { pid } of status?.processes ?? []) if (pid !== null) this.#measure(pid);
      if (status === undefined || Date.now() < rowAt) continue;
      rowAt += this.#options.rowMs;
      this.#options.onRow(await this.#row(from, status));
    }
  }

  #measure(pid: number): void {
    const now = Date.now();
    try {
      const usage = usageOf(pid);
      const life = this.#lives.get(pid) ?? { since: now, settled: undefined, last: usage };
      if (life.settled === undefined && now - life.since > SETTLED_MS) life.settled = usage;
      life.last = usage;
      this.#lives.set(pid, life);
    } catch (error) {
      // It ended between the two looks.
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }

  async #row(from: number, status: Awaited<ReturnType<Nightjar["status"]>>): Promise<SoakRow> {
    const usages = status.processes.flatMap(({ pid }) => (pid === null ? [] : (this.#lives.get(pid)?.last ?? [])));
    const { received, reportedLost, missing } = this.#taken();
    this.#diskBytes = Math.max(this.#diskBytes, await sizeOf(join(this.#nightjar.folder, "state")));
    return {
      elapsedMs: Date.now() - from,
      cameras: status.cameras.map(({ id, state }) => `${id} ${state}`).join(", "),
      residentBytes: usages.reduce((sum, usage) => sum + usage.residentBytes, 0),
      descriptors: usages.reduce((sum, usage) => sum + usage.descriptors, 0),
      diskBytes: this.#diskBytes,
      queued: status.broker.queued,
      received,
      reportedLost,
      missing,
      faults: Object.values(this.#counts).reduce((sum, count) => sum + count, 0),
    };
  }

  #taken() {
    const taken = { received: 0, duplicates: 0, reportedLost: 0, missing: 0 };
    for (const { received, duplicates, reportedLost, gaps } of this.#consumer.streams()) {
      taken.received += received;
      taken.duplicates += duplicates;
      taken.reportedLost += reportedLost;
      taken.missing += gaps.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    }
    return taken;
  }

  #noteLoss(document: unknown): void {
    const report = lossReport.parse(document);
    this.#lost[report.reason] = (this.#lost[report.reason] ?? 0) + report.count;
  }

  /** Waits for what is on its way. @returns the cameras that do not play */
  async #settle(): Promise<string[]> {
    const end = Date.now() + END_MS;
    let silent: string[] = [];
    await waitUntil(
      "the rest to be delivered",
      async () => {
        const { cameras, broker } = await this.#nightjar.status();
        silent = cameras.filter(({ state }) => state !== "playing").map(({ id }) => id);
        const isDone = silent.length === 0 && broker.queued < 20 && this.#taken().missing === 0;
        return isDone || Date.now() > end - 1000;
      },
      END_MS,
    );
    return silent;
  }

  #summary(silent: readonly string[]): SoakSummary {
    const lives = [...this.#lives.values()].filter(({ settled }) => settled !== undefined);
    const most = (field: "residentBytes" | "descriptors") =>
      Math.max(0, ...lives.map(({ settled, last }) => last[field] - settled![field]));
    const { received, duplicates, missing } = this.#taken();
    return {
      faults: this.#counts,
      received,
      duplicates,
      missing,
      lost: this.#lost,
      growth: { residentBytes: most("residentBytes"), descriptors: most("descriptors") },
      diskBytes: this.#diskBytes,
      silent,
    };
  }

  async #stop(): Promise<void> {
    this.#broker?.signal("SIGCONT");
    await this.#nightjar?.stop();
    await this.#consumer?.stop();
    await this.#camera?.kill();
    await this.#broker?.remove();
  }
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for await (const file of glob(join(folder, "**/*"))) {
    bytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
