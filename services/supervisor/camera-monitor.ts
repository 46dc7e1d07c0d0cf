/** Gathers the facts about one camera and says how it is. */

import type { Camera } from "../config/load.ts";
import { redact } from "../config/secrets.ts";
import type { CameraStatus } from "../pipeline/messages.ts";
import type { RegisteredCamera } from "./camera-registry.ts";
import { type CameraHealth, cameraHealth, isDelivering } from "./health.ts";
import { LatencyWindow, RateMeter } from "./latency.ts";
import type { CameraView, ObjectView } from "./status.ts";

/** The processes that the camera depends on. */
export interface Surroundings {
  readonly pipelineUp: boolean;
  readonly pipelineFailed: boolean;
  readonly postprocessUp: boolean;
}

/** Track ids that are remembered to tell new ones from known ones. */
const REMEMBERED_IDS = 4096;

export class CameraMonitor {
  readonly registered: RegisteredCamera;
  readonly #stallMs: number;
  readonly #latency = new LatencyWindow();
  readonly #eventRate = new RateMeter();
  readonly #knownIds = new Set<string>();
  #reported: CameraStatus | undefined;
  /** Frames counted by pipeline processes that are gone. */
  #framesBefore = 0;
  #droppedBefore = 0;
  #objects: ObjectView[] = [];
  #objectsFrame = -1;
  #ids = 0;
  #objectsTotal = 0;
  #events = 0;
  #messages = 0;
  #lastPublishedAt: number | null = null;
  #firstPlayedAt: number | null = null;
  #refused: string | undefined;
  #state: CameraView["state"] = "starting";
  #since: number;

  constructor(registered: RegisteredCamera, stallMs: number, now: number) {
    this.registered = registered;
    this.#stallMs = stallMs;
    this.#since = now;
  }

  refuse(problem: string): void {
    this.#refused = problem;
  }

  report(status: CameraStatus): void {
    this.#refused = undefined;
    this.#reported = status;
    if (status.decoded > 0) this.#firstPlayedAt ??= Date.now();
  }

  /** The pipeline process is gone: what it said no longer holds, what it counted stays counted. */
  pipelineGone(): void {
    if (this.#reported?.state === "ended") return;
    this.#framesBefore += this.#reported?.decoded ?? 0;
    this.#droppedBefore += this.#reported?.dropped ?? 0;
    this.#reported = undefined;
    this.#objects = [];
  }

  /** Objects of a frame; in the full format several messages share a frame. */
  objects(objects: readonly ObjectView[], frameNumber: number): void {
    const sameFrame = frameNumber === this.#objectsFrame;
    this.#objects = sameFrame ? [...this.#objects, ...objects] : [...objects];
    this.#objectsFrame = frameNumber;
    this.#objectsTotal += objects.length;
    for (const { id } of objects) if (id !== "") this.#remember(id);
  }

  event(now: number): void {
    this.#events += 1;
    this.#eventRate.add(now);
  }

  /** A message went out; `latencyMs` from capture to publish, undefined when the capture time is unknown. */
  published(now: number, latencyMs: number | undefined): void {
    this.#messages += 1;
    this.#lastPublishedAt = now;
    if (latencyMs !== undefined) this.#latency.add(latencyMs);
  }

  /** Whether the pipeline said this state itself (and has logged why). */
  get isReported(): boolean {
    return this.#reported?.state === this.#state;
  }

  /** The state now. @returns whether it differs from the one before. */
  update(
    now: number,
    surroundings: Surroundings,
  ): { readonly changed: boolean; readonly health: CameraHealth | "disabled" } {
    const health = this.#health(now, surroundings);
    const state = health === "disabled" ? "disabled" : health.state;
    const changed = state !== this.#state;
    if (changed) {
      this.#state = state;
      this.#since = now;
    }
    return { changed, health };
  }

  view(now: number, surroundings: Surroundings, viewers: number): CameraView {
    const { health } = this.update(now, surroundings);
    const { camera, sourceId, origin } = this.registered;
    const reported = this.#reported;
    const flowing = this.#state === "playing";
    return {
      id: camera.id,
      name: camera.name,
      sourceId,
      origin,
      source: describeSource(camera),
      state: this.#state,
      reason: health === "disabled" ? "not enabled in the configuration" : health.reason,
      since: this.#since,
      video: reported?.video ? { width: reported.video.width, height: reported.video.height } : null,
      fps: flowing ? (reported?.decodedFps ?? 0) : 0,
      inferredFps: flowing ? (reported?.inferredFps ?? 0) : 0,
      objects: flowing ? this.#objects : [],
      ids: this.#ids,
      eventsPerSecond: this.#eventRate.perSecond(now),
      latency: this.#latency.percentiles(),
      frames: this.#framesBefore + (reported?.decoded ?? 0),
      dropped: this.#droppedBefore + (reported?.dropped ?? 0),
      objectsTotal: this.#objectsTotal,
      events: this.#events,
      messages: this.#messages,
      tries: reported?.tries ?? 0,
      viewers,
      everPlayed: this.#firstPlayedAt !== null,
      firstPlayedAt: this.#firstPlayedAt,
      last: {
        packet: reported?.lastPacketAt ?? null,
        decoded: reported?.lastDecodedAt ?? null,
        inferred: reported?.lastInferredAt ?? null,
        published: this.#lastPublishedAt,
      },
    };
  }

  /** Frames come through, or came through to their end. */
  get delivering(): boolean {
    return this.#state !== "disabled" && isDelivering(this.#state);
  }

  #health(now: number, surroundings: Surroundings): CameraHealth | "disabled" {
    if (!this.registered.camera.enabled) return "disabled";
    const reported = this.#reported;
    return cameraHealth(
      {
        ...surroundings,
        reported: this.#refused === undefined ? (reported?.state ?? "starting") : "failed",
        problem: this.#refused ?? reported?.problem?.message ?? null,
        lastPacketAt: reported?.lastPacketAt ?? null,
        lastDecodedAt: reported?.lastDecodedAt ?? null,
        lastInferredAt: reported?.lastInferredAt ?? null,
        lastPublishedAt: this.#lastPublishedAt,
      },
      now,
      { stallMs: this.registered.camera.stallTimeout ?? this.#stallMs },
    );
  }

  #remember(id: string): void {
    if (this.#knownIds.has(id)) {
      this.#knownIds.delete(id);
    } else {
      this.#ids += 1;
      const oldest = this.#knownIds.size >= REMEMBERED_IDS ? this.#knownIds.values().next().value : undefined;
      if (oldest !== undefined) this.#knownIds.delete(oldest);
    }
    // Behind all others: the set is in the order of last sight.
    this.#knownIds.add(id);
  }
}

/** "rtsp rtsp://192.0.2.10/stream1", without credentials. */
export function describeSource({ source }: Camera): string {
  switch (source.type) {
    case "rtsp":
    case "uri":
      return `${source.type} ${redact(source.uri)}`;
    case "file":
    case "images":
      return `${source.type} ${source.path}`;
    case "v4l2":
      return `v4l2 ${source.device}`;
    case "test":
      return `test ${source.pattern}`;
  }
}
