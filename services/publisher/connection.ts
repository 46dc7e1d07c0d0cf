/**
 * The connection to the broker. This is the only file that knows the `mqtt` package, of which we use the wire protocol
 * alone: each attempt is a fresh client, so nothing of its own stores, resending or reconnecting is in play. What has not
 * been acknowledged when a connection ends is the outbox' business.
 */
import { readFileSync } from "node:fs";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { codeOf, messageOf } from "../log/errors.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import { type BrokerAddress, type BrokerProblem, explain, explainClosed, isVersionRefusal } from "./broker-problem.ts";

export type MqttVersion = "5" | "3.1.1";

export interface TlsOptions {
  /** PEM files. */
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
  /** Default true. */
  readonly verify?: boolean | undefined;
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
  readonly backoff: BackoffOptions;
  /** How long the broker waits for us before it publishes the will (MQTT 5), milliseconds. */
  readonly willDelayMs: number;
  readonly will: { readonly topic: string; readonly payload: Buffer };
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
  /** MQTT 5 only. */
  readonly userProperties?: Readonly<Record<string, string>> | undefined;
}

/** "lost": the connection ended first, and nobody knows whether the broker has it. */
export type PublishResult =
  | { readonly outcome: "taken" }
  | { readonly outcome: "refused"; readonly reason: number }
  | { readonly outcome: "lost" };

export interface ConnectionHandlers {
  onUp(limits: BrokerLimits): void;
  /** The connection ended, or an attempt failed. The next one begins in `retryMs`. */
  onDown(problem: BrokerProblem, retryMs: number): void;
}

/** The session outlives the will's delay, or the will would be sent at once. Seconds. */
const SESSION_EXPIRY_S = 3600;
const GOODBYE_LIMIT_MS = 1000;
const OUR_RECEIVE_MAXIMUM = 20;
const OUR_MAXIMUM_PACKET_SIZE = 1024 * 1024;

export class BrokerConnection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #address: BrokerAddress;
  readonly #backoff: Backoff;
  #version: MqttVersion;
  #client: MqttClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #limits: BrokerLimits | undefined;
  #pending = new Set<(result: PublishResult) => void>();
  #stopped = true;

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#version = options.version;
    this.#backoff = new Backoff(options.backoff);
    this.#address = { url: options.url, username: options.username, clientId: options.clientId };
  }

  get connected(): boolean {
    return this.#limits !== undefined;
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

  publish(message: OutgoingMessage): Promise<PublishResult> {
    const client = this.#client;
    const limits = this.#limits;
    if (client === undefined || limits === undefined) return Promise.resolve({ outcome: "lost" });
    const qos = Math.min(message.qos, limits.maximumQos) as 0 | 1;
    const retain = message.retain && limits.retainAvailable;
    const properties = this.#version === "5" ? publishProperties(message) : undefined;
    return new Promise((resolve) => {
      const settle = (result: PublishResult) => {
        if (this.#pending.delete(settle)) resolve(result);
      };
      this.#pending.add(settle);
      client.publish(message.topic, message.payload, { qos, retain, ...(properties && { properties }) }, (error) => {
        settle(error === undefined || error === null ? { outcome: "taken" } : refusal(error));
      });
    });
  }

  #attempt(): void {
    let client: MqttClient;
    try {
      client = connect(this.#options.url, this.#clientOptions());
    } catch (error) {
      // A file of ours cannot be read; it may be there next time.
      this.#retry({ code: codeOf(error) ?? messageOf(error), message: messageOf(error) });
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
    client.on("close", () => {
      if (client === this.#client) this.#closed(client, failure);
    });
  }

  #up(limits: BrokerLimits): void {
    this.#limits = limits;
    this.#backoff.reset();
    this.#handlers.onUp(limits);
  }

  #closed(client: MqttClient, failure: unknown): void {
    const wasUp = this.connected;
    this.#client = undefined;
    client.end(true);
    this.#forgetConnection();
    if (this.#stopped) return;
    if (wasUp) this.#version = this.#options.version;
    else if (this.#fallBack(failure)) return;
    this.#retry(failure === undefined ? explainClosed(wasUp, this.#address) : explain(failure, this.#address));
  }

  /** Brokers of 3.1.1 refuse version 5, or just hang up on it. True when the other version is being tried. */
  #fallBack(failure: unknown): boolean {
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

  #retry(problem: BrokerProblem): void {
    const retryMs = this.#backoff.next();
    this.#timer = setTimeout(() => this.#attempt(), retryMs);
    this.#handlers.onDown(problem, retryMs);
  }

  #forgetConnection(): void {
    this.#limits = undefined;
    for (const settle of [...this.#pending]) settle({ outcome: "lost" });
  }

  #clientOptions(): IClientOptions {
    const { clientId, username, password, keepAliveMs, connectTimeoutMs, will, willDelayMs } = this.#options;
    const isV5 = this.#version === "5";
    const willProperties = { willDelayInterval: Math.round(willDelayMs / 1000), contentType: "application/json" };
    return {
      ...tlsOptions(this.#options.tls),
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: password() }),
      protocolVersion: isV5 ? 5 : 4,
      // With MQTT 3.1.1 a kept session would never expire at the broker, and we need nothing of it.
      clean: !isV5,
      keepalive: Math.max(1, Math.round(keepAliveMs / 1000)),
      connectTimeout: connectTimeoutMs,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      will: {
        topic: will.topic,
        payload: will.payload,
        qos: 1,
        retain: true,
        ...(isV5 && { properties: willProperties }),
      },
      ...(isV5 && {
        properties: {
          sessionExpiryInterval: SESSION_EXPIRY_S,
          receiveMaximum: OUR_RECEIVE_MAXIMUM,
          maximumPacketSize: OUR_MAXIMUM_PACKET_SIZE,
          requestProblemInformation: true,
        },
      }),
    };
  }
}

function publishProperties(message: OutgoingMessage): object {
  return {
    payloadFormatIndicator: true,
    ...(message.contentType === undefined ? {} : { contentType: message.contentType }),
    ...(message.userProperties === undefined ? {} : { userProperties: { ...message.userProperties } }),
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

function tlsOptions(tls: TlsOptions | undefined): IClientOptions & { minVersion?: string } {
  if (tls === undefined) return { rejectUnauthorized: true };
  return {
    rejectUnauthorized: tls.verify !== false,
    minVersion: "TLSv1.2",
    ...(tls.ca === undefined ? {} : { ca: pem(tls.ca, "mqtt.tls.ca") }),
    ...(tls.certificate === undefined ? {} : { cert: pem(tls.certificate, "mqtt.tls.certificate") }),
    ...(tls.key === undefined ? {} : { key: pem(tls.key, "mqtt.tls.key") }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}

function pem(path: string, key: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "there is no such file" : `it cannot be read (${codeOf(error)})`;
    throw new Error(`${key}: expected a PEM file at ${path}, but ${why}`, { cause: error });
  }
}
