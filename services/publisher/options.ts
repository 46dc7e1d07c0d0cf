/** What a publisher is told, with the defaults. docs/reference/configuration.md has the keys that they come from. */
import type { BackoffOptions } from "./backoff.ts";
import type { ConnectionOptions, MqttVersion, TlsOptions } from "./connection.ts";
import type { EmbeddedBrokerOptions } from "./embedded-broker.ts";
import type { HomeAssistantOptions } from "./home-assistant.ts";
import type { OutboxOptions } from "./outbox/outbox.ts";
import { type ClassPolicy, DEFAULT_POLICIES, type MessageClass } from "./outbox/types.ts";

/** auto: in the JSON of nvmsgconv's payloads only where MQTT itself has no place for it (3.1.1); in our own documents always. */
export type IdentityInPayload = "auto" | "always" | "never";

export interface PublisherOptions {
  /** Identifier of the device: part of each message's identity. */
  readonly device: string;
  /** Of Nightjar, for the birth message. */
  readonly version?: string | undefined;
  /** mqtt://HOST[:PORT] or mqtts://HOST[:PORT]; absent: the embedded broker. */
  readonly url?: string | undefined;
  /** Used when there is no url; default 127.0.0.1:1883. */
  readonly embedded?: EmbeddedBrokerOptions | undefined;
  /** Begins every topic; default nightjar/<device>. */
  readonly topicPrefix?: string | undefined;
  /** Default nightjar-<device>. */
  readonly clientId?: string | undefined;
  readonly username?: string | undefined;
  /** How to get the password: asked again for each attempt to connect. */
  readonly password?: (() => string) | undefined;
  readonly tls?: TlsOptions | undefined;
  /** Default "5", which falls back to 3.1.1 when the broker has only that. */
  readonly protocol?: MqttVersion | undefined;
  /** 1 (default): kept until the broker acknowledged it. 0: lost when the broker is away. */
  readonly qos?: 0 | 1 | undefined;
  /** Default 30 s. Milliseconds. */
  readonly keepAliveMs?: number | undefined;
  /** Default 10 s. Milliseconds. */
  readonly connectTimeoutMs?: number | undefined;
  /** A broker that leaves a message unanswered for longer is given up. Default 30 s. Milliseconds. */
  readonly answerTimeoutMs?: number | undefined;
  /** Default: up to 1 s at first, up to 5 min later. */
  readonly backoff?: BackoffOptions | undefined;
  /** A connection has to hold for so long until the waiting times begin anew. Default 10 s. Milliseconds. */
  readonly stableMs?: number | undefined;
  /** Messages in flight, unless the broker allows fewer. Default 20. */
  readonly window?: number | undefined;
  /** Default: everything in memory, with DEFAULT_POLICIES and 16 MiB. */
  readonly outbox?: PublisherOutboxOptions | undefined;
  /** How long the broker waits before it tells that we are gone (MQTT 5). Default 30 s. Milliseconds. */
  readonly willDelayMs?: number | undefined;
  /** Default auto. */
  readonly identityInPayload?: IdentityInPayload | undefined;
  /** Default: none announced. */
  readonly homeAssistant?: HomeAssistantOptions | undefined;
  /** Listen to commands; what to do with them is a hook's business. Default false. */
  readonly commands?: boolean | undefined;
}

export interface PublisherOutboxOptions {
  /** Directory and share of its file system that stays free; absent: memory only. */
  readonly disk?: OutboxOptions["disk"];
  readonly classes?: Partial<Record<MessageClass, Partial<ClassPolicy>>> | undefined;
  readonly memoryBytes?: number | undefined;
  readonly backlogRate?: number | undefined;
}

/** With every default filled in. */
export interface ResolvedOptions {
  readonly device: string;
  readonly version: string;
  readonly url: string | undefined;
  readonly embedded: EmbeddedBrokerOptions;
  readonly topicPrefix: string;
  readonly qos: 0 | 1;
  readonly outbox: OutboxOptions;
  readonly identityInPayload: IdentityInPayload;
  readonly homeAssistant: HomeAssistantOptions | undefined;
  readonly commands: boolean;
  readonly connection: Omit<ConnectionOptions, "url" | "will" | "subscriptions">;
}

const DEFAULT_WINDOW = 20; // Mosquitto's receive maximum; larger windows gain little
const DEFAULT_MEMORY_BYTES = 16 * 1024 * 1024;
const DEFAULT_BACKLOG_RATE = 1000;

export function resolveOptions(options: PublisherOptions): ResolvedOptions {
  const { device } = options;
  return {
    device,
    version: options.version ?? "",
    url: options.url,
    embedded: options.embedded ?? { host: "127.0.0.1", port: 1883 },
    topicPrefix: options.topicPrefix ?? `nightjar/${device}`,
    qos: options.qos ?? 1,
    outbox: outboxOptions(options.outbox ?? {}),
    identityInPayload: options.identityInPayload ?? "auto",
    homeAssistant: options.homeAssistant,
    commands: options.commands ?? false,
    connection: {
      clientId: options.clientId ?? `nightjar-${device}`,
      username: options.username,
      password: options.password,
      tls: options.tls,
      version: options.protocol ?? "5",
      keepAliveMs: options.keepAliveMs ?? 30_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      answerTimeoutMs: options.answerTimeoutMs ?? 30_000,
      backoff: options.backoff ?? { firstMs: 1000, maxMs: 300_000 },
      stableMs: options.stableMs ?? 10_000,
      window: options.window ?? DEFAULT_WINDOW,
      willDelayMs: options.willDelayMs ?? 30_000,
    },
  };
}

function outboxOptions({ disk, classes, memoryBytes, backlogRate }: PublisherOutboxOptions): OutboxOptions {
  const policy = (kind: MessageClass): ClassPolicy => ({ ...DEFAULT_POLICIES[kind], ...classes?.[kind] });
  return {
    policies: {
      alarm: policy("alarm"),
      event: policy("event"),
      telemetry: policy("telemetry"),
      debug: policy("debug"),
    },
    memoryBytes: memoryBytes ?? DEFAULT_MEMORY_BYTES,
    backlogRate: backlogRate ?? DEFAULT_BACKLOG_RATE,
    disk,
  };
}
