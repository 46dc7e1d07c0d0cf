/** The pipeline as a whole: the graph, its cameras, the bus, and what the supervisor hears of them. */
import { Camera, type CameraEvents } from "./camera.ts";
import { fatal, fatalOfElement } from "./ends.ts";
import { Graph } from "./graph.ts";
import { type BusMessage, type ElementMessage, type Fault, gstVersion } from "./gst.ts";
import type {
  CameraSettings,
  CameraStatus,
  FatalMessage,
  FromPipeline,
  ParameterChange,
  PipelineSettings,
} from "./messages.ts";
import { profileNames, profileOf } from "./profiles.ts";
import { parseStats } from "./stats.ts";

const busIntervalMs = 20;
const tickIntervalMs = 100;
const heartbeatIntervalMs = 1000;

/** A command that cannot be carried out as it is; the text is for the caller. */
export class Refused extends Error {
  override readonly name = "Refused";
}

export interface ServiceOptions {
  send(message: FromPipeline): void;
  /** The pipeline is broken; the process has to end. Called once. */
  fail(reason: FatalMessage): void;
}

export class PipelineService {
  private readonly options: ServiceOptions;
  private graph: Graph | null = null;
  private settings: PipelineSettings | null = null;
  private readonly cameras = new Map<string, Camera>();
  private readonly timers: NodeJS.Timeout[] = [];
  private lastHeartbeat = Date.now();

  constructor(options: ServiceOptions) {
    this.options = options;
  }

  /** Builds and starts the graph, then the cameras. Throws what makes it impossible (see ends.ts). */
  start(settings: PipelineSettings): void {
    if (this.graph !== null) throw new Refused("the pipeline is started already");
    const profile = profileOf(settings);
    if (profile === undefined) {
      this.options.fail(
        fatal("input", `profile "${settings.profile}" is not known; expected ${profileNames.join(", ")}`),
      );
      return;
    }
    this.settings = settings;
    this.graph = new Graph(profile, settings);
    const started = this.graph.play();
    this.pollBus();
    if (!started) {
      this.options.fail(fatal("internal", "the pipeline refused to start and gave no reason"));
      return;
    }
    for (const camera of settings.cameras) this.addCamera(camera);
    this.options.send({ type: "ready", gstreamer: gstVersion(), profile: profile.name, pid: process.pid });
    this.lastHeartbeat = Date.now();
    this.every(busIntervalMs, () => this.pollBus());
    this.every(tickIntervalMs, () => this.tick());
    this.every(heartbeatIntervalMs, () => this.heartbeat());
  }

  stop(): void {
    for (const timer of this.timers.splice(0)) clearInterval(timer);
    for (const camera of this.cameras.values()) camera.remove();
    this.cameras.clear();
    this.graph?.stop();
    this.graph = null;
  }

  addCamera(settings: CameraSettings): void {
    const { graph, settings: own } = this.running();
    if (this.cameras.has(settings.id)) throw new Refused(`camera "${settings.id}" exists already`);
    const twin = [...this.cameras.values()].find((camera) => camera.settings.sourceId === settings.sourceId);
    if (twin !== undefined) throw new Refused(`sourceId ${settings.sourceId} belongs to camera "${twin.settings.id}"`);
    this.cameras.set(settings.id, new Camera(settings, graph, own.infer !== null, this.eventsOf(settings.id)));
  }

  removeCamera(id: string): void {
    const camera = this.camera(id);
    camera.remove();
    this.cameras.delete(id);
  }

  watch(id: string, on: boolean): void {
    if (!this.camera(id).watch(on) && on) throw new Refused("this pipeline makes no pictures: pictureFd is null");
  }

  setParameters(step: string, change: ParameterChange): void {
    this.running().graph.change(step, change);
  }

  private camera(id: string): Camera {
    this.running();
    const camera = this.cameras.get(id);
    if (camera === undefined)
      throw new Refused(`no camera "${id}"; there is ${[...this.cameras.keys()].join(", ") || "none"}`);
    return camera;
  }

