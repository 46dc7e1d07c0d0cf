/** Nightjar's main part: wires the others, keeps the processes running, answers the control interface. */
import { join } from "node:path";
import type { CameraInput, Config } from "../config/load.ts";
import type { ZoneInput } from "../config/zones.ts";
import type { Control } from "../control/commands.ts";
import { EventHub } from "../control/event-hub.ts";
import { ControlServer } from "../control/http-server.ts";
import { pageRoutes } from "../control/pages.ts";
import { Pictures } from "../control/pictures.ts";
import type { LogEntry } from "../log/entry.ts";
import { type ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { CameraSettings, FromPipeline, PipelineSettings, ToPipeline } from "../pipeline/messages.ts";
import type { FromPostprocess, LinkStatus, ToPostprocess } from "../postprocess/messages.ts";
import { fillPacketLengths } from "../publisher/packet-lengths.ts";
import { createPublisher, type Publisher, type PublisherHooks } from "../publisher/publisher.ts";
import { Announcer } from "./announcer.ts";
import { type BundleInfo, findBundle } from "./bundles.ts";
import type { Surroundings } from "./camera-monitor.ts";
import { CameraRegistry } from "./camera-registry.ts";
import { Cameras } from "./cameras.ts";
import { Captures } from "./captures.ts";
import { ChildLog } from "./child-log.ts";
import { CHILD_MODULES, type ChildModules, pipelineSpec, postprocessSpec } from "./children.ts";
import { DeploymentsActivator } from "./deployments/activator.ts";
import { BundleControl } from "./deployments/control.ts";
import { createDeployments, type RunningDeployments } from "./deployments/index.ts";
import { DeviceControl } from "./device-control.ts";
import { EventEvidence } from "./event-evidence.ts";
import { EvidenceStore } from "./evidence.ts";
import { intake } from "./intake.ts";
import { labelWarnings } from "./labels.ts";
import { Leftovers } from "./leftovers.ts";
import { LiveModel } from "./live-model.ts";
import { type FatalReason, ManagedProcess, type ProcessState } from "./managed-process.ts";
import { Metrics } from "./metrics.ts";
import { isReading, runCommand } from "./mqtt-commands.ts";
import { type RouterHandlers, routeRecords } from "./payload-router.ts";
import { type Bundles, findBundles, labelSettings, pipelineSettings, ZONES_STEP } from "./pipeline-settings.ts";
import { ProcessViews } from "./process-views.ts";
import { brokerView, mayCommandsChange, publisherOptions } from "./publishing.ts";
import { Requests } from "./requests.ts";
import { openSecretWarnings, prepareDirectories } from "./startup.ts";
import type { CameraView, Status } from "./status.ts";
import { UpdateControl } from "./updates.ts";
import { VERSION } from "./version.ts";
import { ZoneControl } from "./zone-control.ts";
import { Zones, type ZoneView } from "./zones.ts";

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
  readonly #cameras: Cameras;
  readonly #zones: ZoneControl;
  readonly #childLog: ChildLog;
  readonly #intake: RouterHandlers;
  readonly #announcer: Announcer;
  readonly #running: RunningDeployments;
  /** Bundles: what serves, and how it is changed. */
  readonly bundles: BundleControl;
  /** Updates over the air. */
  readonly updates: UpdateControl;
  /** The device itself: health, pictures, parameters, log. */
  readonly device: DeviceControl;
  /** Recordings for nightjar replay. */
  readonly captures: Captures;
  readonly #evidence: EvidenceStore;
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
  /** start() has come to its end: from then on there is something to say about the end. */
  #started = false;
  #stopping: Promise<void> | undefined;

  /** @throws ExpectedError when a bundle, the state file or a directory is not as it should be. */
  constructor({ config, logger, modules = CHILD_MODULES }: SupervisorOptions) {
    this.#config = config;
    this.#log = logger;
    this.#bundles = findBundles(config);
    this.#registry = new CameraRegistry(config, (message) => logger.warn(message));
    this.#pictures = new Pictures(
      (camera, on) => this.#pipeline.send({ type: "watch", camera, on }),
      config.console.viewers,
    );
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
    const { directory, quota, ttl, enabled } = config.evidence;
    this.#evidence = new EvidenceStore({ directory, quotaBytes: quota, ttlMs: ttl });
    const eventEvidence = enabled ? new EventEvidence(this.#evidence, this.#pictures, logger) : undefined;
    this.#intake = intake({ ...parts, evidence: eventEvidence }, () => this.#pipeline.restart());
    this.#announcer = new Announcer({
      ...parts,
      status: () => this.status(),
      surroundings: () => this.#surroundings(),
    });
    this.#running = createDeployments({
      config,
      log: logger,
      bundles: {
        infer: this.#bundles.detector,
        tracker: this.#bundles.tracker,
        [ZONES_STEP]: this.#bundles.zones,
        ...this.#bundles.rules,
      },
      links: () => this.#links,
      cameras: () => this.#model.views(Date.now(), this.#surroundings()),
      send: (message) => this.#postprocess.send(message),
      announce: (event) => this.#announcer.tellBundle(event),
      serves: (element, bundle) => this.#followLabels(element, bundle),
    });
    this.bundles = new BundleControl(config, this.#running.deployments, this.#running.record);
    this.updates = this.#createUpdates();
    this.device = new DeviceControl({
      ...parts,
      stateDirectory: config.directories.state,
      evidence: this.#evidence,
      bundles: () => this.bundles,
      status: () => this.status(),
      hasCamera: (id) => this.#model.has(id),
      notReady: () => this.#notReady(),
    });
    this.captures = new Captures({
      stateDirectory: config.directories.state,
      sourceId: (id) => this.#registry.get(id)?.sourceId,
      send: (message) => this.#postprocess.send(message),
    });
    this.#postprocess = this.#createPostprocess(modules);
    this.#pipeline = this.#createPipeline(modules);
    this.#processes = new ProcessViews(this.#startedAt, [this.#pipeline, this.#postprocess]);
    this.#requests = new Requests((message) => this.#pipeline.send(message));
    this.#server = new ControlServer({ config, control: this, routes: pageRoutes(this.#pageSources()), log: logger });
    this.#childLog = new ChildLog(config, logger);
    this.#cameras = new Cameras({
      ...parts,
      config,
      messageConfigFile: this.#messageConfigFile,
      registry: this.#registry,
      metrics: this.#metrics,
      requests: this.#requests,
      surroundings: () => this.#surroundings(),
    });
    this.#zones = new ZoneControl({
      config,
      zones: new Zones(config, this.#registry, this.#bundles.detector, (message) => logger.warn(message)),
      bundle: this.#bundles.zones,
      requests: this.#requests,
      log: logger,
      restart: () => this.#pipeline.restart(),
    });
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
    await this.#server.listenOnSocket(this.controlSocket);
    this.#ownsDirectories = true;
    for (const warning of openSecretWarnings(this.#config, this.#registry.list())) this.#log.warn(warning);
    for (const warning of labelWarnings(this.#bundles)) this.#log.warn(warning);
    for (const pid of this.#leftovers.end())
      this.#log.warn({ pid }, "ended a process that an earlier run had left behind");
    if (this.#config.console.enabled) this.#console = await this.#server.listenOnTcp();
    this.#evidence.open();
    await this.#publisher.start();
    this.#cameras.writeMessageConfig();
    this.#running.deployments.resume();
    this.updates.start();
    this.#postprocess.start();
    this.#pipeline.start();
    // While they load.
    fillPacketLengths();
    setTimeout(() => this.#hostReady.resolve(), HOST_WAIT_MS).unref();
    this.#announcer.start();
    this.#started = true;
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
    this.#zones.check(input);
    const camera = await this.#cameras.add(input);
    await this.#zones.cameraAdded(camera.id);
    return camera;
  }

  async removeCamera(id: string): Promise<void> {
    await this.#cameras.remove(id);
    await this.#zones.cameraRemoved(id);
  }

  zones(): readonly ZoneView[] {
    return this.#zones.list();
  }

  setZone(camera: string, input: ZoneInput): Promise<ZoneView> {
    return this.#zones.set(camera, input);
  }

  removeZone(camera: string, name: string): Promise<void> {
    return this.#zones.remove(camera, name);
  }

  async #stop(): Promise<void> {
    // A start that failed has its own message; these would only stand before it.
    const level = this.#started ? "info" : "debug";
    this.#log[level]("stopping");
    this.#announcer.stop();
    await this.updates.stop();
    await this.#running.deployments.stop();
    this.#requests.cancel();
    const { stopTimeout } = this.#config.pipeline;
    const pipelineRung = await this.#pipeline.stop();
    const postprocessRung = await this.#postprocess.stop();
    await this.#publisher.stop(stopTimeout);
    this.#pictures.close();
    this.#news.close();
    await this.#server.close();
    this.#noteChildren();
    this.#log[level]({ pipeline: pipelineRung, postprocess: postprocessRung }, "stopped");
  }

  #createUpdates(): UpdateControl {
    const { deployments, record } = this.#running;
    const isConnected = (element: string) =>
      this.#postprocess.state === "running" && this.#links.some(({ instance }) => instance === element);
    return new UpdateControl({
      config: this.#config,
      log: this.#log,
      activator: new DeploymentsActivator(deployments, record, isConnected),
      bundles: [this.#bundles.detector, this.#bundles.tracker].flatMap((bundle) => bundle?.name ?? []),
      onChange: (status) => this.#announcer.tellUpdate(status),
    });
  }

  #createPipeline(modules: ChildModules): ManagedProcess<ToPipeline, FromPipeline> {
    const spec = pipelineSpec(this.#config, modules, async () => {
      await this.#hostReady.promise;
      return { type: "start", settings: this.#pipelineSettings(this.#cameras.settings()) };
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
      postprocessSpec(this.#config, modules, this.#hostSocket, () => this.#running.assignment()),
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
      bundles: { ...this.#bundles, zones: this.#zones.bundle, serving: this.#servingDetector() },
      zones: this.#zones.text,
      hostSocket: this.#hostSocket,
      messageConfigFile: this.#messageConfigFile,
    });
  }

  /** The labels of the configuration, as class ids of the detector that serves from now on. */
  #followLabels(element: string, { directory }: { readonly directory: string }): void {
    const { classes, classThresholds } = this.#config.inference;
    if (element !== "infer" || (classes === undefined && Object.keys(classThresholds).length === 0)) return;
    try {
      const info = findBundle(directory, "detect", "bundle", this.#config.directories.bundles);
      const change = labelSettings(this.#config, info);
      void this.#requests
        .ask({ type: "setParameters", step: "infer", change })
        .catch((error) => this.#log.error(messageOf(error)));
    } catch (error) {
      this.#log.error(messageOf(error));
    }
  }

  /** Undefined: the configuration's detector serves. */
  #servingDetector(): BundleInfo | undefined {
    const { active } = this.#running.deployments.view("infer");
    if (active === null) return undefined;
    try {
      return findBundle(active.directory, "detect", "bundle", this.#config.directories.bundles);
    } catch (error) {
      this.#log.error(messageOf(error));
      return undefined;
    }
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
        this.#childLog.pipeline(message);
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
    if (message.type === "incident") this.#running.deployments.hear(message);
    if (message.type === "swapped") this.#running.host.answer(message.request, message.answer);
    if (message.type === "recorded") this.captures.answer(message.request, message.view);
    if (message.type === "status") {
      this.#links = message.links;
      this.#childLog.links(message.links);
    }
    if (message.type === "log") this.#childLog.postprocess(message);
  }

  #publisherHooks(): PublisherHooks {
    return {
      onAcknowledged: ({ camera, latencyMs }) => {
        if (camera === undefined) return;
        this.#model.published(camera, Date.now(), latencyMs);
        if (latencyMs !== undefined) this.#metrics.observeLatency(camera, latencyMs);
      },
      runCommand: (name, input) => runCommand(this, this.#log, name, input, mayCommandsChange(this.#config)),
      isReading,
      onState: (snapshot) => this.#news.publish({ type: "broker", time: Date.now(), data: brokerView(snapshot) }),
    };
  }

  #processChanged(name: string, state: ProcessState, reason: string): void {
    if (name === "pipeline" && state !== "running" && state !== "stopping") {
      this.#requests.cancel();
      this.#model.pipelineGone();
    }
    if (name === "pipeline" && state === "waiting") this.#running.deployments.pipelineEnded();
    if (name === "postprocess" && state === "waiting") {
      this.#running.deployments.processEnded();
      this.captures.processEnded();
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
    this.#failed.resolve(this.#childLog.givenUp(name, reason, fatal));
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
      evidence: this.#evidence,
      captures: this.captures,
      hasCamera: (id: string) => this.#model.has(id),
      status: () => this.status(),
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
}
