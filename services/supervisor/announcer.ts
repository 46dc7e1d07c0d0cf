/** Looks at the cameras once a second and tells what has changed: to the log, the listeners and the broker. */
import type { Logger } from "../log/logger.ts";
import type { Publisher } from "../publisher/publisher.ts";
import type { Surroundings } from "./camera-monitor.ts";
import type { EventHub } from "./event-hub.ts";
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
  surroundings(): Surroundings;
  status(): Status;
}

export class Announcer {
  readonly #parts: AnnouncerParts;
  #timers: NodeJS.Timeout[] = [];

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  start(): void {
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

  #tick(): void {
    const { news, status } = this.#parts;
    this.look();
    if (news.wants("status")) news.publish({ type: "status", time: Date.now(), data: status() });
  }

  #log(camera: string, { state, reason }: CameraHealth): void {
    const level = state === "playing" || state === "starting" || state === "ended" ? "info" : "warn";
    this.#parts.log[level]({ camera }, `camera is ${state}${reason === "" ? "" : `: ${reason}`}`);
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
