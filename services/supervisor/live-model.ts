/** The running figures of all cameras together; everything in the status that comes from frames and messages. */
import type { CameraStatus } from "../pipeline/messages.ts";
import { KIND, type PayloadRecord } from "../publisher/record.ts";
import { CameraMonitor, type Surroundings } from "./camera-monitor.ts";
import type { RegisteredCamera } from "./camera-registry.ts";
import type { CameraHealth } from "./health.ts";
import { LatencyHistogram, RateMeter } from "./latency.ts";
import { objectsOf } from "./payload.ts";
import type { CameraView, Totals } from "./status.ts";

export interface StateChange {
  readonly camera: string;
  readonly health: CameraHealth | "disabled";
  /** The pipeline has found it out, and logged it. */
  readonly isReported: boolean;
}

export class LiveModel {
  readonly #monitors = new Map<string, CameraMonitor>();
  readonly #bySource = new Map<number, CameraMonitor>();
  readonly #latency = new LatencyHistogram();
  readonly #messageRate = new RateMeter();
  readonly #eventRate = new RateMeter();
  readonly #stallMs: number;
  readonly #viewers: (camera: string) => number;
  /** Of cameras that were removed, so that totals never fall. */
  #framesBefore = 0;
  #objects = 0;
  #events = 0;
  #droppedRecords = 0;

  /** @param viewers how many look at a camera */
  constructor(stallMs: number, viewers: (camera: string) => number) {
    this.#stallMs = stallMs;
    this.#viewers = viewers;
  }

  add(registered: RegisteredCamera, now: number): void {
    const monitor = new CameraMonitor(registered, this.#stallMs, now);
    this.#monitors.set(registered.camera.id, monitor);
    this.#bySource.set(registered.sourceId, monitor);
  }

  remove(id: string, now: number, surroundings: Surroundings): void {
    const monitor = this.#monitors.get(id);
    if (monitor === undefined) return;
    this.#framesBefore += monitor.view(now, surroundings, 0).frames;
    this.#monitors.delete(id);
    this.#bySource.delete(monitor.registered.sourceId);
  }

  has(id: string): boolean {
    return this.#monitors.has(id);
  }

  cameraOf(sourceId: number): string | undefined {
    return this.#bySource.get(sourceId)?.registered.camera.id;
  }

  report(status: CameraStatus): void {
    const monitor = this.#monitors.get(status.camera);
    // A late word about a camera that was removed and added again has the old number.
    if (monitor?.registered.sourceId === status.sourceId) monitor.report(status);
  }

  /** The camera cannot even be tried, as when its password cannot be read. */
  refuse(id: string, problem: string): void {
    this.#monitors.get(id)?.refuse(problem);
  }

  pipelineGone(): void {
    for (const monitor of this.#monitors.values()) monitor.pipelineGone();
  }

  /** A payload record has come in. */
  message(record: PayloadRecord, now: number): void {
    const monitor = this.#bySource.get(record.sourceId);
    if (record.kind === KIND.event) {
      this.#events += 1;
      this.#eventRate.add(now);
      monitor?.event(now);
      return;
    }
    const objects = objectsOf(record.payload);
    if (objects === undefined) return;
    this.#objects += objects.length;
    monitor?.objects(objects, record.frameNumber);
  }

  /** A message of a camera has left. */
  published(camera: string, now: number, latencyMs: number | undefined): void {
    this.#messageRate.add(now);
    if (latencyMs !== undefined) this.#latency.add(latencyMs);
    this.#monitors.get(camera)?.published(now, latencyMs);
  }

  recordsDropped(count: number): void {
    this.#droppedRecords += count;
  }

  /** Looks at every camera. @returns those whose state changed. */
  update(now: number, surroundings: Surroundings): StateChange[] {
    return [...this.#monitors].flatMap(([camera, monitor]) => {
      const { changed, health } = monitor.update(now, surroundings);
      return changed ? [{ camera, health, isReported: monitor.isReported }] : [];
    });
  }

  views(now: number, surroundings: Surroundings): CameraView[] {
    return [...this.#monitors].map(([id, monitor]) => monitor.view(now, surroundings, this.#viewers(id)));
  }

  view(id: string, now: number, surroundings: Surroundings): CameraView | undefined {
    return this.#monitors.get(id)?.view(now, surroundings, this.#viewers(id));
  }

  /** Whether any camera delivers, or there is none that should. */
  get delivering(): boolean {
    const enabled = [...this.#monitors.values()].filter(({ registered }) => registered.camera.enabled);
    return enabled.length === 0 || enabled.some((monitor) => monitor.delivering);
  }

  totals(now: number, cameras: readonly CameraView[]): Totals {
    const sum = (value: (camera: CameraView) => number) => cameras.reduce((total, camera) => total + value(camera), 0);
    return {
      frames: this.#framesBefore + sum((camera) => camera.frames),
      objects: this.#objects,
      events: this.#events,
      fps: sum((camera) => camera.fps),
      eventsPerSecond: this.#eventRate.perSecond(now),
      messagesPerSecond: this.#messageRate.perSecond(now),
      latency: this.#latency.percentiles(),
      droppedRecords: this.#droppedRecords,
    };
  }
}
