/** Talks to a running Nightjar through its control socket. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { pipeline } from "node:stream/promises";
import { COMMANDS, type CommandInput, type CommandName, type CommandOutput } from "../control/commands.ts";
import type { News, NewsType } from "../control/event-hub.ts";
import { codeOf, EXIT, type ExitCode, ExpectedError, messageOf } from "../log/errors.ts";

const TIMEOUT_MS = 15_000;

export class Client {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** @throws ExpectedError: not running, or what the command said. */
  async call<Name extends CommandName>(name: Name, input: CommandInput<Name>): Promise<CommandOutput<Name>> {
    const { method, path } = COMMANDS[name];
    const { filled, rest } = fillPath(path, input as Record<string, unknown>);
    const response =
      method === "GET"
        ? await this.#send(method, filled + queryOf(rest))
        : await this.#send(method, filled, Object.keys(rest).length === 0 ? undefined : JSON.stringify(rest));
    const answer = parseAnswer(await textOf(response));
    if (response.statusCode === 200) return answer as CommandOutput<Name>;
    const { message, exitCode } = (answer as { error?: { message?: string; exitCode?: ExitCode } }).error ?? {};
    throw new ExpectedError(exitCode ?? EXIT.bug, message ?? `Nightjar answered ${response.statusCode}`);
  }

  /** Fetches a file of the control interface. @throws ExpectedError: not running, no such file, or it cannot be written. */
  async download(path: string, file: string): Promise<void> {
    const response = await this.#send("GET", path, undefined, new AbortController().signal);
    if (response.statusCode !== 200) {
      const { error } = parseAnswer(await textOf(response)) as { error?: { message?: string; exitCode?: ExitCode } };
      throw new ExpectedError(
        error?.exitCode ?? EXIT.bug,
        error?.message ?? `Nightjar answered ${response.statusCode}`,
      );
    }
    try {
      await pipeline(response, createWriteStream(`${file}.part`));
      await rename(`${file}.part`, file);
    } catch (error) {
      await rm(`${file}.part`, { force: true });
      throw new ExpectedError(EXIT.environment, `${file} cannot be written: ${messageOf(error)}`, { cause: error });
    }
  }

  /** News as it comes, until the signal or the end of Nightjar. @throws ExpectedError when it is not running. */
  async *news(types: readonly NewsType[], signal: AbortSignal): AsyncGenerator<News> {
    const response = await this.#send("GET", `/api/events?types=${types.join(",")}`, undefined, signal);
    response.setEncoding("utf8");
    let rest = "";
    try {
      for await (const chunk of response as AsyncIterable<string>) {
        const frames = (rest + chunk).split("\n\n");
        rest = frames.pop() ?? "";
        for (const frame of frames) {
          const data = /^data: (.*)$/m.exec(frame)?.[1];
          if (data !== undefined) yield JSON.parse(data) as News;
        }
      }
    } catch (error) {
      if (!signal.aborted)
        throw new ExpectedError(EXIT.unreachable, `the connection to Nightjar was lost: ${messageOf(error)}`);
    }
  }

  #send(method: string, path: string, body?: string, signal?: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers =
        body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const outgoing: ClientRequest = request(
        {
          socketPath: this.#socket,
          method,
          path,
          headers,
          ...(signal === undefined ? { timeout: TIMEOUT_MS } : { signal }),
        },
        resolve,
      );
      outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      outgoing.once("error", (error) => reject(this.#unreachable(error)));
      outgoing.end(body);
    });
  }

  #unreachable(error: Error): ExpectedError {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ECONNREFUSED") {
      const message = `no Nightjar is running on ${this.#socket}; start it with: nightjar run -c FILE (or name another with --socket)`;
      return new ExpectedError(EXIT.unreachable, message, { cause: error });
    }
    if (code === "EACCES") {
      const message = `${this.#socket} may not be opened by this user; run this as the user that runs Nightjar`;
      return new ExpectedError(EXIT.environment, message, { cause: error });
    }
    return new ExpectedError(EXIT.unreachable, `Nightjar on ${this.#socket} does not answer: ${error.message}`, {
      cause: error,
    });
  }
}

function queryOf(input: Record<string, unknown>): string {
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? ""
    : `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

/** Puts the named parts of the input into the path; the rest is the query or the body. */
function fillPath(path: string, input: Record<string, unknown>): { filled: string; rest: Record<string, unknown> } {
  const rest = { ...input };
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = String(rest[name] ?? "");
    delete rest[name];
    return encodeURIComponent(value);
  });
  return { filled, rest };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
