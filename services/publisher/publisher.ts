/**
 * The publisher: takes payload records, keeps them in an outbox, and brings them to an MQTT broker.
 *
 *   publishRecord ─► outbox ─► sender ─► connection ─► broker
 *   publishCameraStatus ─► retained messages ─┘ └─► commands
 *
 * On each connection the birth message goes first and nothing else before the broker has it; then the retained messages;
 * then the outbox. Its guarantee: at least once from the moment publishRecord() resolves, in order within a class, live
 * and late messages apart, until the broker has acknowledged it, its class is over its quota or its time is over.
 * Every loss is counted, and told on `<prefix>/loss`.
 */
import type { Registry } from "prom-client";
import type { Logger } from "../log/logger.ts";
import { LatencyWindow, RateMeter } from "../supervisor/latency.ts";
import type { BrokerProblem } from "./broker-problem.ts";
import { ClientAlarm } from "./client-alarm.ts";
import { CommandService } from "./command-service.ts";
import {
  BrokerConnection,
  type BrokerLimits,
  type IncomingMessage,
  type MqttVersion,
  type OutgoingMessage,
  TOO_LARGE,
} from "./connection.ts";
import { type EmbeddedBroker, startEmbeddedBroker } from "./embedded-broker.ts";
import { HomeAssistant } from "./home-assistant.ts";
import { identityProperties, withIdentity } from "./identity.ts";
import { LossTeller } from "./loss-report.ts";
import { type PublisherOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import type { DeadLetter } from "./outbox/dead-letters.ts";
import { Outbox, type Receipt } from "./outbox/outbox.ts";
import type { MessageClass, TakenMessage } from "./outbox/types.ts";
import { Presence } from "./presence.ts";
import { type PublisherMetrics, publisherMetrics } from "./publisher-metrics.ts";
import { KIND, type PayloadRecord } from "./record.ts";
import { RetainedMessages } from "./retained.ts";
import { Sender } from "./sender.ts";
import { type Topics, topicsOf } from "./topics.ts";
import { isPlainToElsewhere } from "./transport.ts";
import type { Publisher, PublisherHooks, PublisherSnapshot } from "./types.ts";

export type { AcknowledgedMessage, CommandReply, Publisher, PublisherHooks, PublisherSnapshot } from "./types.ts";

export function createPublisher(
  options: PublisherOptions,
  logger: Logger,
  registry: Registry,
  hooks: PublisherHooks = {},
): Publisher {
  return new MqttPublisher(resolveOptions(options), logger, registry, hooks);
}

/** How often losses are told. Milliseconds. */
const TICK_MS = 1000;
const DEFAULT_STOP_LIMIT_MS = 3000;
const JSON_TYPE = "application/json";

class MqttPublisher implements Publisher {
  readonly #options: ResolvedOptions;
  readonly #log: Logger;
  readonly #hooks: PublisherHooks;
  readonly #topics: Topics;
  readonly #outbox: Outbox;
  readonly #losses: LossTeller;
  readonly #presence: Presence;
  readonly #retained = new RetainedMessages((topic, reason) => this.#refused(topic, reason));
  readonly #commands: CommandService;
  readonly #homeAssistant: HomeAssistant | undefined;
  readonly #metrics: PublisherMetrics;
  readonly #latency = new LatencyWindow();
  readonly #rate = new RateMeter();
  #url: string;
  #embedded: EmbeddedBroker | undefined;
  #connection: BrokerConnection | undefined;
  #sender: Sender | undefined;
  /** Grows when the connection comes or goes: what an await finds changed is late. */
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;
  #state: PublisherSnapshot["state"] = "stopped";
  #problem: BrokerProblem | undefined;
  readonly #alarm = new ClientAlarm();
  #protocol: MqttVersion | undefined;
  #published = 0;
  #acknowledged = 0;
  #dropped = 0;

  constructor(options: ResolvedOptions, logger: Logger, registry: Registry, hooks: PublisherHooks) {
    this.#options = options;
    this.#log = logger;
    this.#hooks = hooks;
    this.#topics = topicsOf(options.topicPrefix);
    this.#url = options.url ?? urlOf(options.embedded);
    this.#outbox = this.#createOutbox();
    this.#losses = new LossTeller(options.device, this.#outbox, logger, (report) => {
      void this.#enqueue({ class: "alarm", topic: this.#topics.loss, payload: json(report), captureNs: 0n });
    });
    this.#presence = new Presence({
      device: options.device,
      version: options.version,
      topic: this.#topics.status,
      epoch: () => this.#outbox.epoch,
    });
    this.#metrics = publisherMetrics(registry, () => ({
      ...this.#outbox.stats(),
      connected: this.#state === "connected",
    }));
    const { homeAssistant, device, version } = options;
    if (homeAssistant !== undefined)
      this.#homeAssistant = new HomeAssistant(
        homeAssistant,
        { id: device, version, topics: this.#topics },
        this.#retained,
      );
    this.#commands = new CommandService({
      device: options.device,
      prefix: options.topicPrefix,
      topics: this.#topics,
      hooks,
      log: logger,
      journal: () => this.#outbox.store,
      publish: (message) => this.#connection?.publish(message) ?? Promise.resolve({ outcome: "lost" }),
    });
  }

  async start(): Promise<void> {
    const { url, embedded } = this.#options;
    if (url === undefined) {
      this.#embedded = await startEmbeddedBroker({ ...embedded, onLoss: (text) => this.#log.warn(text) });
      this.#url = urlOf({ host: embedded.host, port: this.#embedded.port });
    }
    this.#state = "connecting";
    await this.#outbox.open();
    const connection = this.#createConnection();
    this.#connection = connection;
    this.#sender = this.#createSender(connection);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    connection.start();
  }

  async stop(limitMs = DEFAULT_STOP_LIMIT_MS): Promise<void> {
    if (this.#state === "stopped") return this.#outbox.close();
    clearInterval(this.#timer);
    this.#reportLosses();
    await this.#drain(limitMs);
    if (this.#connection?.connected === true) await this.#sayGoodbye();
    this.#generation += 1;
    this.#state = "stopped";
    this.#sender?.stop();
    this.#retained.close();
    await this.#connection?.stop();
    await this.#embedded?.stop();
    await this.#outbox.close();
    this.#sayWhatIsLeft();
    this.#hooks.onState?.(this.snapshot());
  }

  async publishRecord(record: PayloadRecord, camera: string): Promise<Receipt | undefined> {
    if (record.kind !== KIND.objects && record.kind !== KIND.event) return undefined;
    const isEvent = record.kind === KIND.event;
    const topic = isEvent ? this.#topics.events(camera) : this.#topics.objects(camera);
    const { payload, captureNs } = record;
    return this.#enqueue({ class: isEvent ? "event" : "telemetry", topic, payload, captureNs, camera });
  }

  recordsDropped(count: number): void {
    this.#losses.addPipelineDrops(count);
  }

  publishCameraStatus(camera: string, status: object | null): void {
    this.#retained.set(
      this.#topics.cameraStatus(camera),
      status === null ? null : this.#document({ camera, ...status }),
    );
    this.#homeAssistant?.announceCamera(camera, status === null);
    if (status === null) this.publishCounts(camera, null);
  }

  get isTakingAway(): boolean {
    return this.#retained.isTakingAway;
  }

  get wantsCounts(): boolean {
    return this.#homeAssistant !== undefined;
  }

  publishCounts(camera: string, counts: Readonly<Record<string, number>> | null): void {
    if (!this.wantsCounts) return;
    const topic = this.#topics.counts(camera);
    const labels = Object.values(counts ?? {});
    const total = labels.reduce((sum, count) => sum + count, 0);
    this.#retained.set(topic, counts === null ? null : this.#document({ camera, total, labels: counts }));
  }

  publishUpdate(status: object): void {
    this.#retained.set(this.#topics.update, this.#document(status));
  }

  async publishBundle(step: object): Promise<void> {
    const payload = json(this.#document(step));
    await this.#enqueue({ class: "event", topic: this.#topics.bundles, payload, captureNs: 0n });
  }

  async publishMetrics(figures: object): Promise<void> {
    const payload = json(this.#document(figures));
    await this.#enqueue({ class: "debug", topic: this.#topics.metrics, payload, captureNs: 0n });
  }

  async deadLetters(limit: number): Promise<DeadLetter[]> {
    return (await this.#outbox.store?.deadLetters(limit)) ?? [];
  }

  snapshot(): PublisherSnapshot {
    const outbox = this.#outbox.stats();
    const { p50, p99 } = this.#latency.percentiles();
    return {
      state: this.#state,
      reason: this.#problem?.message ?? "",
      alarm: this.#alarm.text,
      url: this.#url,
      embedded: this.#options.url === undefined,
      insecure: isPlainToElsewhere(this.#url),
      protocol: this.#protocol,
      topicPrefix: this.#options.topicPrefix,
      epoch: this.#outbox.epoch,
      messagesPerSecond: this.#rate.perSecond(Date.now()),
      queued: outbox.messages,
      queuedBytes: outbox.bytes,
      inFlight: outbox.inFlight,
      published: this.#published,
      acknowledged: this.#acknowledged,
      dropped: this.#dropped,
      outbox,
      latencyMs: { p50, p99 },
    };
  }

  async #enqueue(message: {
    class: MessageClass;
    topic: string;
    payload: Buffer;
    captureNs: bigint;
    camera?: string;
  }): Promise<Receipt> {
    if (this.#options.qos === 0 && this.#state !== "connected") {
      this.#countDropped("offline", 1);
      return { epoch: this.#outbox.epoch, sequence: 0, kept: false, durable: false };
    }
    return this.#outbox.enqueue({ ...message, contentType: JSON_TYPE });
  }

  #createOutbox(): Outbox {
    return new Outbox(this.#options.outbox, {
      onReady: () => this.#sender?.pump(),
      onLoss: (reason, count) => this.#countDropped(reason, count),
      onStoreProblem: (text) => this.#storeChanged(text),
      onStoreReplaced: (movedTo) =>
        this.#log.error(`the outbox' file was damaged; it was moved to ${movedTo}, and messages in it are lost`),
    });
  }

  #createConnection(): BrokerConnection {
    const subscriptions = [
      ...(this.#options.commands ? [this.#topics.commands] : []),
      ...(this.#homeAssistant === undefined ? [] : [this.#homeAssistant.statusTopic]),
    ];
    return new BrokerConnection(
      {
        ...this.#options.connection,
        ...this.#embeddedProtocol(),
        url: this.#url,
        will: this.#presence.will,
        subscriptions,
      },
      {
        onUp: (limits) => void this.#up(limits),
        onDown: (problem, retryMs) => this.#down(problem, retryMs),
        onTurn: () => this.#sender?.pump(),
        onMessage: (message) => this.#hear(message),
        onSubscriptionRefused: (filter) =>
          this.#log.error({ filter }, "the broker does not let this device subscribe; correct its access list"),
      },
    );
  }

  /** The embedded broker has no MQTT 5. */
  #embeddedProtocol(): { version?: MqttVersion } {
    return this.#options.url === undefined ? { version: "3.1.1" } : {};
  }

  #createSender(connection: BrokerConnection): Sender {
    return new Sender(
      this.#outbox,
      connection,
      {
        outgoing: (message) => this.#outgoing(message),
        onSent: (message) => {
          this.#published += 1;
          this.#metrics.published(message.class);
        },
        onAcknowledged: (message) => this.#acknowledgedBy(message),
      },
      this.#log,
    );
  }

  #outgoing(message: TakenMessage): OutgoingMessage {
    const { epoch, sequence, late, topic, contentType, expiresInMs } = message;
    const identity = { device: this.#options.device, epoch, sequence, late };
    return {
      topic,
      payload: this.#writesIdentity(topic) ? withIdentity(message.payload, identity) : message.payload,
      qos: this.#options.qos,
      retain: false,
      contentType,
      userProperties: identityProperties(identity),
      expiryMs: expiresInMs,
    };
  }

  #writesIdentity(topic: string): boolean {
    const { identityInPayload } = this.#options;
    if (identityInPayload !== "auto") return identityInPayload === "always";
    return this.#protocol === "3.1.1" || !this.#topics.isObjects(topic);
  }

  #acknowledgedBy(message: TakenMessage): void {
    const now = Date.now();
    const latencyMs =
      message.captureNs === 0n ? undefined : Math.max(0, now - Number(message.captureNs / 1000n) / 1000);
    this.#acknowledged += 1;
    this.#rate.add(now);
    if (latencyMs !== undefined) this.#latency.add(latencyMs);
    this.#metrics.acknowledged(message.class, latencyMs);
    const { sequence, topic, camera, captureNs } = message;
    this.#hooks.onAcknowledged?.({ sequence, topic, class: message.class, camera, captureNs, latencyMs });
  }

  async #up(limits: BrokerLimits): Promise<void> {
    const generation = ++this.#generation;
    const connection = this.#connection!;
    const birth = await connection.publish(this.#presence.birth);
    if (birth.outcome === "refused") this.#refused(this.#topics.status, birth.reason);
    if (birth.outcome === "lost" || generation !== this.#generation) return;
    this.#state = "connected";
    this.#problem = undefined;
    this.#protocol = limits.version;
    this.#log.info(
      { broker: this.#url, protocol: limits.version, session: limits.sessionPresent },
      "connected to the broker",
    );
    this.#hooks.onState?.(this.snapshot());
    await this.#retained.open(connection);
    if (generation !== this.#generation) return;
    this.#reportLosses();
    this.#sender?.up(limits);
  }

  #down(problem: BrokerProblem, retryMs: number): void {
    this.#generation += 1;
    this.#retained.close();
    const isNews = this.#problem?.code !== problem.code;
    this.#state = "disconnected";
    this.#problem = problem;
    const level = this.#alarm.hear(problem) ? "error" : isNews ? "warn" : "debug";
    this.#log[level](
      { retryInMs: Math.round(retryMs) },
      `no connection to the broker: ${problem.message}. Trying again until it works.`,
    );
    if (isNews) this.#hooks.onState?.(this.snapshot());
    this.#sender?.down(problem.blames);
  }

  /** A retained message, which nothing else stands in for. */
  #refused(topic: string, reason: number): void {
    const why = reason === TOO_LARGE ? "it takes no message of that size" : "this device may not publish there";
    this.#log.error({ topic }, `the broker refused a retained message: ${why}`);
  }

  #hear(message: IncomingMessage): void {
    if (this.#homeAssistant?.hear(message) === true) return;
    this.#commands
      .take(message)
      .catch((error) => this.#log.error({ err: error, topic: message.topic }, "a command failed by our fault"));
  }

  #storeChanged(problem: string): void {
    if (problem === "") this.#log.info("the outbox' disk works again");
    else this.#log.error(`${problem}. Until it works, messages are kept in memory only.`);
    this.#hooks.onState?.(this.snapshot());
  }

  #document(members: object): object {
    return { version: "1.0", device: this.#options.device, "@timestamp": new Date().toISOString(), ...members };
  }

  #tick(): void {
    this.#reportLosses();
    this.#sender?.pump();
  }

  /** Only to a broker that is there: until then, losses are added up. */
  #reportLosses(): void {
    if (this.#state === "connected") this.#losses.tell();
  }

  #countDropped(reason: string, count: number): void {
    this.#dropped += count;
    this.#metrics.dropped(reason, count);
  }

  async #drain(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs;
    while (this.#state === "connected" && this.#outbox.stats().messages > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #sayGoodbye(): Promise<void> {
    const limit = new Promise((resolve) => setTimeout(resolve, 1000).unref());
    await Promise.race([this.#connection!.publish(this.#presence.goodbye), limit]);
  }

  #sayWhatIsLeft(): void {
    const { messages, classes } = this.#outbox.stats();
    const onDisk = this.#options.outbox.disk !== undefined;
    const lost = onDisk ? classes.debug.messages : messages;
    if (lost > 0)
      this.#log.warn({ messages: lost }, "messages that were in memory only are lost with the end of the process");
    if (messages > lost) this.#log.info({ messages: messages - lost }, "messages wait on the disk for the next start");
  }
}

/** Of the embedded broker. */
function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `mqtt://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function json(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}
