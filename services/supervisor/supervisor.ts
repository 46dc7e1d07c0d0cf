/** Nightjar's main part: wires the others, keeps the processes running, answers the control interface. */
import { join } from "node:path";
import type { CameraInput, Config } from "../config/load.ts";
import type { ZoneInput } from "../config/zones.ts";
import type { Control } from "../control/commands.ts";
import { EventHub } from "../control/event-hub.ts";
import { ControlServer } from "../control/http-server.ts";
import { Insight } from "../control/insight.ts";
import { pageRoutes } from "../control/pages.ts";
import { Pictures } from "../control/pictures.ts";
import type { LogEntry } from "../log/entry.ts";
import type { ExpectedError } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Facts } from "../metrics/facts.ts";
import { Metrics } from "../metrics/metrics.ts";
import { Otlp } from "../metrics/otlp.ts";
import type { CameraSettings, FromPipeline, PipelineSettings } from "../pipeline/messages.ts";
import type { FromPostprocess, LinkStatus } from "../postprocess/messages.ts";
import { createPublisher, type Publisher, type PublisherHooks } from "../publisher/publisher.ts";
import { Announcer } from "./announcer.ts";
import { CameraRegistry } from "./camera-registry.ts";
import { Cameras } from "./cameras.ts";
import { Captures } from "./captures.ts";
import { ChildLog } from "./child-log.ts";
import { CHILD_MODULES, type ChildModules } from "./children.ts";
import { DeploymentsActivator } from "./deployments/activator.ts";
import { BundleControl } from "./deployments/control.ts";
import { createDeployments, type RunningDeployments } from "./deployments/index.ts";
import { DeviceControl } from "./device-control.ts";
import { EventEvidence } from "./event-evidence.ts";
import { EvidenceStore } from "./evidence.ts";
import { intake } from "./intake.ts";
import { labelWarnings } from "./labels.ts";
import { LiveModel } from "./live-model.ts";
import type { ProcessState } from "./managed-process.ts";
import { isReading, runCommand } from "./mqtt-commands.ts";
import { type Bundles, findBundles, pipelineSettings, ZONES_STEP } from "./pipeline-settings.ts";
import { Processes, type ProcessName } from "./processes.ts";
import { brokerView, mayCommandsChange, publisherOptions } from "./publishing.ts";
import { Requests } from "./requests.ts";
import { followLabels, servingDetector } from "./serving-detector.ts";
import { openSecretWarnings, prepareDirectories } from "./startup.ts";
import type { CameraView, Status } from "./status.ts";
import { UpdateControl } from "./updates.ts";
import { VERSION } from "./version.ts";
import { ZoneControl } from "./zone-control.ts";
import { Zones, type ZoneView } from "./zones.ts";

