/** What a publisher is told, with the defaults. docs/reference/configuration.md has the keys that they come from. */

import { readSecret } from "../config/secrets.ts";
import type { BackoffOptions } from "./backoff.ts";
import type { ConnectionOptions, MqttVersion, TlsOptions } from "./connection.ts";
import type { EmbeddedBrokerOptions } from "./embedded-broker.ts";

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
  /** The password, or how to get it: asked again for each attempt to connect. */
  readonly password?: string | (() => string) | undefined;
  /** A file with the password; its trailing line break is not part of it. */
  readonly passwordFile?: string | undefined;
  readonly tls?: TlsOptions | undefined;
  /** Default "5", which falls back to 3.1.1 when the broker has only that. */
  readonly protocol?: MqttVersion | undefined;
  /** 1 (default): kept until the broker acknowledged it. 0: lost when the broker is away. */
  readonly qos?: 0 | 1 | undefined;
  /** Default 30 s. Milliseconds. */
  readonly keepAliveMs?: number | undefined;
  /** Default 10 s. Milliseconds. */
  readonly connectTimeoutMs?: number | undefined;
  /** Default: up to 1 s at first, up to 60 s later. */
  readonly backoff?: BackoffOptions | undefined;
  /** Messages in flight, unless the broker allows fewer. Default 20. */
  readonly window?: number | undefined;
  /** Limits of the memory that keeps messages. Default 100,000 messages and 64 MiB. */
  readonly queue?: { readonly maxMessages?: number | undefined; readonly maxBytes?: number | undefined } | undefined;
  /** How long the broker waits before it tells that we are gone (MQTT 5). Default 30 s. Milliseconds. */
  readonly willDelayMs?: number | undefined;
  /** Write each message's identity into its JSON too; default true. Without it, only consumers of MQTT 5 see it. */
  readonly identityInPayload?: boolean | undefined;
}

/** With every default filled in. */
export interface ResolvedOptions {
  readonly device: string;
  readonly version: string;
  readonly url: string | undefined;
  readonly embedded: EmbeddedBrokerOptions;
  readonly topicPrefix: string;
  readonly qos: 0 | 1;
  readonly window: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly identityInPayload: boolean;
  readonly connection: Omit<ConnectionOptions, "url" | "will">;
}

const DEFAULT_WINDOW = 20; // Mosquitto's receive maximum; larger windows gain little

export function resolveOptions(options: PublisherOptions): ResolvedOptions {
  const { device, queue } = options;
  return {
    device,
    version: options.version ?? "",
    url: options.url,
    embedded: options.embedded ?? { host: "127.0.0.1", port: 1883 },
    topicPrefix: options.topicPrefix ?? `nightjar/${device}`,
    qos: options.qos ?? 1,
    window: options.window ?? DEFAULT_WINDOW,
    maxMessages: queue?.maxMessages ?? 100_000,
    maxBytes: queue?.maxBytes ?? 64 * 1024 * 1024,
    identityInPayload: options.identityInPayload ?? true,
    connection: {
      clientId: options.clientId ?? `nightjar-${device}`,
      username: options.username,
      password: passwordOf(options),
      tls: options.tls,
      version: options.protocol ?? "5",
      keepAliveMs: options.keepAliveMs ?? 30_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      backoff: options.backoff ?? { firstMs: 1000, maxMs: 60_000 },
      willDelayMs: options.willDelayMs ?? 30_000,
    },
  };
}

function passwordOf({ password, passwordFile }: PublisherOptions): (() => string) | undefined {
  if (passwordFile !== undefined) return () => readSecret({ file: passwordFile }, "mqtt.passwordFile");
  return typeof password === "string" ? () => password : password;
}
