/** Prometheus metrics. Counters and gauges are read from the status when somebody asks; only latency is kept here. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { CameraView, Status } from "./status.ts";

const CAMERA_STATES = ["starting", "playing", "starved", "stalled", "hung", "ended", "failed", "disabled"] as const;
const PROCESS_STATES = ["stopped", "starting", "running", "waiting", "stopping", "failed"] as const;

export class Metrics {
  /** Other parts add theirs. */
  readonly registry = new Registry();
  readonly #latency: Histogram<"camera">;

  constructor(status: () => Status) {
    collectDefaultMetrics({ register: this.registry, prefix: "nightjar_supervisor_" });
    this.#latency = new Histogram({
      name: "nightjar_capture_to_publish_seconds",
      help: "From the capture of a frame to the publishing of its message",
      labelNames: ["camera"],
      buckets: [0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10],
      registers: [this.registry],
    });
    this.#cameraMetrics(status);
    this.#processMetrics(status);
  }

  observeLatency(camera: string, milliseconds: number): void {
    this.#latency.observe({ camera }, milliseconds / 1000);
  }

  /** The camera is gone, and so is its series. */
  forget(camera: string): void {
    this.#latency.remove({ camera });
  }

  async render(): Promise<{ readonly type: string; readonly text: string }> {
    return { type: this.registry.contentType, text: await this.registry.metrics() };
  }

  #cameraMetrics(status: () => Status): void {
    const counters: [string, string, (camera: CameraView) => number][] = [
      ["nightjar_camera_frames_total", "Decoded frames", (camera) => camera.frames],
      [
        "nightjar_camera_dropped_frames_total",
        "Frames dropped because inference was too slow",
        (camera) => camera.dropped,
      ],
      ["nightjar_camera_objects_total", "Objects in messages", (camera) => camera.objectsTotal],
      ["nightjar_camera_events_total", "Events of modules", (camera) => camera.events],
      ["nightjar_camera_messages_total", "Messages published", (camera) => camera.messages],
      ["nightjar_camera_tries_total", "Attempts to open the source", (camera) => camera.tries],
    ];
    for (const [name, help, value] of counters) {
      this.#counter(name, help, ["camera"], () =>
        status().cameras.map((camera) => [{ camera: camera.id }, value(camera)]),
      );
    }
    this.#gauge("nightjar_camera_fps", "Decoded frames per second", ["camera"], () =>
      status().cameras.map((camera) => [{ camera: camera.id }, camera.fps]),
    );
    this.#gauge("nightjar_camera_viewers", "Viewers of live pictures", ["camera"], () =>
      status().cameras.map((camera) => [{ camera: camera.id }, camera.viewers]),
    );
    this.#gauge("nightjar_camera_state", "1 for the state that the camera is in", ["camera", "state"], () =>
      status().cameras.flatMap((camera) => oneHot(CAMERA_STATES, camera.state, { camera: camera.id })),
    );
  }

  #processMetrics(status: () => Status): void {
    this.#counter("nightjar_process_restarts_total", "Restarts of a process", ["process"], () =>
      status().processes.map(({ name, restarts }) => [{ process: name }, restarts]),
    );
    this.#gauge("nightjar_process_resident_bytes", "Resident memory", ["process"], () =>
      status().processes.map(({ name, residentBytes }) => [{ process: name }, residentBytes]),
    );
    this.#gauge("nightjar_process_cpu_cores", "CPU use in cores", ["process"], () =>
      status().processes.map(({ name, cpu }) => [{ process: name }, cpu]),
    );
    this.#gauge("nightjar_process_state", "1 for the state that the process is in", ["process", "state"], () =>
      status().processes.flatMap(({ name, state }) => oneHot(PROCESS_STATES, state, { process: name })),
    );
  }

  #gauge(name: string, help: string, labelNames: string[], read: () => Sample[]): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
  }

  #counter(name: string, help: string, labelNames: string[], read: () => Sample[]): void {
    new Counter({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      },
    });
  }
}

type Sample = [labels: Record<string, string>, value: number];

function oneHot(states: readonly string[], current: string, labels: Record<string, string>): Sample[] {
  return states.map((state) => [{ ...labels, state }, state === current ? 1 : 0]);
}