/** Of the status; the log's commands have more. */
const LOG_LINES = 50;

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
  readonly #otlp: Otlp;
  readonly #server: ControlServer;
  readonly #processes: Processes;
  readonly #requests: Requests;
  readonly #cameras: Cameras;
  readonly #zones: ZoneControl;
  readonly #childLog: ChildLog;
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
  /** History, log, machine, doctor, parameters. */
  readonly insight: Insight;
  readonly #evidence: EvidenceStore;
  readonly #failed = Promise.withResolvers<ExpectedError>();
  #gstreamer = "";
  #profile = "";
  #console: string | null = null;
  #links: readonly LinkStatus[] = [];
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
      (camera, on) => this.#processes.pipeline.send({ type: "watch", camera, on }),
      config.console.viewers,
    );
    this.#model = new LiveModel(config.pipeline.stallTimeout, (camera) => this.#pictures.viewers(camera));
    this.#metrics = new Metrics(() => this.#facts());
    const attributes = { "service.name": "nightjar", "service.instance.id": config.device.id };
    const origin = { attributes, version: VERSION, startedAt: this.#startedAt };
    this.#otlp = new Otlp({ config: config.telemetry.otlp, metrics: this.#metrics, origin, log: logger });
    this.#publisher = createPublisher(publisherOptions(config), logger, this.#metrics.registry, this.#publisherHooks());
    const parts = {
      model: this.#model,
      publisher: this.#publisher,
      news: this.#news,
      pictures: this.#pictures,
      log: logger,
    };
    const { directory, quota, ttl, enabled } = config.evidence;
    const { freeSpace } = config.outbox;
    this.#evidence = new EvidenceStore({ directory, quotaBytes: quota, ttlMs: ttl, freeShare: freeSpace });
    const eventEvidence = enabled ? new EventEvidence(this.#evidence, this.#pictures, logger) : undefined;
    this.#processes = new Processes({
      config,
      log: logger,
      modules,
      startedAt: this.#startedAt,
      hostSocket: this.#hostSocket,
      intake: intake({ ...parts, evidence: eventEvidence }, () => this.#processes.pipeline.restart()),
      settings: () => this.#pipelineSettings(this.#cameras.settings()),
      assignment: () => this.#running.assignment(),
      onPipeline: (message) => this.#hearPipeline(message),
      onPostprocess: (message) => this.#hearPostprocess(message),
      onState: (name, state, reason) => this.#processChanged(name, state, reason),
      onFailed: (name, reason, fatal) => this.#failed.resolve(this.#childLog.givenUp(name, reason, fatal)),
    });
    this.#announcer = new Announcer({
      ...parts,
      stateDirectory: config.directories.state,
      status: () => this.status(),
      surroundings: () => this.#processes.surroundings,
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
      cameras: () => this.#model.views(Date.now(), this.#processes.surroundings),
      send: (message) => this.#processes.postprocess.send(message),
      announce: (event) => {
        this.#metrics.observeBundle(event);
        this.#announcer.tellBundle(event);
      },
      serves: (element, bundle) => {
        if (element === "infer") followLabels(bundle, config, this.#requests, logger);
      },
    });
    this.bundles = new BundleControl(config, this.#running.deployments, this.#running.record);
    this.insight = new Insight(config, this.#running.deployments);
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
      freeShare: freeSpace,
      sourceId: (id) => this.#registry.get(id)?.sourceId,
      send: (message) => this.#processes.postprocess.send(message),
    });
    this.#requests = new Requests((message) => this.#processes.pipeline.send(message));
    this.#server = new ControlServer({ config, control: this, routes: pageRoutes(this.#pageSources()), log: logger });
    this.#childLog = new ChildLog(config, logger);
    this.#cameras = new Cameras({
      ...parts,
      config,
      messageConfigFile: this.#messageConfigFile,
      registry: this.#registry,
      metrics: this.#metrics,
      requests: this.#requests,
      surroundings: () => this.#processes.surroundings,
    });
    this.#zones = new ZoneControl({
      config,
      zones: new Zones(config, this.#registry, this.#bundles.detector, (message) => logger.warn(message)),
      bundle: this.#bundles.zones,
      requests: this.#requests,
      log: logger,
      restart: () => this.#processes.pipeline.restart(),
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
    for (const warning of openSecretWarnings(this.#config, this.#registry.list())) this.#log.warn(warning);
    for (const warning of labelWarnings(this.#bundles)) this.#log.warn(warning);
    for (const pid of this.#processes.takeOver())
      this.#log.warn({ pid }, "ended a process that an earlier run had left behind");
    if (this.#config.console.enabled) this.#console = await this.#server.listenOnTcp();
    this.#evidence.open();
    await this.#publisher.start();
    this.#cameras.writeMessageConfig();
    this.#running.deployments.resume();
    await this.updates.start();
    this.#processes.start();
    await this.#otlp.start();
    this.#announcer.start();
    this.insight.start(() => this.status());
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
    this.#processes.kill();
  }

  get controlSocket(): string {
    return join(this.#config.directories.runtime, "control.sock");
  }

  /** A log line for the terminal view and the console. */
  takeLogEntry(entry: LogEntry): void {
    this.insight.log.add(entry);
    this.#news.publish({ type: "log", time: entry.time, data: entry });
  }

  status(): Status {
    const now = Date.now();
    const cameras = this.#model.views(now, this.#processes.surroundings);
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
      links: this.#processes.postprocess.state === "running" ? this.#links : [],
      processes: this.#processes.look(),
      broker: brokerView(this.#publisher.snapshot()),
      totals: this.#model.totals(now, cameras),
      log: this.insight.log.last(LOG_LINES),
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
    this.insight.stop();
    await this.#otlp.stop();
    await this.updates.stop();
    await this.#running.deployments.stop();
    this.#requests.cancel();
    const { stopTimeout } = this.#config.pipeline;
    const rungs = await this.#processes.stop();
    await this.#publisher.stop(stopTimeout);
    this.#evidence.close();
    this.#pictures.close();
    this.#news.close();
    await this.#server.close();
    this.#log[level](rungs, "stopped");
  }

  #createUpdates(): UpdateControl {
    const { deployments, record } = this.#running;
    const isConnected = (element: string) =>
      this.#processes.postprocess.state === "running" && this.#links.some(({ instance }) => instance === element);
    return new UpdateControl({
      config: this.#config,
      log: this.#log,
      activator: new DeploymentsActivator(deployments, record, isConnected),
      bundles: [this.#bundles.detector, this.#bundles.tracker].flatMap((bundle) => bundle?.name ?? []),
      onChange: (status) => {
        this.#metrics.observeUpdate(status);
        this.#announcer.tellUpdate(status);
      },
    });
  }

  get #hostSocket(): string {
    return join(this.#config.directories.runtime, "postprocess.sock");
  }

  get #messageConfigFile(): string {
    return join(this.#config.directories.runtime, "msgconv.txt");
  }

  #pipelineSettings(cameras: readonly CameraSettings[]): PipelineSettings {
    const { active } = this.#running.deployments.view("infer");
    const serving = servingDetector(active, this.#config, this.#log);
    return pipelineSettings({
      config: this.#config,
      cameras,
      bundles: { ...this.#bundles, zones: this.#zones.bundle, serving },
      zones: this.#zones.text,
      hostSocket: this.#hostSocket,
      messageConfigFile: this.#messageConfigFile,
    });
  }

  #hearPipeline(message: FromPipeline): void {
    switch (message.type) {
      case "ready":
        this.#gstreamer = message.gstreamer.replace(/^GStreamer /, "");
        this.#profile = message.profile;
        for (const camera of this.#pictures.watched())
          this.#processes.pipeline.send({ type: "watch", camera, on: true });
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

  #processChanged(name: ProcessName, state: ProcessState, reason: string): void {
    if (name === "pipeline" && state !== "running" && state !== "stopping") {
      this.#requests.cancel();
      this.#model.pipelineGone();
    }
    if (name === "pipeline" && state === "waiting") this.#running.deployments.pipelineEnded();
    if (name === "postprocess" && state === "waiting") {
      this.#running.deployments.processEnded();
      this.captures.processEnded();
    }
    this.#news.publish({ type: "process", time: Date.now(), data: { name, state, reason } });
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

  async #facts(): Promise<Facts> {
    const { quarantine } = this.#running.record.content;
    return {
      status: this.status(),
      update: this.updates.status(),
      machine: await this.insight.machine(),
      isReady: this.#notReady() === undefined,
      quarantined: quarantine.length,
    };
  }

  #notReady(): string | undefined {
    if (this.#stopping !== undefined) return "stopping";
    return this.#processes.notRunning ?? (this.#model.delivering ? undefined : "no camera delivers");
  }
}
