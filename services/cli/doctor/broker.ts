/** Whether the broker can be reached: the way there, and over TLS its certificate and ours. Nobody logs in. */
import { readFileSync } from "node:fs";
import { connect, isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Config } from "../../config/load.ts";
import { codeOf, messageOf } from "../../log/errors.ts";
import { explain } from "../../publisher/broker-problem.ts";
import { type Finding, missing, ok, warning } from "./check.ts";

const CONNECT_MS = 3000;
const DAY_MS = 86_400_000;
/** For a refusal that comes behind the handshake. */
const REFUSAL_MS = 200;
/** A certificate that ends so soon wants to be renewed. */
const SOON_DAYS = 14;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "mqtt:": 1883, "mqtts:": 8883, "ws:": 80, "wss:": 443 };
const REMEDY = "check mqtt.url, the network and that the broker runs; Nightjar runs on and keeps what it can";

export async function brokerFinding({ mqtt }: Config, address: string): Promise<Finding> {
  const { hostname, port, protocol } = new URL(address);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const target = { host, port: port === "" ? (DEFAULT_PORTS[protocol] ?? 1883) : Number(port) };
  const isTls = protocol === "mqtts:" || protocol === "wss:";
  try {
    const until = isTls ? await certificateOf(target, mqtt.tls) : await reach(target);
    return until === undefined ? ok("broker", `${address} answers`) : certificateFinding(address, until);
  } catch (error) {
    const { message } = explain(error, { url: address, clientId: mqtt.clientId ?? "" });
    return missing("broker", message.includes(address) ? message : `${address}: ${message}`, REMEDY);
  }
}

function certificateFinding(address: string, until: number): Finding {
  const day = new Date(until).toISOString().slice(0, 10);
  const found = `${address} answers; its certificate is valid until ${day}`;
  if (until > Date.now() + SOON_DAYS * DAY_MS) return ok("broker", found);
  return warning("broker", found, "renew the broker's certificate: without a valid one nothing is sent");
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function reach(target: Target): Promise<undefined> {
  return settled(connect(target), "connect", () => undefined);
}

/** @returns until when the broker's certificate is valid, ms since 1970 */
function certificateOf(target: Target, tls: Config["mqtt"]["tls"]): Promise<number> {
  const servername = tls.serverName ?? (isIP(target.host) === 0 ? target.host : undefined);
  const socket = connectTls({
    ...target,
    ...(servername === undefined ? {} : { servername }),
    ...pem(tls.ca, "ca"),
    ...pem(tls.certificate, "cert"),
    ...pem(tls.key, "key"),
    minVersion: "TLSv1.2",
  });
  return settled(socket, "secureConnect", () => Date.parse(socket.getPeerCertificate().valid_to));
}

function pem(path: string | undefined, name: "ca" | "cert" | "key") {
  return path === undefined ? {} : { [name]: readFileSync(path) };
}

/** What `value` says at the event; with TLS 1.3 a server's refusal of our certificate comes a moment later. */
function settled<Value>(
  socket: TLSSocket | ReturnType<typeof connect>,
  event: string,
  value: () => Value,
): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  socket.once(event, () => {
    const found = value();
    const isLate = "getProtocol" in socket && socket.getProtocol() === "TLSv1.3";
    if (isLate) setTimeout(() => resolve(found), REFUSAL_MS);
    else resolve(found);
  });
  socket.once("error", (error) => reject(codeOf(error) === undefined ? new Error(messageOf(error)) : error));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.on("error", () => {});
    socket.destroy();
  });
}
