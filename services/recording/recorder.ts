// Recordings of a postprocess host: which are running, and the process of each. Follows swaps: whatever serves an element is
// recorded, each bundle as a stream of its own.

import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../log/errors.ts";
import type { Deployment } from "../postprocess/deployment.ts";
import type { StreamInfo } from "./format.ts";
import type { FromRecording, Progress, ToRecording } from "./record_main.ts";

export interface RecordRequest {
  /** Given by the caller. */
  id: string;
  camera: string;
  /** Of the camera's frames. */
  sourceId: number;
  /** Absolute; made anew. */
  file: string;
  maxBytes: number;
  maxMs: number;
  /** Outputs of the model too. */
  tensors: boolean;
  /** Pixels; 0: no thumbnails. */
  thumbnailWidth: number;
}

export interface RecordingView extends Progress {
  id: string;
  camera: string;
  state: "running" | "ended" | "failed";
  /** Why it ended: "stopped", "full", "time", or what went wrong; "" while it runs. */
  reason: string;
  ms: number;
}

/** An element and what serves it. */
export interface Served {
  instance: string;
  deployment: Deployment | undefined;
}

/** How soon a swap is noticed: so long may frames be missing at one. */
const FOLLOW_MS = 100;

/** Ended recordings that nobody has asked for. */
const MOST_REMEMBERED = 16;
const PROGRAM = join(import.meta.dirname, "record_main.ts");

interface Tap {
  deployment: Deployment;
  stream: number;
}

export class Recording {
  readonly #request: RecordRequest;
  readonly #served: () => readonly Served[];
  readonly #child: ChildProcess;
  /** Our own descriptors of links' memory, by stream, until the process has its own. */
  readonly #lent = new Map<number, number>();
  readonly #taps = new Map<string, Tap>();
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #ended = Promise.withResolvers<void>();
  #view: RecordingView;
  #streams = 0;

  constructor(request: RecordRequest, served: () => readonly Served[]) {
    this.#request = request;
    this.#served = served;
    const { id, camera, file, maxBytes } = request;
    this.#view = { id, camera, state: "running", reason: "", ms: 0, bytes: 0, frames: 0, dropped: 0 };
    this.#child = fork(PROGRAM, [], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child.on("message", (message: FromRecording) => this.#hear(message));
    this.#child.on("error", (error) => this.#finish("failed", error.message));
    this.#child.on("exit", (code, signal) => this.#finish("failed", `its process ended (${signal ?? code})`));
    this.#tell({ type: "begin", file, maxBytes });
    this.#timer = setInterval(() => this.#follow(), FOLLOW_MS).unref();
    this.#follow();
  }

  get view(): RecordingView {
    const { state, ms } = this.#view;
    return { ...this.#view, ms: state === "running" ? this.#age : ms };
  }

  /** Ends it; resolves when the file is complete. */
  async end(reason: string): Promise<RecordingView> {
    if (this.#view.state === "running") {
      clearInterval(this.#timer);
      this.#tell({ type: "stop", reason });
      await this.#ended.promise;
    }
    return this.view;
  }

  get #age(): number {
    return Math.round(performance.now() - this.#began);
  }

  #follow(): void {
    if (this.#view.state !== "running") return;
    if (this.#age >= this.#request.maxMs) {
      void this.end("time");
      return;
    }
    try {
      this.#tapAll();
    } catch (error) {
      this.#child.kill();
      this.#finish("failed", `the link's memory cannot be read: ${messageOf(error)}`);
    }
  }

  /** @throws the system's error when no descriptor is left */
  #tapAll(): void {
    for (const { instance, deployment } of this.#served()) {
      const tap = this.#taps.get(instance);
      if (!deployment || tap?.deployment === deployment) continue;
      if (tap) this.#tell({ type: "untap", stream: tap.stream });
      this.#taps.set(instance, this.#tap(instance, deployment));
    }
  }

  #tap(instance: string, deployment: Deployment): Tap {
    const info = this.#describe(instance, deployment);
    const { stream } = info;
    // The deployment may close its descriptor any time: this one is ours until the process has opened it.
    const fd = openSync(`/proc/self/fd/${deployment.fd}`, "r+");
    this.#lent.set(stream, fd);
    const input = info.thumbnail ? deployment.bundle.input : undefined;
    const path = `/proc/${process.pid}/fd/${fd}`;
    this.#tell({ type: "tap", path, bytes: deployment.layout.totalBytes, info, input });
    return { deployment, stream };
  }

