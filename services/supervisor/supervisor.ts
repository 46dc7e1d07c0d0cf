/** Nightjar's main part: wires the others, keeps the processes running, answers the control interface. */
import { join } from "node:path";
import type { CameraInput, Config } from "../config/load.ts";
import type { LogEntry } from "../log/entry.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { CameraSettings, FromPipeline, PipelineSettings, ToPipeline } from "../pipeline/messages.ts";
import type { FromPostprocess, LinkStatus, ToPostprocess } from "../postprocess/messages.ts";
import { createPublisher, type Publisher, type PublisherHooks } from "../publisher/publisher.ts";
import { Announcer } from "./announcer.ts";
import { writeFileAtomically } from "./atomic-file.ts";
import type { Surroundings } from "./camera-monitor.ts";
import { CameraRegistry, type RegisteredCamera } from "./camera-registry.ts";
import { CHILD_MODULES, type ChildModules, pipelineSpec, postprocessSpec } from "./children.ts";
import type { Control } from "./commands.ts";
import { EventHub } from "./event-hub.ts";
import { ControlServer } from "./http-server.ts";
import { intake } from "./intake.ts";
import { Leftovers } from "./leftovers.ts";
import { LiveModel } from "./live-model.ts";
import { type FatalReason, ManagedProcess, type ProcessState } from "./managed-process.ts";
import { messageConfig } from "./message-config.ts";
import { Metrics } from "./metrics.ts";
import { pages } from "./pages.ts";
import { type RouterHandlers, routeRecords } from "./payload-router.ts";
import { Pictures } from "./pictures.ts";
import { type Bundles, cameraSettings, findBundles, pipelineSettings } from "./pipeline-settings.ts";
import { ProcessViews } from "./process-views.ts";
import { brokerView, publisherOptions } from "./publishing.ts";
import { Requests } from "./requests.ts";
import { openSecretWarnings, prepareDirectories } from "./startup.ts";
import type { CameraView, Status } from "./status.ts";
import { VERSION } from "./version.ts";

/** Video does not wait longer than this for the postprocess process, milliseconds. */
const HOST_WAIT_MS = 10_000;
const LOG_LINES = 200;

export interface SupervisorOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Programs of the children; the real ones unless a test says otherwise. */
  readonly modules?: ChildModules;
}

export class Supervisor implements Control {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #startedAt = Date.now();
  readonly #registry: CameraRegistry;
  readonly #bundles: Bundles;
  readonly #publisher: Publisher;
  readonly #news = new EventHub();
  readonly #pictures: Pictures;
  readonly #model: LiveModel;
  readonly #metrics: Metrics;
  readonly #server: ControlServer;
  readonly #leftovers: Leftovers;
  readonly #pipeline: ManagedProcess<ToPipeline, FromPipeline>;
  readonly #postprocess: ManagedProcess<ToPostprocess, FromPostprocess>;
  readonly #requests: Requests;
  readonly #intake: RouterHandlers;
  readonly #announcer: Announcer;
  readonly #processes: ProcessViews;
  readonly #logLines: LogEntry[] = [];
  readonly #failed = Promise.withResolvers<ExpectedError>();
  /** The postprocess process has been ready once, or is not to be waited for: then the first batch finds its model loaded. */
  readonly #hostReady = Promise.withResolvers<void>();
  #gstreamer = "";
  #profile = "";
  #console: string | null = null;
  #links: readonly LinkStatus[] = [];
  /** The control socket is ours, and so is everything else in the runtime directory. */
  #ownsDirectories = false;
  #stopping: Promise<void> | undefined;

