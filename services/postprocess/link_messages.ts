// The messages of docs/reference/link.md, checked as they come in.

import { z } from "zod";
import { MAX_BATCH, MAX_SLOTS } from "../../firmware/link/protocol.ts";
import type { Deployment } from "./deployment.ts";
import { candidateRules } from "./model_plan.ts";
import { Refusal } from "./refusal.ts";

export const LINK_VERSION = 1;
export const MAX_LINE_BYTES = 256 * 1024;

const path = z.string().max(4096).optional();
/** Elements send an empty text, or leave it out, when there are no overrides. */
const overrides = z.record(z.string(), z.unknown()).nullish();

const open = z.object({
  type: z.literal("open"),
  version: z.int(),
  kind: z.enum(["detect", "analyze"]),
  instance: z.string().max(256).default("element"),
  bundle: path,
  model: path,
  module: path,
  parameters: overrides,
  batch: z.int().min(1).max(MAX_BATCH),
  slots: z.int().min(2).max(MAX_SLOTS),
  generation: z.int().min(0).max(0xffff_fffe).default(0),
});
const generation = z.int().min(1).max(0xffff_ffff);
const switched = z.object({ type: z.literal("switched"), generation });
const declined = z.object({ type: z.literal("declined"), generation, message: z.string().max(4096).default("") });
const parameters = z.object({ type: z.literal("parameters"), parameters: z.record(z.string(), z.unknown()) });
const fromElement = z.discriminatedUnion("type", [open, parameters, switched, declined]);

export type OpenMessage = z.output<typeof open>;
export type FromElement = z.output<typeof fromElement>;

/** Throws Refusal that names the member. */
export function parseMessage(line: string): FromElement {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new Refusal("version", "message", `not a line of JSON: ${(error as Error).message}`);
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (version !== undefined && version !== LINK_VERSION) {
    throw new Refusal(
      "version",
      "version",
      `the element speaks version ${version} of the link, this host ${LINK_VERSION}`,
    );
  }
  const result = fromElement.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue?.path.join(".") || "message";
  throw new Refusal("limits", key, `${key}: ${issue?.message}`);
}

/** Members of `layout` and `reconfigure`. */
export function layoutMessage(deployment: Deployment): object {
  const { bundle, layout, plan } = deployment;
  const { color, layout: order, dtype, scale, mean, letterbox, fill } = bundle.input;
  const input = plan && {
    width: plan.width,
    height: plan.height,
    color,
    layout: order,
    dtype,
    scale,
    mean,
    letterbox,
    fill,
  };
  return {
    generation: layout.generation,
    bytes: layout.totalBytes,
    bundle: { name: bundle.name, version: bundle.version },
    labels: bundle.labels,
    ...(input && { input }),
    ...(bundle.elementModel && {
      model: { file: bundle.modelFile, ...bundle.elementModel, candidates: candidateRules(bundle) },
    }),
  };
}

export function refusedMessage({ code, key, message }: Refusal): object {
  return { type: "refused", code, key, message };
}
