/**
 * The publisher: takes payload records, keeps them in an outbox, and brings them to an MQTT broker.
 *
 *   publishRecord ─► outbox ─► sender ─► connection ─► broker
 *   publishCameraStatus ─► retained messages ─┘
 *
 * On each connection the birth message goes first and nothing else before the broker has it; then the retained status of
 * each camera; then the outbox. Its guarantee, with the outbox in memory: a message that was taken reaches the broker at
 * least once unless the queue overflows or the process ends, and every loss is counted and told on `<prefix>/loss`.
 */
import type { Registry } from "prom-client";
import type { Logger } from "../log/logger.ts";
import { LatencyWindow, RateMeter } from "../supervisor/latency.ts";
import type { BrokerProblem } from "./broker-problem.ts";
import { BrokerConnection, type BrokerLimits, type MqttVersion, type OutgoingMessage } from "./connection.ts";
import { type EmbeddedBroker, startEmbeddedBroker } from "./embedded-broker.ts";
import { identityProperties, newEpoch, withIdentity } from "./identity.ts";
import { LossCollector } from "./loss-report.ts";
import { type PublisherOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { type Loss, MemoryOutbox, type MessageClass, type Outbox, type StoredMessage } from "./outbox.ts";
import { type PublisherMetrics, publisherMetrics } from "./publisher-metrics.ts";
import { KIND, type PayloadRecord } from "./record.ts";
import { RetainedMessages } from "./retained.ts";
import { Sender } from "./sender.ts";
import { type Topics, topicsOf } from "./topics.ts";
import type { Publisher, PublisherHooks, PublisherSnapshot } from "./types.ts";

export type { AcknowledgedMessage, Publisher, PublisherHooks, PublisherSnapshot } from "./types.ts";

export function createPublisher(
  options: PublisherOptions,
  logger: Logger,
  registry: Registry,
  hooks: PublisherHooks = {},
): Publisher {
  return new MqttPublisher(resolveOptions(options), logger, registry, hooks);
}

/** How often losses are told and deferred messages are looked at. Milliseconds. */
const TICK_MS = 1000;
const DEFAULT_STOP_LIMIT_MS = 3000;
const JSON_TYPE = "application/json";

class MqttPublisher implements Publisher {
  readonly #options: ResolvedOptions;
  readonly #log: Logger;
  readonly #hooks: PublisherHooks;
  readonly #topics: Topics;
  readonly #outbox: Outbox;
  readonly #losses = new LossCollector();
  readonly #metrics: PublisherMetrics;
  readonly #latency = new LatencyWindow();
  readonly #rate = new RateMeter();
  readonly #startedAt = new Date();
  #url: string;
  #embedded: EmbeddedBroker | undefined;
  #connection: BrokerConnection | undefined;
  #sender: Sender | undefined;
  #retained: RetainedMessages | undefined;
  /** Statuses of cameras from before start(). */
  readonly #early = new Map<string, object | null>();
  /** Grows when the connection comes or goes: what an await finds changed is late. */
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;
  #state: PublisherSnapshot["state"] = "stopped";
  #problem: BrokerProblem | undefined;
  #protocol: MqttVersion | undefined;
  #published = 0;
  #acknowledged = 0;
  #dropped = 0;

  constructor(options: ResolvedOptions, logger: Logger, registry: Registry, hooks: PublisherHooks) {
    this.#options = options;
    this.#log = logger;
    this.#hooks = hooks;
    this.#topics = topicsOf(options.topicPrefix);
    this.#url = options.url ?? `mqtt://${options.embedded.host}:${options.embedded.port}`;
    this.#outbox = this.#createOutbox();
    this.#metrics = publisherMetrics(registry, () => ({
      ...this.#outbox.stats(),
      connected: this.#state === "connected",
    }));
  }

  async start(): Promise<void> {
    const { url, embedded } = this.#options;
    if (url === undefined) {
      this.#embedded = await startEmbeddedBroker(embedded);
      this.#url = `mqtt://${embedded.host}:${this.#embedded.port}`;
    }
    this.#state = "connecting";
    const connection = this.#createConnection();
    this.#connection = connection;
    this.#retained = new RetainedMessages(connection);
    for (const [camera, status] of this.#early) this.#setCameraStatus(camera, status);
    this.#early.clear();
    this.#sender = this.#createSender(connection);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    connection.start();
  }

  async stop(limitMs = DEFAULT_STOP_LIMIT_MS): Promise<void> {
    if (this.#state === "stopped") return;
    clearInterval(this.#timer);
    await this.#reportLosses();
    await this.#drain(limitMs);
    const left = this.#outbox.stats().messages;
    if (left > 0)
      this.#log.warn({ messages: left }, "messages that the broker does not have are lost with the end of the process");
    if (this.#connection?.connected === true) await this.#sayGoodbye();
    this.#generation += 1;
    this.#state = "stopped";
    await this.#connection?.stop();
    await this.#embedded?.stop();
    await this.#outbox.close();
    this.#hooks.onState?.(this.snapshot());
  }

  async publishRecord(record: PayloadRecord, camera: string): Promise<void> {
    if (record.dropped > 0) this.#losses.addPipelineDrops(record.dropped);
    if (record.kind !== KIND.objects && record.kind !== KIND.event) return;
    const isEvent = record.kind === KIND.event;
    await this.#enqueue({
      class: isEvent ? "event" : "telemetry",
      topic: isEvent ? this.#topics.events(camera) : this.#topics.objects(camera),
      payload: record.payload,
      captureNs: record.captureNs,
      camera,
    });
  }

  publishCameraStatus(camera: string, status: object | null): void {
    if (this.#retained === undefined) this.#early.set(camera, status);
    else this.#setCameraStatus(camera, status);
  }

  async publishMetrics(figures: object): Promise<void> {
    const document = {
      version: "1.0",
      device: this.#options.device,
      "@timestamp": new Date().toISOString(),
      ...figures,
    };
    await this.#enqueue({ class: "telemetry", topic: this.#topics.metrics, payload: json(document), captureNs: 0n });
  }

  snapshot(): PublisherSnapshot {
    const { messages, bytes, inFlight } = this.#outbox.stats();
    const { p50, p99 } = this.#latency.percentiles();
    return {
      state: this.#state,
      reason: this.#problem?.message ?? "",
      url: this.#url,
      embedded: this.#options.url === undefined,
      protocol: this.#protocol,
      topicPrefix: this.#options.topicPrefix,
      epoch: this.#outbox.epoch,
      messagesPerSecond: this.#rate.perSecond(Date.now()),
      queued: messages,
      queuedBytes: bytes,
      inFlight,
      published: this.#published,
      acknowledged: this.#acknowledged,
      dropped: this.#dropped,
      latencyMs: { p50, p99 },
    };
  }

  async #enqueue(message: {
    class: MessageClass;
    topic: string;
    payload: Buffer;
    captureNs: bigint;
    camera?: string;
  }): Promise<void> {
    if (this.#options.qos === 0 && this.#state !== "connected") {
      this.#countDropped("offline", 1);
      return;
    }
    await this.#outbox.enqueue({ ...message, contentType: JSON_TYPE });
    this.#sender?.pump();
  }

  #createOutbox(): Outbox {
    const epoch = newEpoch();
    const onLoss = (loss: Loss) => {
      this.#losses.addLoss(loss);
      this.#countDropped(loss.reason, loss.messages.length);
    };
    const { maxMessages, maxBytes } = this.#options;
    return this.#hooks.createOutbox?.(epoch, onLoss) ?? new MemoryOutbox({ epoch, maxMessages, maxBytes, onLoss });
  }

  #createConnection(): BrokerConnection {
    const will = { topic: this.#topics.status, payload: json(this.#status("offline", "connection lost")) };
    return new BrokerConnection(
      { ...this.#options.connection, ...this.#embeddedProtocol(), url: this.#url, will },
      {
        onUp: (limits) => void this.#up(limits),
        onDown: (problem, retryMs) => void this.#down(problem, retryMs),
      },
    );
  }

  /** The embedded broker has no MQTT 5, and no need of credentials. */
  #embeddedProtocol(): { version?: MqttVersion } {
    return this.#options.url === undefined ? { version: "3.1.1" } : {};
  }

  #createSender(connection: BrokerConnection): Sender {
    const { qos, window } = this.#options;
    return new Sender(
      this.#outbox,
      connection,
      {
        qos,
        window,
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

  #outgoing(message: StoredMessage): OutgoingMessage {
    const identity = { device: this.#options.device, epoch: this.#outbox.epoch, sequence: message.sequence };
    return {
      topic: message.topic,
      payload: this.#options.identityInPayload ? withIdentity(message.payload, identity) : message.payload,
      qos: this.#options.qos,
      retain: false,
      contentType: message.contentType,
      userProperties: identityProperties(identity),
    };
  }

  #acknowledgedBy(message: StoredMessage): void {
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
    const birth = await connection.publish({
      topic: this.#topics.status,
      payload: json(this.#status("online", "")),
      qos: 1,
      retain: true,
      contentType: JSON_TYPE,
    });
    if (birth.outcome === "refused")
      this.#log.error(
        { topic: this.#topics.status },
        "the broker refused the birth message: this device may not publish there",
      );
    if (birth.outcome === "lost" || generation !== this.#generation) return;
    this.#state = "connected";
    this.#problem = undefined;
    this.#protocol = limits.version;
    this.#log.info({ broker: this.#url, protocol: limits.version }, "connected to the broker");
    this.#hooks.onState?.(this.snapshot());
    await this.#retained?.open();
    if (generation === this.#generation) this.#sender?.up(limits);
  }

  async #down(problem: BrokerProblem, retryMs: number): Promise<void> {
    this.#generation += 1;
    this.#retained?.close();
    const isNews = this.#problem?.code !== problem.code;
    this.#state = "disconnected";
    this.#problem = problem;
    const level = isNews ? "warn" : "debug";
    this.#log[level](
      { retryInMs: Math.round(retryMs) },
      `no connection to the broker: ${problem.message}. Trying again until it works.`,
    );
    if (isNews) this.#hooks.onState?.(this.snapshot());
    await this.#sender?.down();
  }

  #setCameraStatus(camera: string, status: object | null): void {
    const head = { version: "1.0", device: this.#options.device, camera, "@timestamp": new Date().toISOString() };
    this.#retained?.set(this.#topics.cameraStatus(camera), status === null ? null : { ...head, ...status });
  }

  #status(state: "online" | "offline", reason: string): object {
    return {
      version: "1.0",
      device: this.#options.device,
      state,
      reason,
      epoch: this.#outbox.epoch,
      software: this.#options.version,
      startedAt: this.#startedAt.toISOString(),
    };
  }

  #tick(): void {
    void this.#reportLosses();
    this.#sender?.pump();
  }

  async #reportLosses(): Promise<void> {
    for (const report of this.#losses.take(this.#options.device, this.#outbox.epoch, new Date())) {
      this.#log.warn({ count: report.count, reason: report.reason, stage: report.stage }, "messages were lost");
      await this.#enqueue({ class: "alarm", topic: this.#topics.loss, payload: json(report), captureNs: 0n });
    }
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
    const goodbye = this.#connection!.publish({
      topic: this.#topics.status,
      payload: json(this.#status("offline", "stopped")),
      qos: 1,
      retain: true,
      contentType: JSON_TYPE,
    });
    await Promise.race([goodbye, limit]);
  }
}

function json(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}
