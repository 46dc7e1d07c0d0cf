// A shadow run: a candidate beside what serves, on the same live batches, and a report on how far they agree.

import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { ringBell } from "../../firmware/link/addon.ts";
import { Bell, SlotState } from "../../firmware/link/protocol.ts";
import type { Deployment } from "./deployment.ts";
import type { Percentiles } from "./samples.ts";
import type { FromShadowWorker, ShadowSide, ShadowTally, ShadowWorkerData } from "./shadow_worker.ts";
import { WorkerControl } from "./worker_control.ts";

export interface ShadowOptions {
  /** Batches per second that are looked at; trackers look at all. */
  rate?: number;
  /** Least overlap of two boxes that are the same object. */
  iou?: number;
}

export interface ShadowClass {
  label: string;
  /** Objects that each found. */
  live: number;
  candidate: number;
  matched: number;
  /** Mean overlap of the matched pairs; 0 when there are none. */
  iou: number;
}

export interface ShadowReport {
  ms: number;
  batches: number;
  frames: number;
  /** Batches that the candidate failed on, and the last reason. */
  failed: number;
  lastError: string;
  /** Share of all objects that both found, 0..1. */
  agreement: number;
  classes: ShadowClass[];
  /** ms of a batch in engine and module; of the module alone where both use the same engine. */
  latency: { live: Percentiles; candidate: Percentiles };
  /** The pictures had to be resampled to the candidate's size. */
  resampled: boolean;
}

const RATE = 5;
const IOU = 0.5;
/** For it to finish the batch that it compares; ms. */
const END_MS = 5000;

export class ShadowRun {
  /** Settles when it looks at batches. */
  readonly watching: Promise<void>;
  /** Share of all objects that both found, so far; undefined before the first batch. */
  agreement: number | undefined;
  readonly #control = new WorkerControl();
  readonly #worker: Worker;
  readonly #live: Deployment;
  readonly #candidate: Deployment;
  readonly #tally: Promise<ShadowTally>;
  readonly #exited: Promise<void>;
  readonly #began = performance.now();

  /** Begins. The candidate serves its own memory already, and nobody else uses it. */
  constructor(live: Deployment, candidate: Deployment, { rate = RATE, iou = IOU }: ShadowOptions = {}) {
    this.#live = live;
    this.#candidate = candidate;
    const data: ShadowWorkerData = {
      live: sideOf(live),
      candidate: sideOf(candidate),
      sharesEngine: candidate.sharesEngine(live) || !candidate.hasEngine,
      rate: live.bundle.kind === "analyze" ? 0 : rate,
      iou,
      control: this.#control.shared,
    };
    this.#worker = new Worker(new URL("./shadow_worker.ts", import.meta.url), { workerData: data });
    this.#worker.unref();
    this.#exited = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
    this.watching = new Promise((resolve) => {
      this.#worker.once("message", () => resolve());
      this.#worker.once("exit", () => resolve());
    });
    this.#tally = new Promise((resolve, reject) => {
      this.#worker.on("message", (message: FromShadowWorker) => {
        if (message === "watching") return;
        if (typeof message === "number") this.agreement = message;
        else resolve(message);
      });
      this.#worker.once("error", (error) => reject(new Error(`the shadow run failed: ${String(error)}`)));
      this.#worker.once("exit", () => reject(new Error("the shadow run ended without a report")));
    });
    this.#tally.catch(() => {});
  }

  /** Ends it. Its thread is gone and the candidate's slots are free afterwards, also when it throws: there is no report. */
  async end(): Promise<ShadowReport> {
    this.#control.stop();
    for (const { memory } of [this.#live, this.#candidate]) ringBell(memory, Bell.Element);
    await Promise.race([this.#exited, sleep(END_MS, undefined, { ref: false })]);
    await this.#worker.terminate();
    for (const slot of this.#candidate.memory.slots) slot.state = SlotState.Free;
    return this.#report(await this.#tally);
  }

  #report({ classes, live, candidate, torn: _, ...tally }: ShadowTally): ShadowReport {
    return {
      ...tally,
      ms: Math.round(performance.now() - this.#began),
      latency: { live, candidate },
      classes: classes.map(([classId, { iou, ...counts }]) => ({
        label: labelOf(classId, this.#live, this.#candidate),
        ...counts,
        iou: counts.matched === 0 ? 0 : iou / counts.matched,
      })),
    };
  }
}

function sideOf({ fd, layout, bundle, plan }: Deployment): ShadowSide {
  return {
    fd,
    bytes: layout.totalBytes,
    input: plan && bundle.input,
    width: plan?.width ?? 0,
    height: plan?.height ?? 0,
    labels: bundle.labels,
  };
}

/** Ids above 2^20 are those of labels that only the candidate has. */
function labelOf(classId: number, live: Deployment, candidate: Deployment): string {
  const [known, id] = classId >= 1 << 20 ? [candidate, classId - (1 << 20)] : [live, classId];
  return known.bundle.labels[id] ?? `class ${id}`;
}
