// The socket that elements connect to, and the connections that it has.

import { chmod, rm, stat } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { Recorder, type RecordingView } from "../recording/recorder.ts";
import { type Assignment, Connection, type ConnectionOptions } from "./connection.ts";
import type { Allowance } from "./limits.ts";
import { Declined } from "./link_switch.ts";
import type { LinkStatus, RecordAction, SwapAnswer, SwapResults, SwapStep } from "./messages.ts";
import { keepSpareThread } from "./module_threads.ts";
import { Refusal } from "./refusal.ts";
import { percentiles } from "./samples.ts";
import type { Swap } from "./swap.ts";
import { Watchdog } from "./watchdog.ts";

/** Only the user that runs Nightjar may connect. */
const SOCKET_MODE = 0o600;

export class Host {
  readonly #path: string;
  readonly #options: ConnectionOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #watchdog: Watchdog;
  /** What serves each element, frame by frame, into files. */
  readonly #recorder = new Recorder(() => [...this.#connections]);
  #endSpare = () => {};
  #measured = performance.now();
  #assignments: Readonly<Record<string, Assignment>> = {};
  #allowance: Allowance;

  /** `allowance`: until assign() says otherwise. */
  constructor(path: string, options: Omit<ConnectionOptions, "allowance" | "register">, allowance: Allowance = {}) {
    this.#path = path;
    this.#allowance = allowance;
    this.#options = {
      ...options,
      allowance: () => this.#allowance,
      register: (name) => this.#register(name),
    };
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
    this.#endSpare = keepSpareThread();
  }

  /** Bundles that elements get instead of their own from their next `open` on, and what modules may use. */
  assign(bundles: Readonly<Record<string, Assignment>>, allowance: Allowance): void {
    this.#assignments = bundles;
    this.#allowance = allowance;
  }

  /** One step on the bundles of an element. Never throws. */
  async swap(instance: string, step: SwapStep): Promise<SwapAnswer> {
    try {
      const connection = [...this.#connections].find((each) => each.ownName === instance);
      if (!connection) return absent(instance);
      if (step.step === "reconnect") {
        connection.close();
        return { ok: true, result: null };
      }
      if (!connection.swap) return absent(instance);
      return { ok: true, result: await performStep(connection.swap, step) };
    } catch (error) {
      const key = error instanceof Refusal ? error.key : "";
      const lasting = error instanceof Refusal ? error.isLasting : error instanceof Declined;
      return { ok: false, lasting, key, message: (error as Error).message };
    }
  }

  /** Undefined: there is no such recording. */
  async record(action: RecordAction): Promise<RecordingView | undefined> {
    if (action.do === "begin") return this.#recorder.begin(action);
    return action.do === "end" ? this.#recorder.end(action.id) : this.#recorder.view(action.id);
  }

  /** Elements of one name get a number each: a swap is of one of them. */
  #register(name: string): { instance: string; assignment: Assignment | undefined } {
    const taken = new Set([...this.#connections].map((connection) => connection.ownName));
    let instance = name;
    for (let number = 2; taken.has(instance); number++) instance = `${name}#${number}`;
    return { instance, assignment: this.#assignments[instance] };
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
    await this.#recorder.close();
    const connections = [...this.#connections];
    for (const connection of connections) connection.close();
    await Promise.all(connections.map((connection) => connection.closed));
    this.#watchdog.close();
    this.#endSpare();
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
    directory: deployment?.bundle.directory ?? "",
    batches: deployment?.moduleSamples.total ?? 0,
    failedBatches: deployment?.failedBatches ?? 0,
    failedFrames: deployment?.failedFrames ?? 0,
    agreement: connection.swap?.agreement,
  };
}

type BundleStep = Exclude<SwapStep, { step: "reconnect" }>;

/** A step on the bundles of a connection that has some. */
async function performStep(swap: Swap, step: BundleStep): Promise<SwapResults[SwapStep["step"]]> {
  switch (step.step) {
    case "prepare":
      return swap.prepare(step.bundle, step.parameters);
    case "begin-shadow":
      await swap.beginShadow(step, step.against);
      return null;
    case "end-shadow":
      return swap.endShadow();
    case "activate":
      return swap.activate();
    case "discard":
      await swap.discard();
      return null;
    case "settle":
      await swap.settle();
      return null;
  }
}

function absent(instance: string): SwapAnswer {
  return { ok: false, lasting: false, key: "element", message: `no element "${instance}" is connected` };
}
