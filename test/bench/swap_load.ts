// A live pipeline (swap_bench.cpp) with a host of its own, whose detector and tracker get other bundles all the time.

import { type ChildProcess, fork, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type {
  FromPostprocess,
  LinkStatus,
  SwapAnswer,
  SwapStep,
  ToPostprocess,
} from "../../services/postprocess/messages.ts";
import type { ActivateReport } from "../../services/postprocess/swap.ts";
import { analyzeBundle, detectBundle, module } from "../services/postprocess/support/bundles.ts";
import { reshapeModel } from "../services/postprocess/support/onnx.ts";
import { waitUntil } from "../support/wait.ts";

const HOST = fileURLToPath(new URL("../../services/postprocess/main.ts", import.meta.url));
const PROGRAM =
  process.env["NIGHTJAR_SWAP_BENCH"] ?? fileURLToPath(new URL("../../build/firmware/swap-bench", import.meta.url));

export interface ElementCount {
  frames: number;
  inferred: number;
  passed: number;
  failed: number;
}

export interface LoadReport {
  frames: number;
  /** Frames that the source made and the sink never saw. */
  missing: number;
  /** Frames that came more than one frame interval later than the median. */
  late: number;
  /** ms from a frame's time to its arrival. */
  p50: number;
  p99: number;
  max: number;
  infer: ElementCount;
  tracker: ElementCount;
}

export interface Usage {
  threads: number;
  descriptors: number;
  residentBytes: number;
}

export class SwapLoad {
  readonly #host: ChildProcess;
  readonly #program: ChildProcess;
  readonly #answers = new Map<number, (answer: SwapAnswer) => void>();
  #links: readonly LinkStatus[] = [];
  #output = "";
  #errors = "";
  #next = 1;
  readonly incidents: string[] = [];

  private constructor(host: ChildProcess, program: ChildProcess) {
    this.#host = host;
    this.#program = program;
    host.on("message", (message: FromPostprocess) => this.#hear(message));
    program.stdout?.on("data", (data) => (this.#output += data));
    program.stderr?.on("data", (data) => (this.#errors += data));
  }

  /** `detector` and `tracker`: directories of the bundles to begin with. */
  static async start(socket: string, detector: string, tracker: string, fps = 30): Promise<SwapLoad> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: scripts/build all makes it`);
    const host = fork(HOST, ["--socket", socket, "--threads", "1", "--log-level", "warn"], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      // As the supervisor starts it.
      env: { ...process.env, NODE_COMPILE_CACHE: `${socket}.cache` },
    });
    await new Promise<void>((resolve) => {
      host.on("message", (message: FromPostprocess) => message.type === "ready" && resolve());
    });
    const elements = [
      `videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=${fps}/1`,
      `njinfer name=infer bundle=${detector} host-socket=${socket} slots=3`,
      `njanalytics name=tracker bundle=${tracker} host-socket=${socket}`,
      "fakesink name=sink",
    ];
    const program = spawn(PROGRAM, ["--fps", String(fps), elements.join(" ! ")], { stdio: ["pipe", "pipe", "pipe"] });
    const load = new SwapLoad(host, program);
    await waitUntil(
      "both elements to be served",
      () => load.#links.filter(({ framesPerSecond }) => framesPerSecond > 5).length === 2,
      30_000,
      () => load.#errors,
    );
    program.stdin?.write("begin\n");
    return load;
  }

  get hostPid(): number {
    return this.#host.pid!;
  }

  /** Threads, descriptors and resident bytes of the host. */
  usage(): Usage {
    const status = readFileSync(`/proc/${this.hostPid}/status`, "utf8");
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
    return {
      threads: field("Threads"),
      descriptors: readdirSync(`/proc/${this.hostPid}/fd`).length,
      residentBytes: field("VmRSS") * 1024,
    };
  }

  /** The smallest of some looks: what is there for a moment only does not stay. */
  async settledUsage(): Promise<Usage> {
    const seen: Usage[] = [];
    for (let look = 0; look < 8; look++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      seen.push(this.usage());
    }
    const least = (field: keyof Usage) => Math.min(...seen.map((usage) => usage[field]));
    return { threads: least("threads"), descriptors: least("descriptors"), residentBytes: least("residentBytes") };
  }

  ask(instance: string, step: SwapStep): Promise<SwapAnswer> {
    const request = this.#next++;
    return new Promise((resolve) => {
      this.#answers.set(request, resolve);
      this.#host.send({ type: "swap", request, instance, step } satisfies ToPostprocess);
    });
  }

  /** The whole of an activation; ms from the request until the new bundle serves. Throws when a step fails. */
  async swap(instance: string, bundle: string): Promise<{ ms: number; activation: ActivateReport }> {
    const began = performance.now();
    expectOk(await this.ask(instance, { step: "prepare", bundle }));
    const activation = expectOk(await this.ask(instance, { step: "activate" })) as ActivateReport;
    const ms = performance.now() - began;
    expectOk(await this.ask(instance, { step: "settle" }));
    return { ms, activation };
  }

  /** Ends everything, in whatever state it is. */
  stop(): void {
    this.#program.kill("SIGKILL");
    this.#host.kill("SIGKILL");
  }

  /** Ends the pipeline and the host. */
  async end(): Promise<LoadReport> {
    const ended = new Promise((resolve) => this.#program.once("exit", resolve));
    this.#program.stdin?.end();
    await ended;
    this.#host.kill("SIGTERM");
    if (!this.#output.startsWith("{")) throw new Error(`swap-bench said: ${this.#output}${this.#errors}`);
    return JSON.parse(this.#output) as LoadReport;
  }

  #hear(message: FromPostprocess): void {
    if (message.type === "status") this.#links = message.links;
    if (message.type === "incident") this.incidents.push(`${message.instance}: ${message.step}: ${message.reason}`);
    if (message.type !== "swapped") return;
    this.#answers.get(message.request)?.(message.answer);
    this.#answers.delete(message.request);
  }
}

export interface LoadBundles {
  /** The first two differ in their settings alone, the third in everything. */
  detectors: string[];
  trackers: string[];
}

export async function loadBundles(): Promise<LoadBundles> {
  const large = reshapeModel({ input: ["batch", 3, 16, 16], output: ["batch", 6, 128] });
  const tracker = await module("bytetrack");
  return {
    detectors: [
      await detectBundle(),
      await detectBundle({ version: "1.0.1", parameters: { "confidence-threshold": 0.4 } }),
      await detectBundle({ name: "large", version: "2.0.0", labels: ["bus", "person"] }, { "model.onnx": large }),
    ],
    trackers: [analyzeBundle(tracker), analyzeBundle(tracker, { version: "1.0.1" })],
  };
}

/** Swaps in turn: settings of the detector, everything of it, back, the tracker. `each` is told after each one. */
export async function runSwaps(
  load: SwapLoad,
  { detectors, trackers }: LoadBundles,
  count: number,
  each: (done: number) => Promise<void> | void = () => {},
): Promise<{ moduleOnlyMs: number[]; restored: number }> {
  const turns = [
    { instance: "infer", bundle: detectors[1]!, keepsModel: true },
    { instance: "infer", bundle: detectors[2]!, keepsModel: false },
    { instance: "tracker", bundle: trackers[1]!, keepsModel: true },
    { instance: "infer", bundle: detectors[0]!, keepsModel: false },
    { instance: "tracker", bundle: trackers[0]!, keepsModel: true },
  ];
  const moduleOnlyMs: number[] = [];
  let restored = 0;
  for (let i = 0; i < count; i++) {
    const { instance, bundle, keepsModel } = turns[i % turns.length]!;
    const { ms, activation } = await load.swap(instance, bundle);
    if (keepsModel) moduleOnlyMs.push(ms);
    if (activation.restored) restored++;
    await each(i + 1);
  }
  return { moduleOnlyMs, restored };
}

function expectOk(answer: SwapAnswer): unknown {
  if (!answer.ok) throw new Error(answer.message);
  return answer.result;
}
