/** A broker of our own for machines without one: MQTT 3.1.1, in memory, for local subscribers. */
import "./packet-library.ts";
import { createServer, type Server } from "node:net";
import type { Aedes } from "aedes";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { BrokerSessions, SESSION_LIMITS, type SessionLimits, type SessionStore } from "./broker-sessions.ts";

export interface EmbeddedBrokerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The configuration key of the port, for messages. */
  readonly key?: string | undefined;
  /** What it holds for absent clients; default SESSION_LIMITS. */
  readonly limits?: SessionLimits | undefined;
  /** What was given up, in words. */
  readonly onLoss?: ((text: string) => void) | undefined;
}

export interface EmbeddedBroker {
  readonly port: number;
  /** Connected clients, ourselves included. */
  clients(): number;
  stop(): Promise<void>;
}

const MAX_CONNECTIONS = 100;
/** A subscriber that reads nothing for this long is cut off. Milliseconds. */
const SLOW_SUBSCRIBER_MS = 5000;
/** How often it is looked for sessions of clients that do not come back, milliseconds. */
const TIDY_MS = 60_000;

/** @throws ExpectedError when the port is taken or not allowed. */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  // Only who needs it has it in memory.
  const { Aedes: Broker } = await import("aedes");
  const broker = await Broker.createBroker({ drainTimeout: SLOW_SUBSCRIBER_MS });
  // A client that breaks off is no error of ours.
  broker.on("clientError", () => undefined);
  broker.on("connectionError", () => undefined);
  const tidying = keepSessions(broker, options);
  const server = createServer((socket) => broker.handle(socket));
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await listen(server, options);
  } catch (error) {
    clearInterval(tidying);
    await new Promise<void>((resolve) => broker.close(resolve));
    throw listenError(error, options);
  }
  return {
    port: (server.address() as { port: number }).port,
    clients: () => broker.connectedClients,
    stop: async () => {
      clearInterval(tidying);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => broker.close(resolve));
      await closed;
    },
  };
}

/** @returns a timer that ends sessions of clients that do not come back */
function keepSessions(broker: Aedes, { limits = SESSION_LIMITS, onLoss }: EmbeddedBrokerOptions): NodeJS.Timeout {
  const { persistence } = broker as unknown as { persistence: SessionStore };
  const sessions = new BrokerSessions(persistence, limits, (text) => onLoss?.(`the embedded broker: ${text}`));
  broker.on("client", ({ id, clean }) => void (clean || sessions.here(id)));
  broker.on("clientDisconnect", ({ id, clean }) => sessions.left(id, !clean));
  return setInterval(() => void sessions.tidy(), TIDY_MS).unref();
}

function listen(server: Server, { host, port }: EmbeddedBrokerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function listenError(error: unknown, { host, port, key = "mqtt.embedded.port" }: EmbeddedBrokerOptions): ExpectedError {
  const where = `${host}:${port}`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is taken by another program: choose another port, or set mqtt.url to use the broker that runs there`,
    EACCES: `${where} may not be used without privileges: choose a port of 1024 or more`,
    EADDRNOTAVAIL: `this machine has no address ${host}`,
  };
  const why = reasons[codeOf(error) ?? ""] ?? `${where}: ${messageOf(error)}`;
  return new ExpectedError(EXIT.environment, `${key}: the embedded broker cannot listen: ${why}`, { cause: error });
}
