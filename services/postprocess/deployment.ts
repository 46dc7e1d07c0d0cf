// A bundle in operation for one link: the engine with its model, the module with its standby, and the memory between
// them. Made beside a running one, which it may share the engine with; switched to by link_switch.ts when it is ready,
// closed when it is drained; its memory goes with it.

import { closeSync } from "node:fs";
import { createLink, map, ringBell, unmap } from "../../firmware/link/addon.ts";
import { computeLayout, type LinkLayout, writeHeader } from "../../firmware/link/layout.ts";
import { Bell, DATA_TYPE_BYTES, Kind, ProtocolError, SlotState } from "../../firmware/link/protocol.ts";
import { LinkMemory } from "../../firmware/link/slots.ts";
import { type Bundle, type BundleRequest, loadBundle } from "./bundle.ts";
import type { Parameters } from "./bundle_schema.ts";
import { warmCompiler } from "./compiler.ts";
import { type EnginePart, openEngine } from "./deployment_engine.ts";
import type { GuestSetup } from "./guest_memory.ts";
import { type Allowance, allowsOperator, bound } from "./limits.ts";
import { trimSoon } from "./memory_trim.ts";
import { type InputPlan, warmUpInput } from "./model_plan.ts";
import { type CompiledModule, compileModule } from "./module_file.ts";
import { ModuleFailure } from "./module_handle.ts";
import { type Heritage, ModulePair, type PairEvents } from "./module_pair.ts";
import { mergeParameters } from "./parameters.ts";
import { Refusal } from "./refusal.ts";
import { Samples } from "./samples.ts";

export interface DeploymentRequest extends BundleRequest {
  /** Overrides of the bundle's parameters. */
  parameters?: unknown;
  /** Frames in a slot. */
  batch: number;
  slots: number;
  /** Of the layout. */
  generation: number;
  /** Of one run of the model; 0: as many as the machine has cores. */
  threads: number;
  /** What this machine's owner allows; without it no operator runs. */
  allowance?: Allowance;
}

/** Everything that was found out about a bundle before memory was made. */
interface Parts {
  bundle: Bundle;
  compiled: CompiledModule;
  parameters: Parameters;
  /** Undefined for analyze bundles. */
  engine: EnginePart | undefined;
}

/** The parts of the host that a slot passes, in this order. */
export type Stage = "engine" | "module";

/** In these states, the slot is still to pass the stage, or is in it. */
const BEFORE: Readonly<Record<Stage, readonly SlotState[]>> = {
  engine: [SlotState.Filling, SlotState.InputReady, SlotState.Inferring],
  module: [SlotState.Filling, SlotState.InputReady, SlotState.Inferring, SlotState.OutputReady, SlotState.Decoding],
};

export class Deployment {
  readonly bundle: Bundle;
  readonly layout: LinkLayout;
  /** Undefined for analyze bundles. */
  readonly plan: InputPlan | undefined;
  readonly fd: number;
  /** The engine's durations in ms. Undefined where this host runs no model. */
  readonly engineSamples: Samples | undefined;
  readonly moduleSamples: Samples;
  readonly memory: LinkMemory;
  /** The engine's worker is gone, or cannot serve this deployment: it is of no more use. */
  onEngineExit: (reason: string) => void = () => {};
  /** Why it has no engine any more; undefined while it has. */
  engineLost: string | undefined;
  readonly #parts: Parts;
  readonly #module: ModulePair;
  #overrides: Record<string, unknown>;
  #moduleServes = false;
  /** The engine may have served another deployment before; what failed there is not counted here. */
  #engineFailedBefore = 0;
  #engineFailedFramesBefore = 0;
  #closed: Promise<void> | undefined;

  /**
   * Loads, checks, starts and warms up. `running`: what serves the element now; its engine is shared when the model and
   * its input are the same. Throws Refusal; then nothing is left behind.
   */
  static async open(request: DeploymentRequest, events: PairEvents, running?: Deployment): Promise<Deployment> {
    const { allowance = {} } = request;
    // Its thread starts while the files are read.
    warmCompiler();
    const bundle = boundedBundle(await loadBundle(request), allowance, events);
    const compiled = await compileModule(bundle, (sha256) => allowsOperator(allowance, bundle.name, sha256));
    const parameters = mergeParameters(bundle.parameters, request.parameters, compiled.manifest);
    const engine =
      bundle.kind === "detect" ? await openEngine(bundle, request, Deployment.#engineOf(running)) : undefined;
    try {
      return await Deployment.#start({ bundle, compiled, parameters, engine }, request, events);
    } catch (error) {
      await engine?.lease?.release();
      throw error;
    }
  }

  static #engineOf(deployment: Deployment | undefined): EnginePart | undefined {
    return deployment === undefined ? undefined : deployment.#parts.engine;
  }

