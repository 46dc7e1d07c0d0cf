// A bundle in operation for one link: the engine with its model, the module with its standby, and the memory between
// them. Made beside a running one, which it may share the engine with; switched to by link_switch.ts when it is ready,
// closed when it is drained; its memory goes with it.

import { closeSync } from "node:fs";
import { createLink, map, ringBell, unmap } from "../../firmware/link/addon.ts";
import { computeLayout, type LinkLayout, type TensorRequest, writeHeader } from "../../firmware/link/layout.ts";
import { Bell, DATA_TYPE_BYTES, Kind, ProtocolError, SlotState } from "../../firmware/link/protocol.ts";
import { LinkMemory } from "../../firmware/link/slots.ts";
import { type Bundle, type BundleRequest, loadBundle } from "./bundle.ts";
import type { Parameters } from "./bundle_schema.ts";
import { EngineLease } from "./engine_lease.ts";
import type { ShapedTensor } from "./engine_worker.ts";
import type { GuestSetup } from "./guest_memory.ts";
import { bound, type LimitBounds } from "./limits.ts";
import { modelProblem, runProblem } from "./model_errors.ts";
import {
  type InputPlan,
  planElementInput,
  planElementTensors,
  planInput,
  planTensors,
  warmUpInput,
} from "./model_plan.ts";
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
  /** What this machine allows modules at most. */
  bounds?: LimitBounds;
}

/** How a model runs: where, on what, and what comes out. */
interface EnginePart {
  /** Undefined: the element runs the model itself. */
  lease: EngineLease | undefined;
  plan: InputPlan;
  /** What the warm-up run gave; empty without one. */
  outputs: readonly ShapedTensor[];
  tensors: TensorRequest[];
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
  readonly #parts: Parts;
  readonly #module: ModulePair;
  #overrides: Record<string, unknown>;
  #moduleServes = false;
  #closed: Promise<void> | undefined;

  /**
   * Loads, checks, starts and warms up. `running`: what serves the element now; its engine is shared when the model and
   * its input are the same. Throws Refusal; then nothing is left behind.
   */
  static async open(request: DeploymentRequest, events: PairEvents, running?: Deployment): Promise<Deployment> {
    const bundle = boundedBundle(await loadBundle(request), request.bounds ?? {}, events);
    const compiled = await compileModule(bundle);
    const parameters = mergeParameters(bundle.parameters, request.parameters, compiled.manifest);
    const engine =
      bundle.kind === "detect" ? await openEngine(bundle, request, Deployment.#partsOf(running)) : undefined;
    try {
      return await Deployment.#start({ bundle, compiled, parameters, engine }, request, events);
    } catch (error) {
      await engine?.lease?.release();
      throw error;
    }
  }

  static #partsOf(deployment: Deployment | undefined): Parts | undefined {
    return deployment === undefined ? undefined : deployment.#parts;
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

  /** The engine begins to take slots. `onExit`: its worker is gone, the deployment is of no more use. */
  serveEngine(onExit: (reason: string) => void): void {
    const { lease, plan } = this.#parts.engine ?? {};
    if (!lease) return;
    lease.engine.onExit = onExit;
    lease.engine.serve(this.memory, this.fd, this.layout.totalBytes, plan?.modelBatch ?? 0);
  }

  /** The module begins to take slots. `onServing`: it does; `restored`: whether it took over the state in `heritage`. */
  serveModule(heritage?: Heritage, onServing?: (restored: boolean | undefined) => void): void {
    if (this.#moduleServes) {
      onServing?.(undefined);
      return;
    }
    this.#moduleServes = true;
    if (onServing) this.#module.onServing = onServing;
    this.#module.serve({ memory: this.memory, fd: this.fd, bytes: this.layout.totalBytes }, heritage);
  }

  /** Forgets what the module has seen: it was a trial. Detect modules keep no state, and stay. */
  async endTrial(): Promise<void> {
    if (this.bundle.kind === "analyze") {
      await this.#module.pause();
      this.#moduleServes = false;
    }
    for (const slot of this.memory.slots) slot.state = SlotState.Free;
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
    closeSync(this.fd);
    unmap(this.memory.buffer);
  }
}

const LEVELS: readonly ("info" | "warn" | "error")[] = ["info", "info", "warn", "error"];

function boundedBundle(bundle: Bundle, bounds: LimitBounds, events: PairEvents): Bundle {
  const { limits, lowered } = bound(bundle.limits, bounds);
  if (lowered.length > 0) events.log("warn", `${bundle.name}: limits lowered by modules.limits: ${lowered.join(", ")}`);
  return { ...bundle, limits };
}

async function openEngine(bundle: Bundle, request: DeploymentRequest, running: Parts | undefined): Promise<EnginePart> {
  if (bundle.elementModel) {
    const plan = planElementInput(bundle, request.batch);
    return { lease: undefined, plan, outputs: [], tensors: planElementTensors(bundle) };
  }
  const shared = running && shareEngine(bundle, running);
  if (shared) return shared;
  const lease = new EngineLease(bundle.modelFile!, request.threads);
  try {
    return { lease, ...(await startEngine(lease, bundle, request.batch)) };
  } catch (error) {
    await lease.release();
    throw error;
  }
}

/** The running engine, when it runs the same model on the same pictures. */
function shareEngine(bundle: Bundle, running: Parts): EnginePart | undefined {
  const { engine } = running;
  if (!engine?.lease || running.bundle.modelHash !== bundle.modelHash) return undefined;
  const keys = ["width", "height", "dtype", "layout"] as const;
  if (keys.some((key) => running.bundle.input[key] !== bundle.input[key])) return undefined;
  const tensors = planTensors(engine.plan, bundle, engine.outputs);
  return { ...engine, lease: engine.lease.share(), tensors };
}

async function startEngine({ engine }: EngineLease, bundle: Bundle, batch: number) {
  const model = await engine.loaded().catch((error: Error) => {
    throw new Refusal("model", "model.file", modelProblem(bundle.modelFile ?? "", error.message), {
      cause: error,
    });
  });
  const plan = planInput(bundle, model, batch);
  const outputs = await engine.warmUp(warmUpInput(plan)).catch((error: Error) => {
    const shape = warmUpInput(plan).shape.join("x");
    throw new Refusal("model", "model.file", runProblem(bundle.modelFile ?? "", shape, error.message));
  });
  return { plan, outputs, tensors: planTensors(plan, bundle, outputs) };
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
