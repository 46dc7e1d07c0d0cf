// One element's connection: its messages in, ours out, and the bundles that serve it.

import type { Socket } from "node:net";
import { sendWithFd } from "../../firmware/link/addon.ts";
import { Deployment, type DeploymentRequest } from "./deployment.ts";
import type { Allowance } from "./limits.ts";
import {
  type FromElement,
  layoutMessage,
  MAX_LINE_BYTES,
  type OpenMessage,
  parseMessage,
  refusedMessage,
} from "./link_messages.ts";
import type { AnswerLimits } from "./link_switch.ts";
import type { LogLevel } from "./messages.ts";
import type { ModuleIncident, PairEvents } from "./module_pair.ts";
import { Refusal } from "./refusal.ts";
import { Swap } from "./swap.ts";

/** A bundle that somebody chose for an element, instead of the one that the element asks for. */
export interface Assignment {
  /** Directory. */
  bundle: string;
  /** Over the bundle's and the element's. */
  parameters?: Record<string, unknown> | undefined;
}

export interface ConnectionOptions {
  threads: number;
  /** Of elements that do not answer; default ANSWER_LIMITS. */
  answerLimits?: AnswerLimits;
  log: (level: LogLevel, message: string, instance: string) => void;
  /** What this machine allows modules at most. */
  allowance?: () => Allowance;
  /** Called when the element says its name; the name that it has here, and its bundle when one was chosen for it. */
  register?: (instance: string) => { instance: string; assignment: Assignment | undefined };
  /** Something happened to the module of the bundle that serves. */
  incident?: (instance: string, bundle: string, incident: ModuleIncident) => void;
}

export type LinkState = "opening" | "ready" | "degraded" | "refused" | "closed";

