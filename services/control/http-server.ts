/** The control interface: HTTP and JSON, on a Unix socket and, for reading, on the console's address. */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError } from "../config/load.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import { type Door, refusal } from "./access.ts";
import { splitAddress } from "./address.ts";
import { COMMANDS, type Control, matchPath } from "./commands.ts";

/** A request that no command answers: pages, streams, probes. @returns false when it is not for it either. */
export type Fallback = (request: IncomingMessage, url: URL, response: ServerResponse) => boolean | Promise<boolean>;

const MAX_BODY_BYTES = 64 * 1024;

export class ControlServer {
  readonly #control: Control;
  readonly #fallback: Fallback;
  readonly #log: Logger;
  readonly #servers: Server[] = [];

  constructor(control: Control, fallback: Fallback, log: Logger) {
    this.#control = control;
    this.#fallback = fallback;
    this.#log = log;
  }

  /** Serves on a Unix socket that only this user can open. @throws ExpectedError when another Nightjar has it. */
  async listenOnSocket(path: string): Promise<void> {
    if (await answers(path)) {
      const message = `another Nightjar is already running on ${path}; stop it, or give this one its own directories.runtime`;
      throw new ExpectedError(EXIT.environment, message);
    }
    rmSync(path, { force: true });
    const mask = process.umask(0o177);
    try {
      await this.#listen(this.#server("socket"), { path });
    } catch (error) {
      throw new ExpectedError(EXIT.environment, `the control socket ${path} cannot be made: ${messageOf(error)}`, {
        cause: error,
      });
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
  }

  /**
   * Serves on HOST:PORT. @returns the address of the console.
   * @throws ExpectedError when the port is taken or may not be used.
   */
  async listenOnTcp(listen: string): Promise<string> {
    const { host, port } = splitAddress(listen);
    const server = this.#server("tcp");
    try {
      await this.#listen(server, { host, port });
    } catch (error) {
      throw new ExpectedError(EXIT.environment, `console.listen: ${whyNot(error, listen)}`, { cause: error });
    }
    const bound = server.address() as AddressInfo;
    const shown = host === "0.0.0.0" || host === "::" ? "localhost" : listen.slice(0, listen.lastIndexOf(":"));
    return `http://${shown}:${bound.port}/`;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        return closed;
      }),
    );
  }

  #server(door: Door): Server {
    const server = createServer((incoming, response) => {
      this.#answer(incoming, response, door).catch((error) => this.#fail(response, error));
    });
    this.#servers.push(server);
    return server;
  }

  #listen(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(where, () => {
        server.off("error", reject);
        server.on("error", (error) => this.#log.warn({ err: error }, "control interface"));
        resolve();
      });
    });
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse, door: Door): Promise<void> {
    const refused = refusal(incoming, door);
    if (refused !== undefined) return sendError(response, 403, refused, EXIT.usage);
    const url = parseTarget(incoming.url ?? "/");
    const found = findCommand(incoming.method ?? "", url.pathname);
    if (found !== undefined) return this.#run(found, url, incoming, response);
    if (await this.#fallback(incoming, url, response)) return;
    sendError(response, 404, `there is nothing at ${incoming.method} ${url.pathname}`, EXIT.usage);
  }

  async #run(
    { entry, parts }: FoundCommand,
    url: URL,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const asked = entry.method === "GET" ? Object.fromEntries(url.searchParams) : {};
    const input = entry.input.safeParse({ ...asked, ...(await readBody(incoming)), ...parts });
    if (!input.success) {
      const message = input.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
      return sendError(response, 400, message, EXIT.usage);
    }
    const output = await entry.run(this.#control, input.data as never);
    sendJson(response, 200, output);
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (error instanceof ExpectedError) {
      sendError(response, statusOf(error), error.message, error.exitCode);
    } else {
      this.#log.error({ err: error }, "a request failed by our fault");
      sendError(response, 500, messageOf(error), EXIT.bug);
    }
  }
}

/** @throws ExpectedError when the request names no path ("//[", a broken absolute address). */
function parseTarget(target: string): URL {
  const url = URL.parse(target, "http://nightjar");
  if (url === null)
    throw new ExpectedError(EXIT.usage, "the address of the request is not valid; expected a path such as /api/status");
  return url;
}

interface FoundCommand {
  readonly entry: (typeof COMMANDS)[keyof typeof COMMANDS];
  readonly parts: Record<string, string>;
}

function findCommand(method: string, path: string): FoundCommand | undefined {
  for (const entry of Object.values(COMMANDS)) {
    const parts = entry.method === method ? matchPath(entry.path, path) : undefined;
    if (parts !== undefined) return { entry, parts };
  }
  return undefined;
}

async function readBody(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES)
        throw new ExpectedError(EXIT.usage, `the request is longer than ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (codeOf(error) !== "ECONNRESET") throw error;
    throw new ExpectedError(EXIT.usage, "the caller left in the middle of the request", { cause: error });
  }
  if (bytes === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, together with JSON of the wrong kind.
  }
  throw new ExpectedError(EXIT.usage, "the request has to be a JSON object");
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  response.end(`${JSON.stringify(value)}\n`);
}

/** `{"error": {"message", "exitCode"}}`: the command line shows the message and ends with the code. */
export function sendError(response: ServerResponse, status: number, message: string, exitCode: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendJson(response, status, { error: { message, exitCode } });
}

function statusOf(error: ExpectedError): number {
  if (error instanceof ConfigError || error.exitCode === EXIT.usage || error.exitCode === EXIT.configuration)
    return 400;
  return error.exitCode === EXIT.unreachable ? 503 : 500;
}

/** Whether somebody listens on a Unix socket (a file that is left over does not answer). */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ socketPath: path, path: "/livez", timeout: 1000, agent: false }, (response) => {
      response.resume();
      resolve(true);
    });
    probe.once("timeout", () => probe.destroy());
    // Refused or missing: nobody. Anything else (a hang-up, our time-out): somebody who does not speak well.
    probe.once("error", (error) => resolve(!["ENOENT", "ECONNREFUSED"].includes(codeOf(error) ?? "")));
    probe.end();
  });
}

function whyNot(error: unknown, listen: string): string {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return `${listen} is already in use by another program; end it or choose another port`;
    case "EACCES":
      return `${listen} may not be used by this user; ports below 1024 belong to root, choose a higher one`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${listen} is not an address of this machine`;
    default:
      return `${listen} cannot be used: ${messageOf(error)}`;
  }
}