  static async #start(parts: Parts, request: DeploymentRequest, events: PairEvents): Promise<Deployment> {
    const samples = new Samples();
    const { limits, policy } = parts.bundle;
    const module = new ModulePair(
      {
        code: parts.compiled.code,
        setup: setupOf(parts),
        samples: samples.shared,
        startMs: limits["start-ms"],
        batchMs: limits["batch-ms"],
        logLines: limits["log-lines"],
        log: (level, text) => events.log(LEVELS[level] ?? "info", `module: ${text}`),
      },
      { reloads: policy.reloads, windowMs: policy.window * 1000, retryMs: policy.retry * 1000 },
      parts.parameters,
      events,
    );
    try {
      await module.start();
      // What compiling, and reading the model, took.
      trimSoon();
      return new Deployment(parts, request, module, samples, events);
    } catch (error) {
      await module.close();
      throw asRefusal(error);
    }
  }

  private constructor(
    parts: Parts,
    request: DeploymentRequest,
    module: ModulePair,
    samples: Samples,
    events: PairEvents,
  ) {
    const lease = parts.engine?.lease;
    this.#parts = parts;
    this.bundle = parts.bundle;
    this.plan = parts.engine?.plan;
    this.#module = module;
    this.moduleSamples = samples;
    this.engineSamples = lease?.engine.samples;
    this.#overrides = { ...(request.parameters as Record<string, unknown> | undefined) };
    this.layout = layoutOf(parts, request);
    this.fd = createLink(this.layout.totalBytes);
    const buffer = map(this.fd, this.layout.totalBytes);
    writeHeader(buffer, this.layout);
    this.memory = new LinkMemory(buffer);
    if (lease) lease.engine.onLog = (message) => events.log("error", message);
  }

  /** Whether both run the same engine: only one of them can be served by it. */
  sharesEngine(other: Deployment): boolean {
    const lease = this.#parts.engine?.lease;
    return lease !== undefined && lease.engine === other.#parts.engine?.lease?.engine;
  }

  /** This host runs the model. */
  get hasEngine(): boolean {
    return this.#parts.engine?.lease !== undefined;
  }

  /** The engine begins to take slots. */
  serveEngine(): void {
    const { lease, plan } = this.#parts.engine ?? {};
    if (!lease) return;
    lease.engine.onExit = (reason) => {
      this.engineLost = reason;
      this.onEngineExit(reason);
    };
    this.#engineFailedBefore = lease.engine.samples.failed;
    this.#engineFailedFramesBefore = lease.engine.samples.failedFrames;
    lease.engine.serve(this.memory, this.fd, this.layout.totalBytes, plan?.modelBatch ?? 0);
  }

  /**
   * The module begins to take slots. Resolves when it does: whether it took over the state in `heritage`, undefined when
   * there was none, or it serves already. Rejects with ModuleFailure when it fails before that; need not be waited for.
   */
  serveModule(heritage?: Heritage): Promise<boolean | undefined> {
    if (this.#moduleServes) return Promise.resolve(undefined);
    this.#moduleServes = true;
    return this.#module.serve({ memory: this.memory, fd: this.fd, bytes: this.layout.totalBytes }, heritage);
  }

  /**
   * As serveModule(), for slots that no element waits for, and watched: nobody else may be looking at it yet. Throws
   * Refusal when the module fails before it takes slots, or is ended at its limit. endTrial() ends it.
   */
  async beginTrial(): Promise<void> {
    const watch = setInterval(() => this.check(), WATCH_MS);
    try {
      await this.serveModule();
    } catch (error) {
      throw asRefusal(error);
    } finally {
      clearInterval(watch);
    }
  }

  /** Forgets what the module has seen: it was a trial. Detect modules keep no state, and stay. */
  async endTrial(): Promise<void> {
    if (this.bundle.kind === "analyze") {
      await this.#module.pause();
      this.#moduleServes = false;
    }
    for (const slot of this.memory.slots) slot.state = SlotState.Free;
    // What is counted from here on is its service.
    this.moduleSamples.clear();
  }

  /**
   * Runs the model on one picture, the bytes of its input tensor; the bytes of each output for it. To be called where
   * `hasEngine`.
   */
  async infer(picture: Uint8Array): Promise<Uint8Array[]> {
    const { lease, plan } = this.#parts.engine!;
    const input = warmUpInput(plan);
    const frames = input.shape[0]!;
    const batch = new Uint8Array(picture.length * frames);
    batch.set(picture);
    const outputs = await lease!.engine.infer(input, batch);
    return outputs.map((bytes) => bytes.subarray(0, bytes.length / frames));
  }

  /** No slot waits for this stage, or is in it. */
  isPast(stage: Stage): boolean {
    return !this.memory.slots.some((slot) => BEFORE[stage].includes(slot.state));
  }

  /** The module serves no more; what the next one goes on from. */
  handOver(): Promise<Heritage> {
    return this.#module.handOver();
  }

  /** Changes some parameters from the next batch on. Throws Refusal and changes nothing when one is wrong. */
  configure(changes: Record<string, unknown>): void {
    const overrides = { ...this.#overrides, ...changes };
    const merged = mergeParameters(this.bundle.parameters, overrides, this.#parts.compiled.manifest);
    this.#overrides = overrides;
    this.#module.configure(merged);
  }

  /** What the module was last configured with. */
  get parameters(): Parameters {
    return mergeParameters(this.bundle.parameters, this.#overrides, this.#parts.compiled.manifest);
  }

  /** Called by the watchdog. */
  check(): void {
    this.#module.check();
  }

  get restarts(): number {
    return this.#module.restarts;
  }

  /** Batches that came back without a result since the bundle began to serve, from the engine or the module. */
  get failedBatches(): number {
    const engine = (this.engineSamples?.failed ?? 0) - this.#engineFailedBefore;
    return this.moduleSamples.failed + engine;
  }

  /** Frames in them. */
  get failedFrames(): number {
    const engine = (this.engineSamples?.failedFrames ?? 0) - this.#engineFailedFramesBefore;
    return this.moduleSamples.failedFrames + engine;
  }

  /** The parameters that lie over the bundle's. */
  get overrides(): Readonly<Record<string, unknown>> {
    return this.#overrides;
  }

  /** Waits for the batches that are being worked on. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // They are told before the link is: a worker whose link stops looks at what it was told.
    const ended = Promise.all([this.#parts.engine?.lease?.release(), this.#module.close()]);
    this.memory.stop();
    for (const bell of [Bell.Engine, Bell.Module]) ringBell(this.memory, bell);
    await ended;
    // Whoever shares the engine goes on with it.
    this.#parts.engine?.lease?.engine.leave(this.memory);
    closeSync(this.fd);
    unmap(this.memory.buffer);
    trimSoon();
  }
}

/** How often a module is looked at where no watchdog does; ms. */
const WATCH_MS = 10;
const LEVELS: readonly ("info" | "warn" | "error")[] = ["info", "info", "warn", "error"];

function boundedBundle(bundle: Bundle, allowance: Allowance, events: PairEvents): Bundle {
  const { changed, ...bounded } = bound(bundle, allowance);
  if (changed.length > 0) events.log("warn", `${bundle.name}: modules.limits changes ${changed.join(", ")}`);
  return { ...bundle, ...bounded };
}

function setupOf({ bundle, engine }: Parts): GuestSetup {
  const { plan, tensors = [] } = engine ?? {};
  return {
    kind: bundle.kind === "detect" ? Kind.Detect : Kind.Analyze,
    maxObjects: bundle.limits.objects,
    maxEvents: bundle.limits.events,
    auxBytes: bundle.limits["aux-bytes"],
    tensors: tensors
      .filter((tensor) => !tensor.isInput)
      .map(({ name, dataType, dims, scale = 1, zeroPoint = 0 }) => ({
        name,
        dataType,
        dims,
        bytes: dims.reduce((product, dim) => product * dim, DATA_TYPE_BYTES[dataType]!),
        scale,
        zeroPoint,
      })),
    labels: bundle.labels,
    networkWidth: plan?.width ?? 0,
    networkHeight: plan?.height ?? 0,
  };
}

function layoutOf({ bundle, engine }: Parts, request: DeploymentRequest): LinkLayout {
  const { plan, tensors = [] } = engine ?? {};
  try {
    return computeLayout({
      kind: bundle.kind === "detect" ? Kind.Detect : Kind.Analyze,
      batch: plan?.slotBatch ?? request.batch,
      slots: request.slots,
      maxObjects: bundle.limits.objects,
      maxEvents: bundle.limits.events,
      auxBytes: bundle.limits["aux-bytes"],
      tensors,
      generation: request.generation,
    });
  } catch (error) {
    if (error instanceof ProtocolError) throw new Refusal("limits", "limits", error.message, { cause: error });
    throw error;
  }
}

function asRefusal(error: unknown): unknown {
  if (!(error instanceof ModuleFailure)) return error;
  const keys = { module: "module.file", parameters: "parameters", limits: "limits", version: "module.file" };
  return new Refusal(error.code, keys[error.code], error.message, { cause: error });
}
