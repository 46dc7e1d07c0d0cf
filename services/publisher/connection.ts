/**
 * The connection to the broker. This and client-options.ts are the only files that know the `mqtt` package, of which we use the wire protocol
 * alone: each attempt is a fresh client, so nothing of its own stores, resending or reconnecting is in play. What has not
 * been acknowledged when a connection ends is the outbox' business.
 */
import "./packet-library.ts";
import { connect, type MqttClient } from "mqtt";
import { codeOf, messageOf } from "../log/errors.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import {
  type BrokerAddress,
  type BrokerProblem,
  explain,
  explainClosed,
  isVersionRefusal,
  NO_ANSWER,
} from "./broker-problem.ts";
import { clientOptions, type WillFlags } from "./client-options.ts";
import { packetBytes } from "./packet-size.ts";
import { SendWindow } from "./send-window.ts";

export type MqttVersion = "5" | "3.1.1";

export interface TlsOptions {
  /** PEM files. */
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
}

export interface ConnectionOptions {
  /** mqtt://HOST[:PORT] or mqtts://HOST[:PORT], without credentials. */
  readonly url: string;
  readonly clientId: string;
  readonly username?: string | undefined;
  /** Read again for each attempt, so that a changed password is found. */
  readonly password?: (() => string) | undefined;
  readonly tls?: TlsOptions | undefined;
  /** "5" falls back to 3.1.1 when the broker has only that. */
  readonly version: MqttVersion;
  readonly keepAliveMs: number;
  readonly connectTimeoutMs: number;
  /** A broker that leaves a message without an answer for longer is given up. */
  readonly answerTimeoutMs: number;
  readonly backoff: BackoffOptions;
  /** A connection has to hold for so long until waiting times begin anew: two clients of one identifier would fight at full speed. */
  readonly stableMs: number;
  /** Messages in flight, unless the broker allows fewer. */
  readonly window: number;
  /** How long the broker waits for us before it publishes the will (MQTT 5), milliseconds. */
  readonly willDelayMs: number;
  readonly will: { readonly topic: string; readonly payload: Buffer };
  /** Topic filters to subscribe to on each connection. */
  readonly subscriptions?: readonly string[] | undefined;
}

/** What the broker allows, from its CONNACK. */
export interface BrokerLimits {
  readonly version: MqttVersion;
  /** Unacknowledged messages at a time. */
  readonly receiveMaximum: number;
  /** Bytes of one packet. */
  readonly maximumPacketSize: number;
  readonly maximumQos: 0 | 1 | 2;
  readonly retainAvailable: boolean;
  /** The broker still had our session. */
  readonly sessionPresent: boolean;
}

export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly contentType?: string | undefined;
  /** MQTT 5 only, as the rest. */
  readonly userProperties?: Readonly<Record<string, string>> | undefined;
  /** After this, the broker need not deliver it any more. Milliseconds. */
  readonly expiryMs?: number | undefined;
  /** Of the request that this answers. */
  readonly correlation?: Buffer | undefined;
}

/** A message of a topic that we subscribe to. */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  /** It had been said before we subscribed. */
  readonly retained: boolean;
  readonly responseTopic: string | undefined;
  readonly correlation: Buffer | undefined;
}

/** "lost": the connection ended first, and nobody knows whether the broker has it. */
export type PublishResult =
  | { readonly outcome: "taken" }
  | { readonly outcome: "refused"; readonly reason: number }
  | { readonly outcome: "lost" };

export interface ConnectionHandlers {
  onUp(limits: BrokerLimits): void;
  /** The queue may send something. */
  onTurn?(): void;
  /** The connection ended, or an attempt failed. The next one begins in `retryMs`. */
  onDown(problem: BrokerProblem, retryMs: number): void;
  onMessage?(message: IncomingMessage): void;
  /** The broker does not let us subscribe. */
  onSubscriptionRefused?(filter: string): void;
}

/** Reason code of a packet that is larger than the broker takes; ours for those that we do not send. */
export const TOO_LARGE = 0x95;
const GOODBYE_LIMIT_MS = 1000;
/** Reason codes of CONNACK about our will: the broker has no retained messages, or not this QoS. */
const NO_RETAIN = 0x9a;
const NO_QOS = 0x9b;

