/**
 * Requests to the repository: HTTP and HTTPS with certificates, through a proxy where one is set, or files of this machine
 * (`file:`, for a stick or a mounted share). What comes back is trusted in nothing: the metadata's signatures decide.
 */
import { createReadStream, statSync } from "node:fs";
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { reachProblem } from "./reach-problem.ts";

export interface TransportOptions {
  /** Silence, or a trickle, of this length ends a request. ms */
  readonly idleMs: number;
  /** Of all requests together; 0: as fast as it goes. Bytes per second. */
  readonly rate: number;
  /** "http://proxy:3128"; undefined: HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment. */
  readonly proxy?: string | undefined;
  readonly tls?: { readonly ca?: string; readonly certificate?: string; readonly key?: string } | undefined;
  readonly userAgent: string;
}

export interface Answer {
  readonly status: number;
  /** First byte of the body, in the whole file; 0 unless a range was asked for and is answered. */
  readonly from: number;
  /** Bytes of the body; undefined when the server does not say. */
  readonly length: number | undefined;
  readonly body: Readable;
  /** Of a redirect. */
  readonly location?: string | undefined;
  /** Ends the request; the body fails. */
  end(): void;
}

/** The repository could not be reached, or broke off: try again later. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
}

/** Redirects of one request. */
const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export class Transport {
  readonly #options: TransportOptions;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  /** Since it was made. */
  readonly counts = { requests: 0, bytes: 0 };

  constructor(options: TransportOptions) {
    this.#options = options;
    const { proxy, tls } = options;
    const proxyEnv = proxy === undefined ? process.env : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
    const common = { keepAlive: true, maxSockets: 4, proxyEnv };
    this.#http = new HttpAgent(common);
    this.#https = new HttpsAgent({
      ...common,
      minVersion: "TLSv1.2",
      ca: tls?.ca,
      cert: tls?.certificate,
      key: tls?.key,
    });
  }

  get idleMs(): number {
    return this.#options.idleMs;
  }

  get rate(): number {
    return this.#options.rate;
  }

  /**
   * Asks for a file, from a byte on.
   * @throws UnreachableError when there is no answer. Every status is an answer.
   */
  async open(url: string, from: number, signal: AbortSignal | undefined): Promise<Answer> {
    let place = new URL(url);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = place.protocol === "file:" ? openFile(place, from) : await this.#ask(place, from, signal);
      this.counts.requests += 1;
      if (answer.location === undefined) return answer;
      answer.end();
      place = redirected(place, answer.location);
    }
    throw new UnreachableError(
      `${shown(url)} leads to more than ${MAX_REDIRECTS} other addresses, one after the other`,
    );
  }

  /** Closes what is kept open for further requests. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #ask(url: URL, from: number, signal: AbortSignal | undefined): Promise<Answer> {
    const { idleMs, userAgent } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const isPlain = url.protocol === "http:";
    const headers = {
      "user-agent": userAgent,
      "accept-encoding": "identity",
      ...(from > 0 ? { range: `bytes=${from}-` } : {}),
    };
    const agent = isPlain ? this.#http : this.#https;
    const options = { headers, agent, ...(signal === undefined ? {} : { signal }) };
    const asked: ClientRequest = (isPlain ? httpRequest : httpsRequest)(url, options);
    // Not the socket's own timer: that one does not run while a request waits for a free connection.
    const timer = setTimeout(() => asked.destroy(new Error(`no answer within ${idleMs / 1000} s`)), idleMs);
    asked.on("error", (error) => reject(unreachable(url, error)));
    asked.on("response", (response) => {
      // From here on the body is watched by whoever reads it.
      clearTimeout(timer);
      resolve(answerOf(response));
    });
    asked.on("close", () => clearTimeout(timer));
    asked.end();
    return promise;
  }
}

function answerOf(response: IncomingMessage): Answer {
  const status = response.statusCode ?? 0;
  const length = response.headers["content-length"];
  const range = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "");
  return {
    status,
    from: status === 206 && range !== null ? Number(range[1]) : 0,
    length: length === undefined ? undefined : Number(length),
    body: response,
    location: REDIRECTS.has(status) ? response.headers.location : undefined,
    end: () => {
      // Its failure is our doing.
      response.on("error", () => {});
      response.destroy();
    },
  };
}

function openFile(url: URL, from: number): Answer {
  const path = fileURLToPath(url);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  const exists = size !== undefined;
  const body = exists && from <= size ? createReadStream(path, { start: from }) : Readable.from([]);
  const status = !exists ? 404 : from > size ? 416 : from > 0 ? 206 : 200;
  return { status, from: status === 206 ? from : 0, length: exists ? size - from : 0, body, end: () => body.destroy() };
}

/** @throws UnreachableError when the redirect leads from a protected connection to an open one, or out of HTTP. */
function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  const fine = to !== null && (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:"));
  if (fine) return to;
  throw new UnreachableError(`${shown(from.href)} leads to ${location}: only https: addresses are followed from there`);
}

export function unreachable(url: URL | string, error: unknown): Error {
  if (error instanceof UnreachableError || (error as Error).name === "AbortError") return error as Error;
  const why = reachProblem(error, String(url).startsWith("https:"));
  return new UnreachableError(`${shown(String(url))} cannot be fetched: ${why}`, { cause: error });
}

/** Without user name and password. */
export function shown(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return url;
  parsed.username = "";
  parsed.password = "";
  return parsed.href;
}
