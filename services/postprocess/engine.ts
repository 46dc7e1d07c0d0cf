// Main thread's side of the engine worker: loads a model, finds out its shapes, hands it a link, stops it gently.

import { Worker } from "node:worker_threads";
import { ringBell } from "../../firmware/link/addon.ts";
import { Bell } from "../../firmware/link/protocol.ts";
import type { LinkMemory } from "../../firmware/link/slots.ts";
import type { EngineWorkerData, FromEngineWorker, ModelTensor, ShapedTensor, ToEngineWorker } from "./engine_worker.ts";
import { Samples } from "./samples.ts";
import { WorkerControl } from "./worker_control.ts";

export interface LoadedModel {
  inputs: ModelTensor[];
  outputs: ModelTensor[];
}

export class Engine {
  readonly samples = new Samples();
  /** Called when the worker ended without being asked, or cannot serve its link. */
  onExit: (reason: string) => void = () => {};
  onLog: (message: string) => void = () => {};
  readonly #control = new WorkerControl();
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #answer: { resolve: (message: FromEngineWorker) => void; reject: (error: Error) => void } | undefined;
  #link: LinkMemory | undefined;
  #stopping = false;

  constructor(model: string, threads: number) {
    const data: EngineWorkerData = {
      model,
      threads,
      control: this.#control.shared,
      samples: this.samples.shared,
    };
    this.#worker = new Worker(new URL("./engine_worker.ts", import.meta.url), { workerData: data });
    this.#worker.on("message", (message: FromEngineWorker) => this.#receive(message));
    this.#worker.on("error", (error) => this.#ended(`the engine worker failed: ${error}`));
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#ended("the engine worker ended");
        resolve();
      });
    });
  }

  /** The model's inputs and outputs. Rejects with ONNX Runtime's message when it cannot be loaded. To be called first. */
  async loaded(): Promise<LoadedModel> {
    const message = await this.#next();
    if (message.type === "loaded") return message;
    throw new Error(`unexpected answer of the engine worker: ${message.type}`);
  }

  /** Runs the model once on zeros; the shapes that came out. */
  async warmUp(input: ShapedTensor): Promise<ShapedTensor[]> {
    const answer = this.#next();
    this.#tell({ type: "warm", input });
    const message = await answer;
    if (message.type === "warmed") return message.outputs;
    throw new Error(`unexpected answer of the engine worker: ${message.type}`);
  }

  /** Runs the model on one input, between two slots of the link that it serves; the bytes of its outputs. */
  async infer(input: ShapedTensor, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array[]> {
    const answer = this.#next();
    this.#control.order();
    this.#tell({ type: "infer", input, bytes });
    if (this.#link) ringBell(this.#link, Bell.Engine);
    const message = await answer;
    if (message.type === "inferred") return message.outputs;
    throw new Error(`unexpected answer of the engine worker: ${message.type}`);
  }

  /**
   * Takes slots of the link from now on, and leaves the one it served before: no slot of that may be waiting for the
   * engine. `modelBatch`: frames of one run, 0 when the model takes any number.
   */
  serve(memory: LinkMemory, fd: number, bytes: number, modelBatch: number): void {
    const previous = this.#link;
    this.#link = memory;
    this.#control.order();
    this.#tell({ type: "serve", fd, bytes, modelBatch });
    if (previous) ringBell(previous, Bell.Engine);
  }

  /** That link is stopped and about to be unmapped: its bell is not to be rung any more. */
  leave(memory: LinkMemory): void {
    if (this.#link === memory) this.#link = undefined;
  }

  /** Waits for the run in progress. A worker inside of one cannot be ended without ending the process. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#control.stop();
    this.#tell({ type: "stop" });
    if (this.#link) ringBell(this.#link, Bell.Engine);
    await this.#exited;
  }

  #next(): Promise<FromEngineWorker> {
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
    });
  }

  #receive(message: FromEngineWorker): void {
    if (message.type === "log") this.onLog(message.message);
    else if (message.type === "lost") this.onExit(message.message);
    else if (message.type === "failed") this.#answer?.reject(new Error(message.message));
    else this.#answer?.resolve(message);
  }

  #ended(reason: string): void {
    this.#answer?.reject(new Error(reason));
    if (!this.#stopping) this.onExit(reason);
    this.#stopping = true;
  }

  #tell(message: ToEngineWorker): void {
    this.#worker.postMessage(message);
  }
}