export class BrokerConnection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #address: BrokerAddress;
  readonly #backoff: Backoff;
  #version: MqttVersion;
  #client: MqttClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #limits: BrokerLimits | undefined;
  /** What has no answer yet, oldest first, with the time since when. */
  #pending = new Map<(result: PublishResult) => void, number>();
  #watch: NodeJS.Timeout | undefined;
  #stable: NodeJS.Timeout | undefined;
  readonly #window: SendWindow;
  /** Connections in a row that ended before they were stable. */
  #shortLived = 0;
  #will: WillFlags = { qos: 1, retain: true };
  #stopped = true;

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#version = options.version;
    this.#backoff = new Backoff(options.backoff);
    this.#window = new SendWindow(() => handlers.onTurn?.());
    this.#address = { url: options.url, username: options.username, clientId: options.clientId };
  }

  get connected(): boolean {
    return this.#limits !== undefined;
  }

  /** How many messages send() may be given now. */
  get free(): number {
    return this.#window.free;
  }

  start(): void {
    this.#stopped = false;
    this.#attempt();
  }

  /** Ends the connection: with a DISCONNECT, so that the broker does not publish the will. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    const wasUp = this.connected;
    this.#forgetConnection();
    if (client === undefined) return;
    // A broker that does not answer would let a polite end wait for ever.
    const limit = setTimeout(() => client.stream.destroy(), GOODBYE_LIMIT_MS);
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    await Promise.race([client.endAsync(!wasUp).catch(() => undefined), closed]);
    clearTimeout(limit);
    client.stream.destroy();
  }

  /** Whether the broker does not take a packet of this size: how many bytes it has, and how many it may have. */
  excess(message: OutgoingMessage): { readonly bytes: number; readonly most: number } | undefined {
    if (this.#limits === undefined) return undefined;
    const { version, maximumPacketSize: most } = this.#limits;
    const bytes = packetBytes(message, version);
    return bytes > most ? { bytes, most } : undefined;
  }

  /** A message beside the queue: waits for its turn. Resolves with what the broker says. */
  async publish(message: OutgoingMessage): Promise<PublishResult> {
    if (this.#limits === undefined) return { outcome: "lost" };
    if (this.excess(message) !== undefined) return { outcome: "refused", reason: TOO_LARGE };
    await this.#window.turn();
    return this.#publish(message, true);
  }

  /** A message of the queue; only while `free` says so. Resolves with what the broker says. */
  send(message: OutgoingMessage): Promise<PublishResult> {
    return this.#publish(message, false);
  }

  #publish(message: OutgoingMessage, isBeside: boolean): Promise<PublishResult> {
    const client = this.#client;
    const limits = this.#limits;
    if (client === undefined || limits === undefined) return Promise.resolve({ outcome: "lost" });
    const qos = Math.min(message.qos, limits.maximumQos) as 0 | 1;
    const retain = message.retain && limits.retainAvailable;
    const properties = this.#version === "5" ? publishProperties(message) : undefined;
    return new Promise((resolve) => {
      const settle = (result: PublishResult) => {
        if (!this.#pending.delete(settle)) return;
        this.#window.leave(isBeside);
        resolve(result);
      };
      this.#pending.set(settle, performance.now());
      if (!isBeside) this.#window.enter();
      client.publish(message.topic, message.payload, { qos, retain, ...(properties && { properties }) }, (error) => {
        settle(error === undefined || error === null ? { outcome: "taken" } : refusal(error));
      });
    });
  }

  #attempt(): void {
    let client: MqttClient;
    try {
      client = connect(this.#options.url, clientOptions(this.#options, this.#version, this.#will));
    } catch (error) {
      // A file of ours cannot be read; it may be there next time.
      this.#retry({ code: codeOf(error) ?? messageOf(error), message: messageOf(error), blames: "nobody" });
      return;
    }
    this.#client = client;
    let failure: unknown;
    client.on("connect", (packet) => {
      if (client === this.#client) this.#up(limitsOf(packet, this.#version));
    });
    client.on("error", (error) => {
      failure ??= error;
      client.end(true);
    });
    client.on("disconnect", (packet) => {
      failure ??= Object.assign(new Error("the broker ended the connection"), { code: packet.reasonCode });
    });
    client.on("message", (topic, payload, packet) => {
      if (client !== this.#client) return;
      const { responseTopic, correlationData } = packet.properties ?? {};
      this.#handlers.onMessage?.({
        topic,
        payload,
        retained: packet.retain,
        responseTopic,
        correlation: correlationData,
      });
    });
    client.on("close", () => {
      if (client === this.#client) this.#closed(client, failure);
    });
  }

  #up(limits: BrokerLimits): void {
    this.#limits = limits;
    this.#window.open(Math.min(this.#options.window, limits.receiveMaximum));
    this.#shortLived += 1;
    this.#stable = setTimeout(() => {
      this.#shortLived = 0;
      this.#backoff.reset();
    }, this.#options.stableMs);
    for (const filter of this.#options.subscriptions ?? []) this.#subscribe(filter);
    this.#watch = setInterval(() => this.#lookForSilence(), Math.min(1000, this.#options.answerTimeoutMs / 2));
    this.#handlers.onUp(limits);
  }

  /** It answers pings, perhaps, but not what counts. */
  #lookForSilence(): void {
    const [oldest] = this.#pending.values();
    const limitMs = this.#options.answerTimeoutMs;
    if (oldest === undefined || performance.now() - oldest < limitMs) return;
    const error = Object.assign(new Error(`no answer to a message within ${limitMs / 1000} s`), { code: NO_ANSWER });
    this.#client?.emit("error", error);
  }

  #subscribe(filter: string): void {
    const client = this.#client;
    client?.subscribe(filter, { qos: 1 }, (error, granted) => {
      // A connection that ended meanwhile is no refusal.
      if (client !== this.#client || client.disconnecting) return;
      const isRefused = granted === undefined ? error !== null : granted.some(({ qos }) => qos > 2);
      if (isRefused && this.connected) this.#handlers.onSubscriptionRefused?.(filter);
    });
  }

  #closed(client: MqttClient, failure: unknown): void {
    const wasUp = this.connected;
    // A retained message or a reply may have been the cause as well.
    const isUnclear = this.#window.beside > 0;
    this.#client = undefined;
    client.end(true);
    this.#forgetConnection();
    if (this.#stopped) return;
    if (wasUp) this.#version = this.#options.version;
    else if (this.#fallBack(failure)) return;
    const problem =
      failure === undefined ? explainClosed(this.#shortLived, wasUp, this.#address) : explain(failure, this.#address);
    this.#retry(isUnclear ? { ...problem, blames: "nobody" } : problem);
  }

  /** Brokers of 3.1.1 refuse version 5, or just hang up on it. True when the other version is being tried. */
  #fallBack(failure: unknown): boolean {
    if (this.#lowerWill((failure as { code?: unknown } | undefined)?.code)) {
      this.#attempt();
      return true;
    }
    if (this.#options.version !== "5") return false;
    const hungUp = failure === undefined || codeOf(failure) === "ECONNRESET";
    if (this.#version === "5" && (isVersionRefusal(failure) || hungUp)) {
      this.#version = "3.1.1";
      this.#attempt();
      return true;
    }
    this.#version = "5";
    return false;
  }

  /** What a broker can do stands in its CONNACK, but the will has to stand in our CONNECT. True when it was lowered. */
  #lowerWill(code: unknown): boolean {
    const { qos, retain } = this.#will;
    if (code === NO_RETAIN && retain) this.#will = { qos, retain: false };
    else if (code === NO_QOS && qos > 0) this.#will = { qos: 0, retain };
    else return false;
    return true;
  }

  #retry(problem: BrokerProblem): void {
    const retryMs = this.#backoff.next();
    this.#timer = setTimeout(() => this.#attempt(), retryMs);
    this.#handlers.onDown(problem, retryMs);
  }

  #forgetConnection(): void {
    this.#limits = undefined;
    clearInterval(this.#watch);
    clearTimeout(this.#stable);
    this.#window.close();
    for (const settle of [...this.#pending.keys()]) settle({ outcome: "lost" });
  }
}

function publishProperties(message: OutgoingMessage): object {
  return {
    payloadFormatIndicator: true,
    ...(message.contentType === undefined ? {} : { contentType: message.contentType }),
    ...(message.userProperties === undefined ? {} : { userProperties: { ...message.userProperties } }),
    ...(message.expiryMs === undefined
      ? {}
      : { messageExpiryInterval: Math.max(1, Math.ceil(message.expiryMs / 1000)) }),
    ...(message.correlation === undefined ? {} : { correlationData: message.correlation }),
  };
}

function refusal(error: unknown): PublishResult {
  const code = (error as { code?: unknown }).code;
  return typeof code === "number" && code >= 0x80 ? { outcome: "refused", reason: code } : { outcome: "lost" };
}

function limitsOf(packet: { sessionPresent?: boolean; properties?: object }, version: MqttVersion): BrokerLimits {
  const properties = (packet.properties ?? {}) as Record<string, unknown>;
  const number = (name: string, absent: number) => {
    const value = properties[name];
    return typeof value === "number" && value > 0 ? value : absent;
  };
  return {
    version,
    receiveMaximum: number("receiveMaximum", 65_535),
    maximumPacketSize: number("maximumPacketSize", Number.POSITIVE_INFINITY),
    maximumQos: properties["maximumQoS"] === 0 ? 0 : properties["maximumQoS"] === 1 ? 1 : 2,
    retainAvailable: properties["retainAvailable"] !== false && properties["retainAvailable"] !== 0,
    sessionPresent: packet.sessionPresent === true,
  };
}
