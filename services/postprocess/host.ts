// The socket that elements connect to, and the connections that it has.

import { chmod, rm, stat } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { Connection, type ConnectionOptions } from "./connection.ts";
import type { LinkStatus } from "./messages.ts";
import { percentiles } from "./samples.ts";
import { Watchdog } from "./watchdog.ts";

/** Only the user that runs Nightjar may connect. */
const SOCKET_MODE = 0o600;

export class Host {
  readonly #path: string;
  readonly #options: ConnectionOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #watchdog: Watchdog;
  #measured = performance.now();

  constructor(path: string, options: ConnectionOptions) {
    this.#path = path;
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#watchdog = new Watchdog(() => {
      for (const connection of this.#connections) connection.check();
    });
  }

  /** Throws the system's error when the socket cannot be made (EADDRINUSE: another host serves it). */
  async listen(): Promise<void> {
    await removeStale(this.#path);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#path, resolve);
    });
    await chmod(this.#path, SOCKET_MODE);
  }

  /** What happened since the last call. */
  status(): LinkStatus[] {
    const now = performance.now();
    const seconds = Math.max(now - this.#measured, 1) / 1000;
    this.#measured = now;
    return [...this.#connections].map((connection) => statusOf(connection, seconds));
  }

  /** Waits for the batches that are being worked on. */
  async close(): Promise<void> {
    this.#server.close();
    const connections = [...this.#connections];
    for (const connection of connections) connection.close();
    await Promise.all(connections.map((connection) => connection.closed));
    this.#watchdog.close();
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, this.#options);
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
  }
}

/** A socket file that nobody listens on is left over from a host that was killed. */
async function removeStale(path: string): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isSocket() && !(await isServed(path))) await rm(path);
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

function statusOf(connection: Connection, seconds: number): LinkStatus {
  const { deployment } = connection;
  const engine = deployment?.engineSamples?.drain() ?? [];
  const module = deployment?.moduleSamples.drain() ?? [];
  return {
    instance: connection.instance,
    bundle: deployment ? `${deployment.bundle.name} ${deployment.bundle.version}` : "",
    state: connection.state,
    batchesPerSecond: module.length / seconds,
    framesPerSecond: (deployment?.moduleSamples.drainFrames() ?? 0) / seconds,
    engineMs: percentiles(engine),
    moduleMs: percentiles(module),
    restarts: deployment?.restarts ?? 0,
  };
}
