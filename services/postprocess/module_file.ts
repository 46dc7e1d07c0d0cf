// A module's file: bounded, compiled, and checked against the ABI as far as that goes without running it.

import { createHash } from "node:crypto";
import { z } from "zod";
import type { Bundle } from "./bundle.ts";
import { CompileTimeout, compileBinary } from "./compiler.ts";
import { MANIFEST_SECTION } from "./module_abi.ts";
import { Refusal } from "./refusal.ts";
import { stripTypes } from "./strip_types.ts";
import { bounded } from "./wasm_binary.ts";

const REQUIRED = ["nj_abi", "nj_kind", "nj_alloc", "nj_init", "nj_configure", "nj_process"];

const numberParameter = z.object({
  type: z.enum(["number", "numbers", "integer"]),
  default: z.number().optional(),
  minimum: z.number(),
  maximum: z.number(),
  unit: z.string().optional(),
  description: z.string(),
});
const flagParameter = z.object({ type: z.literal("flag"), default: z.boolean(), description: z.string() });
const textParameter = z.object({
  type: z.literal("text"),
  default: z.string(),
  values: z.array(z.string()).optional(),
  description: z.string(),
});

/** wasm/modules/<name>/module.yaml, which scripts/build-modules.ts puts into the module as a custom section. */
export const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  kind: z.enum(["detect", "analyze"]),
  description: z.string(),
  parameters: z.record(z.string(), z.discriminatedUnion("type", [numberParameter, flagParameter, textParameter])),
});
export type Manifest = z.output<typeof manifestSchema>;

/** What a worker runs. */
export type ModuleCode = { wasm: WebAssembly.Module } | { operator: OperatorCode };

/** The file's own bytes, as they were hashed: what lies at its place may be another by the time it is started again. */
export interface OperatorCode {
  file: string;
  source: Uint8Array;
}

export interface CompiledModule {
  code: ModuleCode;
  /** Undefined when the module carries none: its parameters are then passed on unchecked. */
  manifest: Manifest | undefined;
}

const OPERATOR = /\.[cm]?[jt]s$/;
const TYPESCRIPT = /ts$/;

/** What is looked at of a bundle. */
export type ModuleOfBundle = Pick<Bundle, "moduleFile" | "module" | "kind" | "limits">;

/**
 * Throws Refusal. `mayRun`: whether the owner of this machine lets an operator with that SHA-256 (hexadecimal) run; none
 * does unless it is given.
 */
export async function compileModule(
  bundle: ModuleOfBundle,
  mayRun: (sha256: string) => boolean = () => false,
): Promise<CompiledModule> {
  if (OPERATOR.test(bundle.moduleFile)) return operatorOf(bundle, mayRun);
  const binary = new Uint8Array(bundle.module);
  if (!startsAsWasm(binary)) refuse(bundle, "is not a WebAssembly module (version 1)");
  const bounds = bounded(binary, bundle.limits["memory-pages"]);
  const module = await compileBinary(bounds, bundle.limits["compile-ms"]).catch((error: Error) => {
    if (!(error instanceof CompileTimeout)) refuse(bundle, `does not compile: ${error.message}`, error);
    const advice = "raise it, or make the module's functions smaller";
    throw new Refusal("limits", "limits.compile-ms", `${bundle.moduleFile} ${error.message}: ${advice}`, {
      isLasting: !error.isStarved,
    });
  });
  checkImports(bundle, module);
  checkExports(bundle, module);
  return { code: { wasm: module }, manifest: readManifest(bundle, module) };
}

/** Its worker loads it: it is trusted, but may take its time, or fail. */
async function operatorOf(bundle: ModuleOfBundle, mayRun: (sha256: string) => boolean): Promise<CompiledModule> {
  if (bundle.kind !== "analyze") refuse(bundle, "is an operator: those are for bundles of kind analyze");
  const sha256 = createHash("sha256").update(bundle.module).digest("hex");
  if (!mayRun(sha256)) {
    const problem = `${bundle.moduleFile} is an operator: code without a sandbox, which runs here only when the owner says so`;
    const advice = `add the name of its bundle, or "sha256:${sha256}" for this very file, to modules.operators of the configuration`;
    throw new Refusal("module", "module.file", `${problem}; ${advice}`, { isLasting: false });
  }
  const source = TYPESCRIPT.test(bundle.moduleFile) ? await withoutTypes(bundle) : bundle.module;
  return { code: { operator: { file: bundle.moduleFile, source } }, manifest: undefined };
}

async function withoutTypes(bundle: ModuleOfBundle): Promise<Uint8Array> {
  const code = await stripTypes(bundle.module).catch((error: Error) => {
    refuse(bundle, `cannot be loaded: ${error.message}`, error);
  });
  return Buffer.from(code);
}

function startsAsWasm(binary: Uint8Array): boolean {
  return Buffer.from(binary.subarray(0, 8)).equals(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
}

function checkImports(bundle: ModuleOfBundle, module: WebAssembly.Module): void {
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (from === "nightjar" && name === "log" && kind === "function") continue;
    refuse(bundle, `imports ${kind} ${from}.${name}; a module may import the function nightjar.log and nothing else`);
  }
}

function checkExports(bundle: ModuleOfBundle, module: WebAssembly.Module): void {
  const kinds = new Map(WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]));
  if (kinds.get("memory") !== "memory") refuse(bundle, 'exports no memory named "memory"');
  const missing = REQUIRED.filter((name) => kinds.get(name) !== "function");
  if (missing.length > 0) refuse(bundle, `does not export ${missing.join(", ")}: see docs/reference/module-abi.md`);
}

function readManifest(bundle: ModuleOfBundle, module: WebAssembly.Module): Manifest | undefined {
  const [section] = WebAssembly.Module.customSections(module, MANIFEST_SECTION);
  if (!section) return undefined;
  try {
    return manifestSchema.parse(JSON.parse(Buffer.from(section).toString()));
  } catch (error) {
    refuse(bundle, `carries a manifest (custom section "${MANIFEST_SECTION}") that is no valid JSON of one`, error);
  }
}

function refuse(bundle: ModuleOfBundle, problem: string, cause?: unknown): never {
  throw new Refusal("module", "module.file", `${bundle.moduleFile} ${problem}`, { cause });
}
