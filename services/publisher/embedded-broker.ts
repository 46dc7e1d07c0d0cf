/** A broker of our own for machines without one: MQTT 3.1.1, in memory, for local subscribers. */
import { createServer, type Server } from "node:net";
import { Aedes } from "aedes";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";

export interface EmbeddedBrokerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The configuration key of the port, for messages. */
  readonly key?: string | undefined;
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

/** @throws ExpectedError when the port is taken or not allowed. */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const broker = await Aedes.createBroker({ drainTimeout: SLOW_SUBSCRIBER_MS });
  // A client that breaks off is no error of ours.
  broker.on("clientError", () => undefined);
  broker.on("connectionError", () => undefined);
  const server = createServer((socket) => broker.handle(socket));
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await listen(server, options);
  } catch (error) {
    await new Promise<void>((resolve) => broker.close(resolve));
    throw listenError(error, options);
  }
  return {
    port: (server.address() as { port: number }).port,
    clients: () => broker.connectedClients,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => broker.close(resolve));
      await closed;
    },
  };
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