  /** @throws ExpectedError when a bundle, the state file or a directory is not as it should be. */
  constructor({ config, logger, modules = CHILD_MODULES }: SupervisorOptions) {
    this.#config = config;
    this.#log = logger;
    this.#bundles = findBundles(config);
    this.#registry = new CameraRegistry(config, (message) => logger.warn(message));
    this.#pictures = new Pictures((camera, on) => this.#pipeline.send({ type: "watch", camera, on }));
    this.#model = new LiveModel(config.pipeline.stallTimeout, (camera) => this.#pictures.viewers(camera));
    this.#metrics = new Metrics(() => this.status());
    this.#leftovers = new Leftovers(config.directories.runtime);
    this.#publisher = createPublisher(publisherOptions(config), logger, this.#metrics.registry, this.#publisherHooks());
    const parts = {
      model: this.#model,
      publisher: this.#publisher,
      news: this.#news,
      pictures: this.#pictures,
      log: logger,
    };
    this.#intake = intake(parts, () => this.#pipeline.restart());
    this.#announcer = new Announcer({
      ...parts,
      status: () => this.status(),
      surroundings: () => this.#surroundings(),
    });
    this.#postprocess = this.#createPostprocess(modules);
    this.#pipeline = this.#createPipeline(modules);
    this.#processes = new ProcessViews(this.#startedAt, [this.#pipeline, this.#postprocess]);
    this.#requests = new Requests((message) => this.#pipeline.send(message));
    this.#server = new ControlServer(this, pages(this.#pageSources()), logger);
    for (const registered of this.#registry.list()) this.#model.add(registered, this.#startedAt);
  }

  /** Resolves with the reason when Nightjar cannot go on; the caller then stops it. */
  get failed(): Promise<ExpectedError> {
    return this.#failed.promise;
  }

  /** Starts everything. @throws ExpectedError when an address is taken or a directory cannot be used. */
  async start(): Promise<void> {
    // Finds labels that the bundle does not have before anything runs.
    this.#pipelineSettings([]);
    prepareDirectories(this.#config, [this.controlSocket, this.#hostSocket]);
    for (const warning of openSecretWarnings(this.#config, this.#registry.list())) this.#log.warn(warning);
    await this.#server.listenOnSocket(this.controlSocket);
    this.#ownsDirectories = true;
    for (const pid of this.#leftovers.end())
      this.#log.warn({ pid }, "ended a process that an earlier run had left behind");
    if (this.#config.console.enabled) this.#console = await this.#server.listenOnTcp(this.#config.console.listen);
    await this.#publisher.start();
    this.#writeMessageConfig();
    this.#postprocess.start();
    this.#pipeline.start();
    setTimeout(() => this.#hostReady.resolve(), HOST_WAIT_MS).unref();
    this.#announcer.start();
    const cameras = this.#registry.list().filter(({ camera }) => camera.enabled).length;
    this.#log.info({ version: VERSION, cameras, console: this.#console }, "Nightjar is running");
  }

  /** Stops everything in the order of the frames' way; asking again does not change that. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends the children at once. */
  kill(): void {
    this.#pipeline.kill();
    this.#postprocess.kill();
  }

  get controlSocket(): string {
    return join(this.#config.directories.runtime, "control.sock");
  }

  /** A log line for the terminal view and the console. */
  takeLogEntry(entry: LogEntry): void {
    this.#logLines.push(entry);
    if (this.#logLines.length > LOG_LINES) this.#logLines.shift();
    this.#news.publish({ type: "log", time: entry.time, data: entry });
  }

  status(): Status {
    const now = Date.now();
    const cameras = this.#model.views(now, this.#surroundings());
    return {
      version: VERSION,
      device: { id: this.#config.device.id, name: this.#config.device.name },
      configuration: this.#config.file,
      startedAt: this.#startedAt,
      uptimeMs: now - this.#startedAt,
      gstreamer: this.#gstreamer,
      profile: this.#profile,
      console: this.#console,
      controlSocket: this.controlSocket,
      cameras,
      links: this.#postprocess.state === "running" ? this.#links : [],
      processes: this.#processes.look(),
      broker: brokerView(this.#publisher.snapshot()),
      totals: this.#model.totals(now, cameras),
      log: this.#logLines.slice(-50),
    };
  }

  async addCamera(input: CameraInput): Promise<CameraView> {
    const registered = this.#registry.add(input);
    const { id } = registered.camera;
    // Before its first message comes.
    this.#model.add(registered, Date.now());
    try {
      this.#writeMessageConfig();
      if (registered.camera.enabled) await this.#addToPipeline(registered);
    } catch (error) {
      this.#registry.remove(id);
      this.#model.remove(id, Date.now(), this.#surroundings());
      throw error;
    }
    this.#log.info({ camera: id }, "camera added");
    this.#news.publish({ type: "camera", time: Date.now(), camera: id, data: { change: "added" } });
    return this.#model.view(id, Date.now(), this.#surroundings()) as CameraView;
  }

  async removeCamera(id: string): Promise<void> {
    const { camera } = this.#registry.remove(id);
    this.#model.remove(id, Date.now(), this.#surroundings());
    this.#pictures.remove(id);
    this.#metrics.forget(id);
    this.#publisher.publishCameraStatus(id, null);
    this.#log.info({ camera: id }, "camera removed");
    this.#news.publish({ type: "camera", time: Date.now(), camera: id, data: { change: "removed" } });
    if (camera.enabled) await this.#requests.ask({ type: "removeCamera", camera: id });
  }

  async #addToPipeline(registered: RegisteredCamera): Promise<void> {
    const camera = cameraSettings(registered, this.#config);
    await this.#requests.ask({ type: "addCamera", camera });
  }

  async #stop(): Promise<void> {
    this.#log.info("stopping");
    this.#announcer.stop();
    this.#requests.cancel();
    const { stopTimeout } = this.#config.pipeline;
    const pipelineRung = await this.#pipeline.stop();
    const postprocessRung = await this.#postprocess.stop();
    await this.#publisher.stop(stopTimeout);
    this.#pictures.close();
    this.#news.close();
    await this.#server.close();
    this.#noteChildren();
    this.#log.info({ pipeline: pipelineRung, postprocess: postprocessRung }, "stopped");
  }

  #createPipeline(modules: ChildModules): ManagedProcess<ToPipeline, FromPipeline> {
    const spec = pipelineSpec(this.#config, modules, async () => {
      await this.#hostReady.promise;
      return { type: "start", settings: this.#pipelineSettings(this.#cameraSettings()) };
    });
    return new ManagedProcess<ToPipeline, FromPipeline>(
      spec,
      {
        onMessage: (message) => this.#hearPipeline(message),
        onPipes: (pipes) => routeRecords(pipes, this.#intake),
        onState: (state, reason) => this.#processChanged("pipeline", state, reason),
        onFailed: (reason, fatal) => this.#giveUp("pipeline", reason, fatal),
      },
      this.#log,
    );
  }

  #createPostprocess(modules: ChildModules): ManagedProcess<ToPostprocess, FromPostprocess> {
    return new ManagedProcess<ToPostprocess, FromPostprocess>(
      postprocessSpec(this.#config, modules, this.#hostSocket),
      {
        onMessage: (message) => this.#hearPostprocess(message),
        onPipes: () => {},
        onState: (state, reason) => this.#processChanged("postprocess", state, reason),
        onFailed: (reason, fatal) => this.#giveUp("postprocess", reason, fatal),
      },
      this.#log,
    );
  }

  get #hostSocket(): string {
    return join(this.#config.directories.runtime, "postprocess.sock");
  }

  get #messageConfigFile(): string {
    return join(this.#config.directories.runtime, "msgconv.txt");
  }

  #pipelineSettings(cameras: readonly CameraSettings[]): PipelineSettings {
    return pipelineSettings({
      config: this.#config,
      cameras,
      bundles: this.#bundles,
      hostSocket: this.#hostSocket,
      messageConfigFile: this.#messageConfigFile,
    });
  }

  /** The settings of the cameras that can be opened; one whose password cannot be read fails alone. */
  #cameraSettings(): CameraSettings[] {
    return this.#registry.list().flatMap((registered) => {
      const { id, enabled } = registered.camera;
      if (!enabled) return [];
      try {
        return [cameraSettings(registered, this.#config)];
      } catch (error) {
        this.#model.refuse(id, messageOf(error));
        return [];
      }
    });
  }

  #hearPipeline(message: FromPipeline): void {
    switch (message.type) {
      case "ready":
        this.#gstreamer = message.gstreamer.replace(/^GStreamer /, "");
        this.#profile = message.profile;
        for (const camera of this.#pictures.watched()) this.#pipeline.send({ type: "watch", camera, on: true });
        return;
      case "status":
        for (const status of message.cameras) this.#model.report(status);
        return;
      case "camera":
        this.#model.report(message.status);
        this.#announcer.look();
        return;
      case "log":
        this.#logFor("pipeline", message);
        return;
      case "reply":
        this.#requests.reply(message);
        return;
      case "fatal":
        return;
    }
  }

  #hearPostprocess(message: FromPostprocess): void {
    if (message.type === "ready") this.#hostReady.resolve();
    if (message.type === "status") this.#links = message.links;
    if (message.type === "log") {
      const fields = message.instance === undefined ? {} : { instance: message.instance };
      this.#logFor("postprocess", { ...message, fields });
    }
  }

  #logFor(processName: string, message: { level: string; message: string; camera?: string; fields?: object }): void {
    const level =
      message.level === "debug" || message.level === "warn" || message.level === "error" ? message.level : "info";
    const camera = message.camera === undefined ? {} : { camera: message.camera };
    this.#log[level]({ process: processName, ...camera, ...message.fields }, message.message);
  }

  #publisherHooks(): PublisherHooks {
    return {
      onAcknowledged: ({ camera, latencyMs }) => {
        if (camera === undefined) return;
        this.#model.published(camera, Date.now(), latencyMs);
        if (latencyMs !== undefined) this.#metrics.observeLatency(camera, latencyMs);
      },
      onState: (snapshot) => this.#news.publish({ type: "broker", time: Date.now(), data: brokerView(snapshot) }),
    };
  }

  #processChanged(name: string, state: ProcessState, reason: string): void {
    if (name === "pipeline" && state !== "running" && state !== "stopping") {
      this.#requests.cancel();
      this.#model.pipelineGone();
    }
    if (state === "starting") setImmediate(() => this.#noteChildren());
    this.#news.publish({ type: "process", time: Date.now(), data: { name, state, reason } });
  }

  #noteChildren(): void {
    // Before that, the file is another Nightjar's.
    if (!this.#ownsDirectories) return;
    const pids = [this.#pipeline.pid, this.#postprocess.pid].filter((pid) => pid !== undefined);
    try {
      this.#leftovers.note(pids);
    } catch (error) {
      this.#log.warn(`the list of children is not kept: ${messageOf(error)}`);
    }
  }

  #giveUp(name: string, reason: string, fatal: FatalReason | undefined): void {
    const exitCode =
      fatal?.fault === "input" ? EXIT.configuration : fatal?.fault === "environment" ? EXIT.environment : EXIT.bug;
    this.#failed.resolve(new ExpectedError(exitCode, `the ${name} process cannot run: ${reason}`));
  }

  #surroundings(): Surroundings {
    return {
      pipelineUp: this.#pipeline.state === "running",
      pipelineFailed: this.#pipeline.state === "failed",
      postprocessUp: this.#postprocess.state === "running",
    };
  }

  #pageSources() {
    return {
      pictures: this.#pictures,
      news: this.#news,
      hasCamera: (id: string) => this.#model.has(id),
      notReady: () => this.#notReady(),
      metrics: () => this.#metrics.render(),
    };
  }

  #notReady(): string | undefined {
    if (this.#stopping !== undefined) return "stopping";
    if (this.#pipeline.state !== "running") return `the pipeline process is ${this.#pipeline.state}`;
    if (this.#postprocess.state !== "running") return `the postprocess process is ${this.#postprocess.state}`;
    return this.#model.delivering ? undefined : "no camera delivers";
  }

  #writeMessageConfig(): void {
    writeFileAtomically(this.#messageConfigFile, messageConfig(this.#config, this.#registry.list()));
  }
}
