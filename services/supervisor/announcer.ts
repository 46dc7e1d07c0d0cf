/** Looks at the cameras once a second and tells what has changed: to the log, the listeners and the broker. */

import type { EventHub } from "../control/event-hub.ts";
import type { Logger } from "../log/logger.ts";
import type { Publisher } from "../publisher/publisher.ts";
import type { UpdateStatus } from "../updater/types.ts";
import { Announced } from "./announced.ts";
import type { Surroundings } from "./camera-monitor.ts";
import type { DeploymentEvent } from "./deployments/parts.ts";
import type { CameraHealth } from "./health.ts";
import type { LiveModel } from "./live-model.ts";
import type { Status } from "./status.ts";

/** How often cameras are looked at and the status is told, milliseconds. */
const LOOK_MS = 1000;
/** How often the device's figures are published, milliseconds. */
const FIGURES_MS = 10_000;

export interface AnnouncerParts {
  readonly model: LiveModel;
  readonly news: EventHub;
  readonly publisher: Publisher;
  readonly log: Logger;
  readonly stateDirectory: string;
  surroundings(): Surroundings;
  status(): Status;
}

export class Announcer {
  readonly #parts: AnnouncerParts;
  #timers: NodeJS.Timeout[] = [];
  /** Last published, by camera. */
  readonly #counts = new Map<string, string>();
  readonly #announced: Announced;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
    this.#announced = new Announced(parts.stateDirectory, parts.publisher, parts.log);
  }

  start(): void {
    this.#announced.start(this.#cameras());
    this.#timers = [setInterval(() => this.#tick(), LOOK_MS), setInterval(() => this.#publishFigures(), FIGURES_MS)];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Tells the cameras whose state has changed since the last look. */
  look(): void {
    const { model, news, publisher, surroundings } = this.#parts;
    const now = Date.now();
    for (const { camera, health, isReported } of model.update(now, surroundings())) {
      if (health === "disabled") continue;
      if (!isReported) this.#log(camera, health);
      news.publish({ type: "camera", time: now, camera, data: { change: "state", ...health } });
      publisher.publishCameraStatus(camera, { ...health, since: new Date(now).toISOString() });
    }
  }

  /** Tells what happens to bundles and their modules. */
  tellBundle(event: DeploymentEvent): void {
    const { news, publisher, log } = this.#parts;
    news.publish({ type: "bundle", time: Date.now(), data: event });
    publisher.publishBundle(event).catch((error) => log.error({ err: error }, "a step of a bundle was not kept"));
  }

  /** Tells what the updater does. */
  tellUpdate(status: UpdateStatus): void {
    const { news, publisher } = this.#parts;
    news.publish({ type: "update", time: Date.now(), data: status });
    publisher.publishUpdate(status);
  }

  /** Those that are not switched off. */
  #cameras(): ReadonlySet<string> {
    const { cameras } = this.#parts.status();
    return new Set(cameras.filter(({ state }) => state !== "disabled").map(({ id }) => id));
  }

  #tick(): void {
    const { news, status } = this.#parts;
    this.look();
    this.#announced.keep(this.#cameras());
    this.#publishCounts();
    if (!news.wants("status")) return;
    // Its lines are news of their own.
    const { log: _, ...figures } = status();
    news.publish({ type: "status", time: Date.now(), data: figures });
  }

  /** Where somebody wants them: what each camera sees, when that has changed. */
  #publishCounts(): void {
    const { publisher, status } = this.#parts;
    if (!publisher.wantsCounts) return;
    for (const { id, objects } of status().cameras) {
      const counts: Record<string, number> = {};
      for (const { label } of objects) counts[label] = (counts[label] ?? 0) + 1;
      const text = JSON.stringify(Object.entries(counts).sort());
      if (this.#counts.get(id) === text) continue;
      this.#counts.set(id, text);
      publisher.publishCounts(id, counts);
    }
  }

  #log(camera: string, { state, reason }: CameraHealth): void {
    const level = state === "playing" || state === "starting" || state === "ended" ? "info" : "warn";
    this.#parts.log[level]({ camera }, `camera "${camera}" is ${state}${reason === "" ? "" : `: ${reason}`}`);
  }

  #publishFigures(): void {
    const { publisher, log, status } = this.#parts;
    const { totals, processes, cameras, uptimeMs } = status();
    const perCamera = cameras.map(({ id, state, fps, inferredFps, latency }) => ({
      id,
      state,
      fps,
      inferredFps,
      latency,
    }));
    publisher
      .publishMetrics({ uptimeMs, totals, processes, cameras: perCamera })
      .catch((error) => log.error({ err: error }, "the figures were not kept"));
  }
}