  private running(): { graph: Graph; settings: PipelineSettings } {
    if (this.graph === null || this.settings === null) throw new Refused("the pipeline is not started");
    return { graph: this.graph, settings: this.settings };
  }

  private eventsOf(camera: string): CameraEvents {
    return {
      changed: (status) => this.options.send({ type: "camera", status }),
      log: (level, message, fields) =>
        this.options.send({ type: "log", level, message, camera, ...(fields === undefined ? {} : { fields }) }),
    };
  }

  private pollBus(): void {
    for (
      let message = this.graph?.nextMessage();
      message !== null && message !== undefined;
      message = this.graph?.nextMessage()
    ) {
      this.handle(message);
    }
  }

  private handle(message: BusMessage): void {
    if (message.type === "latency") this.graph?.recalculateLatency();
    else if (message.type === "error") this.handleError(message);
    else if (message.type === "warning") this.handleWarning(message);
    else if (message.type === "element") this.handleElement(message);
  }

  private handleError(message: Fault): void {
    const { branch } = message.origin;
    const camera = this.ownerOf(branch);
    if (camera !== undefined) camera.fail(branch, message, Date.now());
    else if (this.graph?.isShared(branch)) this.options.fail(fatalOfElement(message));
    // What is left is from a branch that has been taken out already.
  }

  private handleWarning(message: Fault): void {
    const { branch } = message.origin;
    const camera = this.ownerOf(branch);
    if (camera !== undefined) camera.warn(message, Date.now());
    else if (this.graph?.isShared(branch)) {
      this.options.send({
        type: "log",
        level: "warn",
        message: `${branch}: ${message.text}`,
        fields: { debug: message.debug },
      });
    }
  }

  /** Elements of the shared part report what they lose or regain by messages of their own. */
  private handleElement({ origin, name, structure }: ElementMessage): void {
    if (!this.graph?.isShared(origin.branch) || name === "stream-eos") return;
    const { state, message, ...fields } = parseStats(structure) as Record<string, string | number | boolean>;
    // Of a refusal the error that follows says as much.
    const level = name.endsWith("-dropped") ? "warn" : state === "refused" ? "debug" : "info";
    const words = [state ?? name, message].filter((part) => part !== undefined && part !== "").join(": ");
    this.options.send({ type: "log", level, message: `${origin.branch}: ${words}`, fields });
  }

  private ownerOf(branch: string): Camera | undefined {
    return [...this.cameras.values()].find((camera) => camera.ownsBranch(branch));
  }

  private tick(): void {
    const now = Date.now();
    for (const camera of this.cameras.values()) camera.tick(now);
  }

  private heartbeat(): void {
    const now = Date.now();
    const interval = now - this.lastHeartbeat;
    this.lastHeartbeat = now;
    const cameras = [...this.cameras.values()].map((camera) => camera.status(interval));
    const { graph } = this.running();
    this.options.send({ type: "status", at: now, cameras, totals: this.totals(cameras), elements: graph.stats() });
  }

  private totals(cameras: readonly CameraStatus[]) {
    const sum = (of: (camera: CameraStatus) => number): number =>
      cameras.reduce((total, camera) => total + of(camera), 0);
    const { user, system } = process.cpuUsage();
    return {
      uptimeMs: Math.round(process.uptime() * 1000),
      decoded: sum((camera) => camera.decoded),
      inferred: sum((camera) => camera.inferred),
      dropped: sum((camera) => camera.dropped),
      residentBytes: process.memoryUsage.rss(),
      cpuUs: user + system,
      latencyMs: this.graph?.latencyMs() ?? 0,
    };
  }

  /** A throw inside a callback of node-gtk's loop ends the loop without a word: it becomes a fatal end with one. */
  private every(intervalMs: number, action: () => void): void {
    this.timers.push(
      setInterval(() => {
        try {
          action();
        } catch (error) {
          this.options.fail(fatal("internal", error instanceof Error ? (error.stack ?? error.message) : String(error)));
        }
      }, intervalMs),
    );
  }
}