export class Connection {
  /** What it is called here; "element" until it has said its name. */
  instance = "element";
  state: LinkState = "opening";
  /** Settles when the element is gone and everything of it is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  #swap: Swap | undefined;
  /** An offer that the element has not answered. */
  #offer: { generation: number; answer: PromiseWithResolvers<string | undefined> } | undefined;
  #isRegistered = false;
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
        this.#offer?.answer.reject(new Error("the element has gone"));
        this.#enqueue(() => this.#closeSwap()).then(resolve);
      });
    });
  }

  get deployment(): Deployment | undefined {
    return this.#swap?.current;
  }

  /** Its bundles; undefined while the first one is not loaded. */
  get swap(): Swap | undefined {
    return this.#swap;
  }

  /** Undefined when it has none, or is going: another connection may have it then. */
  get ownName(): string | undefined {
    return this.#isRegistered && !this.#socket.destroyed ? this.instance : undefined;
  }

  /** Ends the connection; wait for `closed`. */
  close(): void {
    this.#socket.destroy();
  }

  /** Called by the watchdog. */
  check(): void {
    this.#swap?.check();
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
    switch (message.type) {
      case "open":
        return this.#open(message);
      case "parameters":
        return this.#configure(message.parameters);
      case "switched":
        return this.#answered(message.generation, undefined);
      case "declined":
        return this.#answered(message.generation, message.message || "the element cannot use it");
    }
  }

  async #open(message: OpenMessage): Promise<void> {
    await this.#closeSwap();
    this.#isRegistered = false;
    const { instance, assignment } = this.#options.register?.(message.instance) ?? {
      instance: message.instance,
      assignment: undefined,
    };
    this.instance = instance;
    this.#isRegistered = true;
    const began = performance.now();
    const { parameters, ...asked } = message;
    const request: DeploymentRequest = {
      ...asked,
      parameters: parameters ?? undefined,
      generation: message.generation + 1,
      threads: this.#options.threads,
      allowance: this.#options.allowance?.() ?? {},
    };
    let deployment: Deployment | undefined;
    const events = this.#eventsOf(() => deployment !== undefined && deployment === this.deployment);
    deployment = await this.#openDeployment(request, assignment, events);
    const { kind, batch, slots } = message;
    this.#swap = new Swap(
      deployment,
      { kind, batch, slots, parameters: parameters ?? {} },
      {
        threads: this.#options.threads,
        allowance: this.#options.allowance?.() ?? {},
        eventsOf: (serves) => this.#eventsOf(serves),
        link: { offer: (next) => this.#sendOffer(next), abandon: (reason) => this.#abandon(reason) },
        log: (level, text) => this.#log(level, text),
        ...(this.#options.answerLimits && { answerLimits: this.#options.answerLimits }),
      },
    );
    if (this.#socket.destroyed) return;
    deployment.serveEngine();
    void deployment.serveModule();
    await this.#sendLayout(deployment, { type: "layout" });
    this.state = "ready";
    const { bundle } = deployment;
    this.#log("info", `${bundle.name} ${bundle.version} is ready after ${Math.round(performance.now() - began)} ms`);
  }

  /** The bundle that was chosen, or the element's own when that cannot be used: objects of an older bundle beat none. */
  async #openDeployment(
    request: DeploymentRequest,
    assignment: Assignment | undefined,
    events: PairEvents,
  ): Promise<Deployment> {
    if (!assignment) return Deployment.open(request, events);
    const { bundle, parameters } = assignment;
    const over = { ...(request.parameters as Record<string, unknown> | undefined), ...parameters };
    try {
      return await Deployment.open({ ...request, bundle, parameters: over }, events);
    } catch (error) {
      if (!(error instanceof Refusal) || !(request.bundle || request.module)) throw error;
      const reason = `${bundle} cannot be used: ${error.message}`;
      this.#log("error", `${reason}; going on with ${request.bundle ?? request.module}`);
      const incident = { step: "given-up", reason, ms: 0, framesWithoutObjects: 0, restarts: 0 } as const;
      this.#options.incident?.(this.instance, bundle, incident);
      return Deployment.open(request, events);
    }
  }

  #eventsOf(serves: () => boolean): PairEvents {
    return {
      state: (state, text) => {
        if (serves()) this.#setState(state, text);
      },
      incident: (incident) => {
        const { deployment } = this;
        if (deployment && serves()) this.#options.incident?.(this.instance, deployment.bundle.directory, incident);
      },
      log: (level, text) => this.#log(level, text),
    };
  }

  async #sendLayout(deployment: Deployment, message: object): Promise<void> {
    if (this.#socket.writableLength > 0) await this.#drained();
    if (this.#socket.destroyed) throw new Error("the element has gone");
    const line = Buffer.from(JSON.stringify({ ...layoutMessage(deployment), ...message }) + "\n");
    sendWithFd(descriptorOf(this.#socket), line, deployment.fd);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        this.#socket.off("drain", settle).off("close", settle);
        resolve();
      };
      this.#socket.on("drain", settle).on("close", settle);
    });
  }

  async #sendOffer(next: Deployment): Promise<string | undefined> {
    const { name, version } = next.bundle;
    const offer = { generation: next.layout.generation, answer: Promise.withResolvers<string | undefined>() };
    this.#offer = offer;
    // The element may go while the offer is being sent: then nobody waits for the answer yet.
    offer.answer.promise.catch(() => {});
    try {
      await this.#sendLayout(next, { type: "reconfigure", reason: `${name} ${version}` });
      return await offer.answer.promise;
    } finally {
      this.#offer = undefined;
    }
  }

  #answered(generation: number, problem: string | undefined): void {
    if (this.#offer?.generation === generation) this.#offer.answer.resolve(problem);
    else this.#log("warn", `the element answered an offer of generation ${generation} that was not made`);
  }

  /** A wrong parameter of a running element is reported and changes nothing. */
  #configure(parameters: Record<string, unknown>): void {
    try {
      this.#swap?.configure(parameters);
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

  /** The element begins anew: it connects again. */
  #abandon(reason: string): void {
    this.#log("error", `${reason}: the element has to connect again`);
    this.#socket.destroy();
  }

  #refuse(refusal: Refusal): void {
    this.state = "refused";
    this.#log("error", `refused: ${refusal.key}: ${refusal.message}`);
    this.#send(refusedMessage(refusal));
    this.#socket.destroySoon();
  }

  #send(message: object): void {
    if (this.#socket.writable) this.#socket.write(JSON.stringify(message) + "\n");
  }

  async #closeSwap(): Promise<void> {
    const swap = this.#swap;
    this.#swap = undefined;
    await swap?.close();
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
