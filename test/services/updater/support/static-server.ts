/** A static web server that can be told to misbehave. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** Answers instead of the file. @returns false: the file after all */
export type Trick = (request: IncomingMessage, response: ServerResponse, path: string) => boolean | undefined;

export class StaticServer {
  readonly requests: string[] = [];
  /** Bytes of bodies that were sent. */
  bytes = 0;
  directory: string;
  trick: Trick | undefined;
  readonly #server: Server;

  private constructor(directory: string) {
    this.directory = directory;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(directory: string): Promise<StaticServer> {
    const server = new StaticServer(directory);
    await new Promise<void>((done) => server.#server.listen(0, "127.0.0.1", done));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent((request.url ?? "/").slice(1));
    this.requests.push(path);
    if (this.trick?.(request, response, path) === true) return;
    const file = join(this.directory, path);
    if (!existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404, { "content-length": 0 }).end();
      return;
    }
    const { size } = statSync(file);
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const from = range === null ? 0 : Number(range[1]);
    const headers = {
      "content-length": size - from,
      ...(range === null ? {} : { "content-range": `bytes ${from}-${size - 1}/${size}` }),
    };
    response.writeHead(range === null ? 200 : 206, headers);
    this.bytes += size - from;
    createReadStream(file, { start: from }).pipe(response);
  }
}
