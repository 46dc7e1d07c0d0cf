/** The publisher as the configuration wants it. */
import type { Config } from "../config/load.ts";
import { readSecret } from "../config/secrets.ts";
import type { PublisherOptions } from "../publisher/options.ts";
import type { PublisherSnapshot } from "../publisher/publisher.ts";
import { splitAddress } from "./address.ts";
import type { BrokerView } from "./status.ts";
import { VERSION } from "./version.ts";

export function publisherOptions({ device, mqtt, messages }: Config): PublisherOptions {
  const { url, password } = mqtt;
  return {
    device: device.id,
    version: VERSION,
    url,
    embedded: { ...splitAddress(mqtt.embedded.listen), key: "mqtt.embedded.listen" },
    topicPrefix: mqtt.topicPrefix,
    clientId: mqtt.clientId,
    username: mqtt.username,
    password: password === undefined ? undefined : () => readSecret(password, "mqtt.password"),
    tls: mqtt.tls,
    protocol: mqtt.protocol,
    qos: mqtt.qos,
    keepAliveMs: mqtt.keepAlive,
    connectTimeoutMs: mqtt.connectTimeout,
    queue: { maxBytes: mqtt.queueSize },
    // The payload is nvmsgconv's, byte for byte, unless our own fields are asked for.
    identityInPayload: messages.extensions,
  };
}

export function brokerView(snapshot: PublisherSnapshot): BrokerView {
  const { url, embedded, state, reason, topicPrefix, published, acknowledged, queued, dropped } = snapshot;
  return { url, embedded, state, reason, topicPrefix, published, acknowledged, queued, dropped };
}
