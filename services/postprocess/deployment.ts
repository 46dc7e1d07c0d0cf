// A bundle in operation for one link: the engine with its model, the module with its standby, and the memory between
// them. Made beside a running one, switched to when it is ready, closed when it is drained; its memory goes with it.

import { closeSync } from "node:fs";
import { createLink, map, ringBell, unmap } from "../../firmware/link/addon.ts";
import { computeLayout, type LinkLayout, type TensorRequest, writeHeader } from "../../firmware/link/layout.ts";
import { Bell, DATA_TYPE_BYTES, Kind, ProtocolError } from "../../firmware/link/protocol.ts";
import { LinkMemory } from "../../firmware/link/slots.ts";
import { type Bundle, type BundleRequest, loadBundle } from "./bundle.ts";
import type { Parameters } from "./bundle_schema.ts";
import { Engine } from "./engine.ts";
import type { GuestSetup } from "./guest_memory.ts";
import { type InputPlan, planInput, planTensors, warmUpInput } from "./model_plan.ts";
import { type CompiledModule, compileModule } from "./module_file.ts";
import { ModuleFailure } from "./module_handle.ts";
import { ModulePair, type PairEvents } from "./module_pair.ts";
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
}

/** Everything that was found out about a bundle before memory was made. */
interface Parts {
  bundle: Bundle;
  compiled: CompiledModule;
  parameters: Parameters;
  engine: Engine | undefined;
  plan: InputPlan | undefined;
  tensors: TensorRequest[];
}

export class Deployment {
  readonly bundle: Bundle;
  readonly layout: LinkLayout;
  /** Undefined for analyze bundles. */
  readonly plan: InputPlan | undefined;
  readonly fd: number;
  /** The engine's durations in ms. Undefined for analyze bundles. */
  readonly engineSamples: Samples | undefined;
  readonly moduleSamples: Samples;
  readonly #parts: Parts;
  readonly #memory: LinkMemory;
  readonly #module: ModulePair;
  #overrides: Record<string, unknown>;

  /** Loads, checks, starts and warms up. Throws Refusal; then nothing is left behind. */
  static async open(request: DeploymentRequest, events: PairEvents): Promise<Deployment> {
    const bundle = await loadBundle(request);
    const compiled = await compileModule(bundle);
    const parameters = mergeParameters(bundle.parameters, request.parameters, compiled.manifest);
    const engine = bundle.modelFile ? new Engine(bundle.modelFile, request.threads) : undefined;
    try {
      const { plan, tensors } = engine
        ? await startEngine(engine, bundle, request.batch)
        : { plan: undefined, tensors: [] };
      const parts = { bundle, compiled, parameters, engine, plan, tensors };
      return await Deployment.#start(parts, request, events);
    } catch (error) {
      await engine?.stop();
      throw error;
    }
  }

  static async #start(parts: Parts, request: DeploymentRequest, events: PairEvents): Promise<Deployment> {
    const samples = new Samples();
    const module = new ModulePair(
      {
        module: parts.compiled.module,
        setup: setupOf(parts),
        samples: samples.shared,
        startMs: parts.bundle.limits["start-ms"],
        batchMs: parts.bundle.limits["batch-ms"],
        logLines: parts.bundle.limits["log-lines"],
        log: (level, text) => events.log(LEVELS[level] ?? "info", `module: ${text}`),
      },
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
    this.#parts = parts;
    this.bundle = parts.bundle;
    this.plan = parts.plan;
    this.#module = module;
    this.moduleSamples = samples;
    this.engineSamples = parts.engine?.samples;
    this.#overrides = { ...(request.parameters as Record<string, unknown> | undefined) };
    this.layout = layoutOf(parts, request);
    this.fd = createLink(this.layout.totalBytes);
    const buffer = map(this.fd, this.layout.totalBytes);
    writeHeader(buffer, this.layout);
    this.#memory = new LinkMemory(buffer);
    if (parts.engine) parts.engine.onLog = (message) => events.log("error", message);
  }

  /** Workers begin to take slots. `onEngineExit`: the engine's worker is gone, the deployment is of no more use. */
  serve(onEngineExit: (reason: string) => void): void {
    const { engine, plan } = this.#parts;
    const bytes = this.layout.totalBytes;
    this.#module.serve({ memory: this.#memory, fd: this.fd, bytes });
    if (!engine) return;
    engine.onExit = onEngineExit;
    engine.serve(this.#memory, this.fd, bytes, plan?.modelBatch ?? 0);
  }

  /** Changes some parameters from the next batch on. Throws Refusal and changes nothing when one is wrong. */
  configure(changes: Record<string, unknown>): void {
    const overrides = { ...this.#overrides, ...changes };
    const merged = mergeParameters(this.bundle.parameters, overrides, this.#parts.compiled.manifest);
    this.#overrides = overrides;
    this.#module.configure(merged);
  }

  /** Called by the watchdog. */
  check(): void {
    this.#module.check();
  }

  get restarts(): number {
    return this.#module.restarts;
  }

  /** Waits for the batches that are being worked on. */
  async close(): Promise<void> {
    this.#memory.stop();
    for (const bell of [Bell.Engine, Bell.Module]) ringBell(this.#memory, bell);
    await Promise.all([this.#parts.engine?.stop(), this.#module.close()]);
    closeSync(this.fd);
    unmap(this.#memory.buffer);
  }
}

const LEVELS: readonly ("info" | "warn" | "error")[] = ["info", "info", "warn", "error"];

async function startEngine(engine: Engine, bundle: Bundle, batch: number) {
  const model = await engine.loaded().catch((error: Error) => {
    throw new Refusal("model", "model.file", `${bundle.modelFile} cannot be loaded: ${error.message}`, {
      cause: error,
    });
  });
  const plan = planInput(bundle, model, batch);
  const outputs = await engine.warmUp(warmUpInput(plan)).catch((error: Error) => {
    const shape = warmUpInput(plan).shape.join("x");
    throw new Refusal(
      "model",
      "model.file",
      `${bundle.modelFile} failed on a first run with ${shape}: ${error.message}`,
    );
  });
  return { plan, tensors: planTensors(plan, outputs) };
}

function setupOf({ bundle, plan, tensors }: Parts): GuestSetup {
  return {
    kind: bundle.kind === "detect" ? Kind.Detect : Kind.Analyze,
    maxObjects: bundle.limits.objects,
    maxEvents: bundle.limits.events,
    auxBytes: bundle.limits["aux-bytes"],
    tensors: tensors
      .filter((tensor) => !tensor.isInput)
      .map(({ name, dataType, dims }) => ({
        name,
        dataType,
        dims,
        bytes: dims.reduce((product, dim) => product * dim, DATA_TYPE_BYTES[dataType]!),
        scale: 1,
        zeroPoint: 0,
      })),
    labels: bundle.labels,
    networkWidth: plan?.width ?? 0,
    networkHeight: plan?.height ?? 0,
  };
}

function layoutOf({ bundle, plan, tensors }: Parts, request: DeploymentRequest): LinkLayout {
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
