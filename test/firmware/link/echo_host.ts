// The smallest honest postprocess host: it speaks docs/reference/link.md, and a worker per link answers slots at once.
// The element's tests and the round-trip benchmark run against it. What the worker does with a batch depends on the
// source_id of its first frame (Ask in echo_worker.ts).
//
// usage: echo_host.ts --socket PATH [--exit-with-parent] [--no-worker]
// SIGUSR2: offers every element another layout, with room for one object more; the old one is served until it is drained.

import { closeSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { createLink, map, ringBell, sendWithFd, unmap } from "../../../firmware/link/addon.ts";
import { computeLayout, writeHeader } from "../../../firmware/link/layout.ts";
import { Bell, DataType, Kind, SlotState } from "../../../firmware/link/protocol.ts";
import { LinkMemory } from "../../../firmware/link/slots.ts";

const { values: options } = parseArgs({
  options: {
    socket: { type: "string" },
    "exit-with-parent": { type: "boolean" },
    "no-worker": { type: "boolean" },
  },
});

interface Open {
  kind: "detect" | "analyze";
  bundle?: string;
  parameters: object;
  batch: number;
  slots: number;
  generation: number;
}

const SIDE = 8;
const connections = new Set<Connection>();
let maxObjects = 4;

class Connection {
  readonly #socket: Socket;
  #request: Open | undefined;
  #memory: LinkMemory | undefined;
  /** Of earlier layouts: in use until the element has switched, then with slots that may still be under way. */
  readonly #replaced = new Set<LinkMemory>();
  readonly #draining = new Set<LinkMemory>();

  constructor(socket: Socket) {
    this.#socket = socket;
    connections.add(this);
    createInterface({ input: socket }).on("line", (line) => this.#handle(JSON.parse(line)));
    socket.on("error", () => {});
    socket.on("close", () => {
      connections.delete(this);
      this.#release();
    });
  }

  reconfigure(): void {
    if (!this.#request || !this.#memory) return;
    this.#replaced.add(this.#memory);
    const generation = this.#memory.layout.generation;
    this.#offer({ ...this.#request, generation }, { type: "reconfigure", reason: "another bundle" });
  }

  #handle(message: { type: string } & Open): void {
    if (message.type === "open") this.#open(message);
    if (message.type === "switched") {
      this.#switched(message.generation);
    }
    if (message.type === "parameters") {
      this.#send({ type: "state", state: "degraded", message: JSON.stringify(message.parameters) });
    }
  }

  #open(open: Open): void {
    if (open.bundle === "/refused") {
      this.#send({ type: "refused", code: "bundle", key: "model.file", message: "model.onnx is missing" });
      this.#socket.end();
      return;
    }
    this.#release();
    this.#request = open;
    this.#offer(open, { type: "layout" });
  }

  /** What was offered after that layout may still be on its way to the element: the layout itself stays in use. */
  #switched(generation: number): void {
    for (const memory of this.#replaced) {
      if (memory.layout.generation >= generation) continue;
      this.#replaced.delete(memory);
      this.#draining.add(memory);
    }
    this.#drain();
  }

  /** Releases the older layouts once the worker has answered every slot of theirs. */
  #drain(): void {
    for (const memory of this.#draining) {
      if (memory.slots.some((slot) => !RESTING.includes(slot.state))) continue;
      this.#draining.delete(memory);
      release(memory);
    }
    if (this.#draining.size > 0 && !this.#socket.destroyed) setTimeout(() => this.#drain(), 1);
  }

  #offer(open: Open, message: object): void {
    const layout = computeLayout({
      kind: open.kind === "detect" ? Kind.Detect : Kind.Analyze,
      batch: open.batch,
      slots: open.slots,
      maxObjects,
      maxEvents: 2,
      auxBytes: 64,
      generation: open.generation + 1,
      tensors:
        open.kind === "detect"
          ? [
              { name: "images", dataType: DataType.Float32, dims: [3, SIDE, SIDE], isInput: true },
              { name: "output0", dataType: DataType.Float32, dims: [4], isInput: false },
            ]
          : [],
    });
    const fd = createLink(layout.totalBytes);
    const buffer = map(fd, layout.totalBytes);
    writeHeader(buffer, layout);
    this.#memory = new LinkMemory(buffer);
    const answer = JSON.stringify({ ...describe(open, layout.totalBytes, layout.generation), ...message }) + "\n";
    const offer = () => {
      if (!this.#socket.destroyed) sendWithFd(handleOf(this.#socket), Buffer.from(answer), fd);
      closeSync(fd);
    };
    if (options["no-worker"]) {
      offer();
      return;
    }
    const workerData = { fd, bytes: layout.totalBytes };
    new Worker(new URL("echo_worker.ts", import.meta.url), { workerData }).once("message", offer);
  }

  #send(message: object): void {
    if (!this.#socket.destroyed) this.#socket.write(JSON.stringify(message) + "\n");
  }

  #release(): void {
    for (const memory of [...this.#replaced, ...this.#draining]) release(memory);
    this.#replaced.clear();
    this.#draining.clear();
    if (this.#memory) release(this.#memory);
    this.#memory = undefined;
  }
}

/** The host has nothing to do with slots in these. */
const RESTING: readonly SlotState[] = [SlotState.Free, SlotState.ResultReady, SlotState.Failed];

function release(memory: LinkMemory): void {
  memory.stop();
  ringBell(memory, Bell.Engine);
  ringBell(memory, Bell.Module);
  unmap(memory.buffer);
}

function describe(open: Open, bytes: number, generation: number): object {
  const input = {
    width: SIDE,
    height: SIDE,
    color: "RGB",
    layout: "NCHW",
    dtype: "float32",
    scale: [1 / 255, 1 / 255, 1 / 255],
    mean: [0, 0, 0],
    letterbox: "centre",
    fill: 114,
  };
  return {
    generation,
    bytes,
    bundle: { name: "echo", version: "1.0.0" },
    labels: ["car", JSON.stringify(open.parameters)],
    ...(open.kind === "detect" ? { input } : {}),
  };
}

function handleOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

function leave(): void {
  rmSync(options.socket as string, { force: true });
  process.exit(0);
}

if (!options.socket) throw new Error("--socket PATH is missing");
createServer((socket) => new Connection(socket)).listen(options.socket);
process.on("SIGUSR2", () => {
  maxObjects += 1;
  for (const connection of connections) connection.reconfigure();
});
process.on("SIGTERM", leave);
if (options["exit-with-parent"]) process.stdin.on("end", leave).resume();
