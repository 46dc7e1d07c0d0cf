// From what a model says about itself to the tensors of the link. Says clearly what cannot work.

import type { TensorRequest } from "../../firmware/link/layout.ts";
import { DataType } from "../../firmware/link/protocol.ts";
import type { Bundle } from "./bundle.ts";
import type { LoadedModel } from "./engine.ts";
import type { ModelTensor, ShapedTensor } from "./engine_worker.ts";
import { Refusal } from "./refusal.ts";

export interface InputPlan {
  name: string;
  type: "float32" | "float16";
  /** Of one frame: [3, height, width] or [height, width, 3]. */
  dims: readonly number[];
  width: number;
  height: number;
  /** Frames of one run; 0 when the model takes any number. */
  modelBatch: number;
  /** Frames in a slot: what the element asked for, rounded up to whole runs. */
  slotBatch: number;
}

const DATA_TYPES: Readonly<Record<string, DataType>> = {
  float32: DataType.Float32,
  float16: DataType.Float16,
  int8: DataType.Int8,
  int32: DataType.Int32,
  int64: DataType.Int64,
  uint8: DataType.Uint8,
};

/** Throws Refusal when the model is not one picture in. */
export function planInput(bundle: Bundle, model: LoadedModel, batch: number): InputPlan {
  const [input, ...others] = model.inputs;
  if (!input || others.length > 0) {
    throw refuse(`has ${model.inputs.length} inputs (${names(model.inputs)}), expected one picture`);
  }
  if (input.type !== bundle.input.dtype) {
    const change = `set input.dtype to ${input.type} in bundle.yaml, or export the model again`;
    throw refuse(`takes ${input.type}, the bundle says ${bundle.input.dtype}: ${change}`, "input.dtype");
  }
  if (input.shape.length !== 4)
    throw refuse(`takes ${shapeOf(input)}, expected four axes (batch, colours, height, width)`);
  const channelsLast = bundle.input.layout === "NHWC";
  const [first, a, b, c] = input.shape as [number | string, number | string, number | string, number | string];
  const [channels, height, width] = channelsLast ? [c, a, b] : [a, b, c];
  if (typeof channels === "number" && channels > 0 && channels !== 3) {
    throw refuse(
      `takes ${shapeOf(input)}: ${channels} colours with layout ${bundle.input.layout}, expected 3`,
      "input.layout",
    );
  }
  const sizes = {
    width: pixels(width, bundle.input.width, "width", input),
    height: pixels(height, bundle.input.height, "height", input),
  };
  const modelBatch = typeof first === "number" ? first : 0;
  return {
    name: input.name,
    type: bundle.input.dtype,
    dims: channelsLast ? [sizes.height, sizes.width, 3] : [3, sizes.height, sizes.width],
    ...sizes,
    modelBatch,
    slotBatch: modelBatch > 0 ? Math.ceil(batch / modelBatch) * modelBatch : batch,
  };
}

/** The input of a warm-up run: a whole batch. */
export function warmUpInput(plan: InputPlan): ShapedTensor {
  return { name: plan.name, type: plan.type, shape: [plan.modelBatch || plan.slotBatch, ...plan.dims] };
}

/** All tensors of the link, the input first. `outputs` are what the warm-up run gave. */
export function planTensors(plan: InputPlan, bundle: Bundle, outputs: readonly ShapedTensor[]): TensorRequest[] {
  const frames = plan.modelBatch || plan.slotBatch;
  const input = { name: plan.name, dataType: DATA_TYPES[plan.type]!, dims: plan.dims, isInput: true };
  const unknown = Object.keys(bundle.outputs).find((name) => !outputs.some((output) => output.name === name));
  if (unknown !== undefined) throw refuse(`has no output ${unknown}; it has: ${names(outputs)}`, `outputs.${unknown}`);
  return [input, ...outputs.map((output) => planOutput(output, bundle, frames))];
}

/**
 * The tensors of a link whose element runs the model itself: the outputs as bundle.yaml describes them. The picture never
 * enters the link.
 */
export function planElementTensors(bundle: Bundle): TensorRequest[] {
  const outputs = Object.entries(bundle.outputs);
  if (outputs.length === 0) {
    throw refuse("runs in the element: describe its outputs (name, dtype, dims) in bundle.yaml", "outputs");
  }
  return outputs.map(([name, { dtype, dims, scale, "zero-point": zeroPoint }]) => {
    const missing = dtype === undefined ? "dtype" : dims === undefined ? "dims" : undefined;
    if (missing)
      throw refuse(`runs in the element: set ${missing} of its output ${name}`, `outputs.${name}.${missing}`);
    const dataType = DATA_TYPES[dtype!]!;
    return { name, dataType, dims: gatheredDims(bundle, name), isInput: false, scale, zeroPoint };
  });
}

