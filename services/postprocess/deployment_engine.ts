// The engine of a deployment: loaded and tried out, shared with the running one, or left to the element.

import type { TensorRequest } from "../../firmware/link/layout.ts";
import type { Bundle } from "./bundle.ts";
import { EngineLease } from "./engine_lease.ts";
import type { ShapedTensor } from "./engine_worker.ts";
import { modelProblem, runProblem } from "./model_errors.ts";
import {
  type InputPlan,
  planElementInput,
  planElementTensors,
  planInput,
  planTensors,
  warmUpInput,
} from "./model_plan.ts";
import { Refusal } from "./refusal.ts";

/** How a model runs: where, on what, and what comes out. */
export interface EnginePart {
  /** Undefined: the element runs the model itself. */
  lease: EngineLease | undefined;
  plan: InputPlan;
  /** That it serves. */
  bundle: Bundle;
  /** What the warm-up run gave; empty without one. */
  outputs: readonly ShapedTensor[];
  tensors: TensorRequest[];
}

/**
 * `batch`: frames in a slot; `threads` of one run, 0 for as many as the machine has cores. `running`: of what serves; its
 * engine is shared when the model and its input are the same. Throws Refusal.
 */
export async function openEngine(
  bundle: Bundle,
  { batch, threads }: { batch: number; threads: number },
  running: EnginePart | undefined,
): Promise<EnginePart> {
  if (bundle.elementModel) {
    const plan = planElementInput(bundle, batch);
    return { bundle, lease: undefined, plan, outputs: [], tensors: planElementTensors(bundle) };
  }
  const shared = running && shareEngine(bundle, running);
  if (shared) return shared;
  const lease = new EngineLease(bundle.modelFile!, threads);
  try {
    return { bundle, lease, ...(await startEngine(lease, bundle, batch)) };
  } catch (error) {
    await lease.release();
    throw error;
  }
}

/** The running engine, when it runs the same model on the same pictures. */
function shareEngine(bundle: Bundle, running: EnginePart): EnginePart | undefined {
  if (!running.lease || running.bundle.modelHash !== bundle.modelHash) return undefined;
  const keys = ["width", "height", "dtype", "layout"] as const;
  if (keys.some((key) => running.bundle.input[key] !== bundle.input[key])) return undefined;
  const tensors = planTensors(running.plan, bundle, running.outputs);
  return { ...running, bundle, lease: running.lease.share(), tensors };
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
