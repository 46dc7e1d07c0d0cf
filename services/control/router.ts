/** From a request to its answer: who asks, what for, whether they may, and then the command or the route. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ConfigError } from "../config/load.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Access, Caller, Door, Refusal } from "./access.ts";
import { sendError, sendJson, setCommonHeaders } from "./answers.ts";
import { COMMANDS, type Control } from "./commands.ts";
import { BodyTooLong, readBody } from "./request-body.ts";
import { type Exchange, matchPath, type Route } from "./routes.ts";

/** How soon a stream ends when its caller's rights do. Milliseconds. */
const GUARD_MS = 2000;

export interface RouterParts {
  readonly control: Control;
  readonly routes: readonly Route[];
  readonly access: Access;
  readonly log: Logger;
  /** Files of the page: asked when nothing else fits. @returns false when there is none */
  asset(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean>;
}

export class Router {
  readonly #parts: RouterParts;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  async answer(request: IncomingMessage, response: ServerResponse, door: Door, isTls: boolean): Promise<void> {
    setCommonHeaders(response, isTls);
    try {
      await this.#answer(request, response, door);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, door: Door): Promise<void> {
    const { access, routes } = this.#parts;
    const wrongHost = access.hostRefusal(request, door);
    if (wrongHost !== undefined) return refuse(response, wrongHost);
    const url = parseTarget(request.url ?? "/");
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "");
    const found = findEntry(method, url.pathname, routes);
    const caller = access.caller(request, door);
    if (found === undefined) return this.#other(request, response, url.pathname, caller);
    const refusal = access.refusal(request, caller, needsOf(found.entry));
    if (refusal !== undefined) return refuse(response, refusal);
    const exchange = this.#exchange({ request, response, url, caller, parts: found.parts });
    return "needs" in found.entry ? found.entry.run(exchange) : this.#runCommand(found.entry, exchange);
  }

  /** A file of the page, or nothing. */
  async #other(request: IncomingMessage, response: ServerResponse, path: string, caller: Caller): Promise<void> {
    const isReading = request.method === "GET" || request.method === "HEAD";
    if (isReading && (await this.#parts.asset(request, response, path))) return;
    const allowed = methodsOf(path, this.#parts.routes);
    const refusal = this.#parts.access.refusal(request, caller, "viewer");
    if (refusal !== undefined) return refuse(response, refusal);
    if (allowed.length === 0) return sendError(response, 404, `there is nothing at ${request.method} ${path}`);
    response.setHeader("allow", allowed.join(", "));
    sendError(response, 405, `${path} takes ${allowed.join(", ")}, and no ${request.method}`);
  }

  #exchange(known: Omit<Exchange, "body" | "guard">): Exchange {
    const { request, response, caller } = known;
    return {
      ...known,
      body: () => readBody(request),
      guard: () => {
        const look = () => {
          if (!this.#parts.access.stillIs(caller, request)) response.destroy();
        };
        const timer = setInterval(look, GUARD_MS).unref();
        response.once("close", () => clearInterval(timer));
      },
    };
  }

  async #runCommand(entry: Command, { request, response, url, parts, body, caller }: Exchange): Promise<void> {
    const asked = entry.method === "GET" ? Object.fromEntries(url.searchParams) : await body();
    const input = entry.input.safeParse({ ...asked, ...parts });
    if (!input.success) {
      const problems = input.error.issues.map((issue) => ({ key: issue.path.join("."), message: issue.message }));
      const message = problems.map(({ key, message: text }) => `${key}: ${text}`).join("; ");
      return sendError(response, 400, message, EXIT.usage, problems);
    }
    if (request.method === "HEAD") return sendJson(response, 200, null);
    const output = await entry.run(this.#parts.control, input.data as never);
    if (entry.method !== "GET") this.#note(caller, `${entry.method} ${url.pathname}`);
    sendJson(response, 200, output);
  }

  /** Who changed what; the user of the socket is the one who runs Nightjar. */
  #note({ via, user }: Caller, change: string): void {
    const level = via === "socket" ? "debug" : "info";
    this.#parts.log[level]({ by: user ?? via }, `changed by request: ${change}`);
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (error instanceof ExpectedError) {
      const problems = error instanceof ConfigError ? error.problems.map(problemOf) : undefined;
      // What is left of a body that is too long is not waited for.
      if (error instanceof BodyTooLong && !response.headersSent) response.setHeader("connection", "close");
      sendError(response, statusOf(error), error.message, error.exitCode, problems);
    } else {
      this.#parts.log.error({ err: error }, "a request failed by our fault");
      sendError(response, 500, messageOf(error), EXIT.bug);
    }
  }
}

type Command = (typeof COMMANDS)[keyof typeof COMMANDS];

interface Found {
  readonly entry: Command | Route;
  readonly parts: Record<string, string>;
}

function findEntry(method: string, path: string, routes: readonly Route[]): Found | undefined {
  for (const entry of [...Object.values(COMMANDS), ...routes]) {
    const parts = entry.method === method ? matchPath(entry.path, path) : undefined;
    if (parts !== undefined) return { entry, parts };
  }
  return undefined;
}

function methodsOf(path: string, routes: readonly Route[]): string[] {
  const fitting = [...Object.values(COMMANDS), ...routes].filter((entry) => matchPath(entry.path, path) !== undefined);
  return [...new Set(fitting.map(({ method }) => method))];
}

/** Reading is for viewers, changing for operators. */
function needsOf(entry: Command | Route): Route["needs"] {
  if ("needs" in entry) return entry.needs;
  return entry.method === "GET" ? "viewer" : "operator";
}

/** @throws ExpectedError when the request names no path ("//[", a broken absolute address). */
function parseTarget(target: string): URL {
  const url = URL.parse(target, "http://nightjar");
  if (url === null)
    throw new ExpectedError(EXIT.usage, "the address of the request is not valid; expected a path such as /api/status");
  return url;
}

function refuse(response: ServerResponse, { status, message }: Refusal): void {
  if (status === 401) response.setHeader("www-authenticate", 'Bearer realm="nightjar"');
  sendError(response, status, message);
}

/** With the key as it stands in what was sent: a zone is checked as a list of one. */
function problemOf({ key, message }: { readonly key: string; readonly message: string }) {
  return { key: key.replace(/^zones\[\d+\]\.?/, ""), message };
}

function statusOf(error: ExpectedError): number {
  if (error instanceof BodyTooLong) return 413;
  if (error instanceof ConfigError || error.exitCode === EXIT.usage || error.exitCode === EXIT.configuration)
    return 400;
  return error.exitCode === EXIT.unreachable ? 503 : 500;
}
