/** What the `mqtt` package is told for one attempt to connect. */
import { readFileSync } from "node:fs";
import type { IClientOptions } from "mqtt";
import { codeOf } from "../log/errors.ts";
import type { ConnectionOptions, MqttVersion, TlsOptions } from "./connection.ts";

/** What a broker may not be able to do with our will. */
export interface WillFlags {
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** The session outlives the will's delay, or the will would be sent at once. Seconds. */
const SESSION_EXPIRY_S = 3600;
const OUR_RECEIVE_MAXIMUM = 20;
const OUR_MAXIMUM_PACKET_SIZE = 1024 * 1024;

/** @throws Error that names the key of a file or password that cannot be read. */
export function clientOptions(options: ConnectionOptions, version: MqttVersion, flags: WillFlags): IClientOptions {
  const { clientId, username, password, keepAliveMs, connectTimeoutMs, will, willDelayMs } = options;
  const isV5 = version === "5";
  const willProperties = { willDelayInterval: Math.round(willDelayMs / 1000), contentType: "application/json" };
  return {
    ...tlsOptions(options.tls),
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
    will: { topic: will.topic, payload: will.payload, ...flags, ...(isV5 && { properties: willProperties }) },
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

/** There is no switch that turns verification off: a broker of your own has a certificate of your own, which tls.ca names. */
function tlsOptions(tls: TlsOptions | undefined): IClientOptions & { minVersion?: string } {
  const always = { rejectUnauthorized: true, minVersion: "TLSv1.2" };
  if (tls === undefined) return always;
  return {
    ...always,
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