/** What the element has to know to gather candidates; a member for each output that has some. */
export function candidateRules(bundle: Bundle): object[] {
  return Object.entries(bundle.outputs).flatMap(([output, { dims, candidates }]) => {
    if (!candidates) return [];
    const { threshold, "first-score": firstScore } = candidates;
    const [fields, anchors] = dims as [number, number];
    return { output, anchors, firstScore, scores: candidates.scores ?? fields - firstScore, threshold };
  });
}

/** An output's dims as the module sees them: with `candidates`, room for those in place of the anchors. */
function gatheredDims(bundle: Bundle, name: string): number[] {
  const { dims = [], dtype, candidates } = bundle.outputs[name]!;
  if (!candidates) return dims;
  const wrong = (problem: string, key: string) => refuse(problem, `outputs.${name}.${key}`);
  const [fields = 0, anchors = 0] = dims;
  if (dims.length !== 2 || (dtype !== "float32" && dtype !== "float16")) {
    const found = `${dtype} [${dims.join(", ")}]`;
    throw wrong(
      `gives ${found} in ${name}: candidates are taken from float32 or float16 of [fields, anchors]`,
      "candidates",
    );
  }
  if (candidates.keep > anchors) {
    throw wrong(`has ${anchors} anchors in ${name}, candidates.keep asks for ${candidates.keep}`, "candidates.keep");
  }
  const first = candidates["first-score"];
  if (first + (candidates.scores ?? 1) > fields) {
    throw wrong(`has ${fields} fields in ${name}, the scores would end behind them`, "candidates.scores");
  }
  const lowest = lowestThreshold(bundle);
  if (lowest < candidates.threshold) {
    const change = `set it to at most ${lowest}, or raise the module's`;
    throw wrong(
      `drops anchors below ${candidates.threshold} that the module wants from ${lowest}: ${change}`,
      "candidates.threshold",
    );
  }
  return [fields, candidates.keep];
}

/** Of the thresholds that the modules for raw heads have as parameters; 1 where the bundle sets none. */
function lowestThreshold({ parameters }: Bundle): number {
  const { "confidence-threshold": one, "class-thresholds": classes } = parameters;
  const numbers = [one, ...(Array.isArray(classes) ? classes : [])].filter((value) => typeof value === "number");
  return Math.min(1, ...numbers);
}

/** The picture of a model that runs in the element. */
export function planElementInput(bundle: Bundle, batch: number): InputPlan {
  const { width, height, dtype, layout } = bundle.input;
  const axis = width === undefined ? "width" : height === undefined ? "height" : undefined;
  if (axis) throw refuse(`runs in the element: set input.${axis} in bundle.yaml`, `input.${axis}`);
  const dims = layout === "NHWC" ? [height!, width!, 3] : [3, height!, width!];
  return { name: "input", type: dtype, dims, width: width!, height: height!, modelBatch: 0, slotBatch: batch };
}

function planOutput(output: ShapedTensor, bundle: Bundle, frames: number): TensorRequest {
  const dataType = DATA_TYPES[output.type];
  if (dataType === undefined)
    throw refuse(`gives ${output.type} in ${output.name}, which the link cannot carry`, "model.outputs");
  const [batch, ...dims] = output.shape;
  if (batch !== frames) {
    const found = `gives ${shapeOf(output)} for ${frames} frames: the first axis is not the batch`;
    throw refuse(`${found}; use batch-size=1, or export the model with an open batch axis`, "model.outputs");
  }
  const { scale = 1, "zero-point": zeroPoint = 0 } = bundle.outputs[output.name] ?? {};
  return { name: output.name, dataType, dims, isInput: false, scale, zeroPoint };
}

/** The model's own size when it has one; else the bundle's, which must be given. */
function pixels(own: number | string, given: number | undefined, axis: "width" | "height", input: ModelTensor): number {
  if (typeof own === "number" && own > 0) {
    if (given === undefined || given === own) return own;
    throw refuse(`takes pictures of ${axis} ${own}, the bundle says ${given}`, `input.${axis}`);
  }
  if (given !== undefined) return given;
  throw refuse(`leaves the ${axis} open (${shapeOf(input)}): set input.${axis} in bundle.yaml`, `input.${axis}`);
}

function names(tensors: readonly ModelTensor[]): string {
  return tensors.map((tensor) => tensor.name).join(", ");
}

function shapeOf({ name, shape }: ModelTensor): string {
  return `${name} [${shape.map((dim) => dim || "?").join(", ")}]`;
}

function refuse(problem: string, key = "model.inputs"): Refusal {
  return new Refusal("model", key, `the model ${problem}`);
}
