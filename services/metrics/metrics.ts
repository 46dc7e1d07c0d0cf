/** The metrics of Nightjar: one registry, which /metrics prints and OpenTelemetry sends. Most is read when somebody asks. */
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { DeploymentEvent } from "../supervisor/deployments/parts.ts";
import type { UpdateStatus } from "../updater/types.ts";
import { CAMERA_COUNTERS, CAMERA_GAUGES } from "./cameras.ts";
import { counters, gauges } from "./define.ts";
import { ELEMENT_COUNTERS, ELEMENT_GAUGES } from "./elements.ts";
import type { Facts } from "./facts.ts";
import { SYSTEM_COUNTERS, SYSTEM_GAUGES } from "./system.ts";
import { UPDATE_GAUGES } from "./updates.ts";

const LATENCY_BUCKETS = [0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10];

/** How a change of a bundle ends (services/supervisor/deployments/record.ts). */
const ENDS: ReadonlySet<string> = new Set(["done", "refused", "rolled-back", "interrupted", "shadowed"]);

export class Metrics {
  /** Other parts add theirs. */
  readonly registry = new Registry();
  readonly #gather: () => Promise<Facts>;
  readonly #latency: Histogram<"camera">;
  readonly #changes: Counter<"element" | "end">;
  readonly #updates: Counter<"end">;
  #updateState = "";
  #facts: Facts | undefined;

  /** @param gather what is read, asked once for each scrape */
  constructor(gather: () => Promise<Facts>) {
    this.#gather = gather;
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry, prefix: "nightjar_supervisor_" });
    this.#latency = new Histogram({
      name: "nightjar_capture_to_publish_seconds",
      help: "From the capture of a frame to the publishing of its message",
      labelNames: ["camera"],
      buckets: LATENCY_BUCKETS,
      registers,
    });
    this.#changes = new Counter({
      name: "nightjar_bundle_changes_total",
      help: "Changes of bundles that ended: done, refused, rolled-back, interrupted, shadowed",
      labelNames: ["element", "end"],
      registers,
    });
    this.#updates = new Counter({
      name: "nightjar_updates_total",
      help: "Updates over the air that ended: committed, rolled-back, failed",
      labelNames: ["end"],
      registers,
    });
    const facts = () => this.#facts;
    counters(this.registry, facts, [...CAMERA_COUNTERS, ...ELEMENT_COUNTERS, ...SYSTEM_COUNTERS]);
    gauges(this.registry, facts, [...CAMERA_GAUGES, ...ELEMENT_GAUGES, ...SYSTEM_GAUGES, ...UPDATE_GAUGES]);
  }

  observeLatency(camera: string, milliseconds: number): void {
    this.#latency.observe({ camera }, milliseconds / 1000);
  }

  observeBundle({ element, step }: DeploymentEvent): void {
    if (ENDS.has(step)) this.#changes.inc({ element, end: step });
  }

  observeUpdate({ state }: UpdateStatus): void {
    const isEnd = state === "committed" || state === "rolled-back" || state === "failed";
    if (isEnd && state !== this.#updateState) this.#updates.inc({ end: state });
    this.#updateState = state;
  }

  /** The camera is gone, and so is its series. */
  forget(camera: string): void {
    this.#latency.remove({ camera });
  }

  /** For Prometheus. */
  async render(): Promise<{ readonly type: string; readonly text: string }> {
    await this.refresh();
    return { type: this.registry.contentType, text: await this.registry.metrics() };
  }

  /** Gathers anew what the registry's values are read from. */
  async refresh(): Promise<void> {
    this.#facts = await this.#gather();
  }
}