  #describe(element: string, { bundle, layout, plan, parameters, hasEngine }: Deployment): StreamInfo {
    const { name, version, digest, directory, labels, limits, kind } = bundle;
    const { camera, sourceId, tensors, thumbnailWidth } = this.#request;
    const outputs = layout.tensors.filter(({ isInput }) => !isInput);
    return {
      stream: ++this.#streams,
      element,
      kind,
      bundle: { name, version, digest, directory },
      labels: [...labels],
      network: { width: plan?.width ?? 0, height: plan?.height ?? 0 },
      limits: { ...limits },
      parameters: { ...parameters },
      tensors: !tensors
        ? []
        : outputs.map(({ name: output, dataType, dims, frameBytes, scale, zeroPoint }) => {
            return { name: output, dataType, dims: dims.slice(1), bytes: frameBytes, scale, zeroPoint };
          }),
      // The network's picture is only here when this host runs the model.
      thumbnail: hasEngine && thumbnailWidth > 0 ? { width: thumbnailWidth } : null,
      camera,
      sourceId,
    };
  }

  #hear(message: FromRecording): void {
    if (message.type === "tapped") this.#giveBack(message.stream);
    if (message.type !== "progress" && message.type !== "ended") return;
    const { bytes, frames, dropped } = message;
    this.#view = { ...this.#view, bytes, frames, dropped };
    if (message.type === "ended") this.#finish(message.failed ? "failed" : "ended", message.reason);
  }

  #finish(state: "ended" | "failed", reason: string): void {
    if (this.#view.state !== "running") return;
    this.#view = { ...this.#view, state, reason, ms: this.#age };
    clearInterval(this.#timer);
    for (const stream of [...this.#lent.keys()]) this.#giveBack(stream);
    this.#ended.resolve();
  }

  #giveBack(stream: number): void {
    const fd = this.#lent.get(stream);
    this.#lent.delete(stream);
    if (fd !== undefined) closeSync(fd);
  }

  #tell(message: ToRecording): void {
    // One that has ended says so by itself.
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}

/** The recordings of a host, by id. Ended ones are remembered until they are asked for. */
export class Recorder {
  readonly #served: () => readonly Served[];
  readonly #recordings = new Map<string, Recording>();

  constructor(served: () => readonly Served[]) {
    this.#served = served;
  }

  begin(request: RecordRequest): RecordingView {
    this.#forgetOld();
    const recording = new Recording(request, this.#served);
    this.#recordings.set(request.id, recording);
    return recording.view;
  }

  /** Undefined when there is none of this id. */
  view(id: string): RecordingView | undefined {
    return this.#recordings.get(id)?.view;
  }

  #forgetOld(): void {
    const ended = [...this.#recordings.values()].filter(({ view }) => view.state !== "running");
    for (const { view } of ended.slice(0, Math.max(0, ended.length - MOST_REMEMBERED)))
      this.#recordings.delete(view.id);
  }

  /** Undefined when there is none of this id. It is forgotten afterwards. */
  async end(id: string): Promise<RecordingView | undefined> {
    const recording = this.#recordings.get(id);
    const view = await recording?.end("stopped");
    this.#recordings.delete(id);
    return view;
  }

  /** With the host. */
  async close(): Promise<void> {
    await Promise.all([...this.#recordings.values()].map((recording) => recording.end("the host stopped")));
  }
}
