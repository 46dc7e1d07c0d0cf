/** The publisher as the configuration wants it. */

import { isLoopbackHost, splitAddress } from "../config/listen.ts";
import type { Config } from "../config/load.ts";
import { readSecret } from "../config/secrets.ts";
import type { PublisherOptions, PublisherOutboxOptions } from "../publisher/options.ts";
import type { PublisherSnapshot } from "../publisher/publisher.ts";
import { isPlainToElsewhere } from "../publisher/transport.ts";
import type { BrokerView } from "./status.ts";
import { VERSION } from "./version.ts";

export function publisherOptions({ device, mqtt, messages, outbox }: Config): PublisherOptions {
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
    window: mqtt.window,
    outbox: outboxOptions(outbox),
    // The payload of objects is nvmsgconv's, byte for byte, unless our own fields are asked for.
    identityInPayload: messages.extensions && messages.identity === "auto" ? "always" : messages.identity,
    homeAssistant: mqtt.homeAssistant.enabled
      ? { prefix: mqtt.homeAssistant.prefix, deviceName: device.name }
      : undefined,
    commands: mqtt.commands !== "off",
  };
}

function outboxOptions({
  directory,
  memory,
  freeSpace,
  backlogRate,
  ...classes
}: Config["outbox"]): PublisherOutboxOptions {
  const policy = ({ quota, ttl, keep }: Config["outbox"]["debug"]) => ({ quotaBytes: quota, ttlMs: ttl, keep });
  const { alarm, event, telemetry, debug } = classes;
  return {
    disk: { directory, freeShare: freeSpace },
    memoryBytes: memory,
    backlogRate,
    classes: {
      alarm: { ...policy(alarm), commitMs: alarm.commit },
      event: { ...policy(event), commitMs: event.commit },
      telemetry: { ...policy(telemetry), commitMs: telemetry.commit },
      debug: policy(debug),
    },
  };
}

/** Whether commands over MQTT may change something: not where anyone on the network may give them. */
export function mayCommandsChange({ mqtt }: Config): boolean {
  if (mqtt.commands !== "all") return false;
  const embedded = splitAddress(mqtt.embedded.listen);
  return mqtt.url === undefined ? isLoopbackHost(embedded.host) : !isPlainToElsewhere(mqtt.url);
}

export function brokerView(snapshot: PublisherSnapshot): BrokerView {
  const { url, embedded, insecure, state, reason, alarm, topicPrefix } = snapshot;
  const { published, acknowledged, queued, dropped } = snapshot;
  const { bytes, oldestMs, deadLetters, commitMs, storeProblem } = snapshot.outbox;
  const outbox = { bytes, oldestMs, deadLetters, commitMs, problem: storeProblem };
  return {
    ...{ url, embedded, insecure, state, reason, alarm, topicPrefix },
    ...{ published, acknowledged, queued, dropped, outbox },
  };
}
