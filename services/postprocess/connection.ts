// One element's connection: its messages in, ours out, and the deployment that serves it.

import type { Socket } from "node:net";
import { sendWithFd } from "../../firmware/link/addon.ts";
import { Deployment } from "./deployment.ts";
import {
  type FromElement,
  layoutMessage,
  MAX_LINE_BYTES,
  type OpenMessage,
  parseMessage,
  refusedMessage,
} from "./link_messages.ts";
import type { LogLevel } from "./messages.ts";
import { Refusal } from "./refusal.ts";

export interface ConnectionOptions {
  threads: number;
  log: (level: LogLevel, message: string, instance: string) => void;
}

export type LinkState = "opening" | "ready" | "degraded" | "refused" | "closed";

export class Connection {
  instance = "element";
  state: LinkState = "opening";
  /** Settles when the element is gone and everything of it is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  #deployment: Deployment | undefined;
  #text = "";
  /** Messages are answered one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("error", (error) => this.#log("warn", `connection: ${error.message}`));
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#enqueue(() => this.#closeDeployment()).then(resolve);
      });
    });
  }

  get deployment(): Deployment | undefined {
    return this.#deployment;
  }

  /** Ends the connection; wait for `closed`. */
  close(): void {
    this.#socket.destroy();
  }

  /** Called by the watchdog. */
  check(): void {
    this.#deployment?.check();
  }

  #receive(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      void this.#enqueue(() => this.#handle(line));
    }
    if (this.#text.length > MAX_LINE_BYTES) {
      this.#refuse(new Refusal("limits", "message", `a message has more than ${MAX_LINE_BYTES} bytes`));
    }
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#fail(error));
    return this.#work;
  }

  async #handle(line: string): Promise<void> {
    const message: FromElement = parseMessage(line);
    if (message.type === "open") await this.#open(message);
    else this.#configure(message.parameters);
  }

  async #open(message: OpenMessage): Promise<void> {
    this.instance = message.instance;
    await this.#closeDeployment();
    const began = performance.now();
    const { parameters, ...request } = message;
    const deployment = await Deployment.open(
      {
        ...request,
        parameters: parameters ?? undefined,
        generation: message.generation + 1,
        threads: this.#options.threads,
      },
      {
        state: (state, text) => this.#setState(state, text),
        log: (level, text) => this.#log(level, text),
      },
    );
    this.#deployment = deployment;
    if (this.#socket.destroyed) return;
    deployment.serve((reason) => this.#fail(new Error(reason)));
    await this.#sendLayout(deployment);
    this.state = "ready";
    const { bundle } = deployment;
    this.#log("info", `${bundle.name} ${bundle.version} is ready after ${Math.round(performance.now() - began)} ms`);
  }

  async #sendLayout(deployment: Deployment): Promise<void> {
    if (this.#socket.writableLength > 0) await new Promise((resolve) => this.#socket.once("drain", resolve));
    const line = Buffer.from(JSON.stringify(layoutMessage(deployment)) + "\n");
    sendWithFd(descriptorOf(this.#socket), line, deployment.fd);
  }

  /** A wrong parameter of a running element is reported and changes nothing. */
  #configure(parameters: Record<string, unknown>): void {
    try {
      this.#deployment?.configure(parameters);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#log("error", error.message);
    }
  }

  #setState(state: "ready" | "degraded", message: string): void {
    this.state = state;
    this.#send({ type: "state", state, message });
  }

  #fail(error: unknown): void {
    if (error instanceof Refusal) this.#refuse(error);
    else {
      this.#log("error", `internal error: ${(error as Error).stack ?? error}`);
      this.#socket.destroy();
    }
  }

  #refuse(refusal: Refusal): void {
    this.state = "refused";
    this.#log("error", refusal.message);
    this.#send(refusedMessage(refusal));
    this.#socket.destroySoon();
  }

  #send(message: object): void {
    if (this.#socket.writable) this.#socket.write(JSON.stringify(message) + "\n");
  }

  async #closeDeployment(): Promise<void> {
    const deployment = this.#deployment;
    this.#deployment = undefined;
    await deployment?.close();
  }

  #log(level: LogLevel, message: string): void {
    this.#options.log(level, message, this.instance);
  }
}

/** Node has no public way to the descriptor of a socket; it is needed to pass another one over it. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } | null };
  if (!handle || handle.fd < 0) throw new Error("the socket is closed");
  return handle.fd;
}
