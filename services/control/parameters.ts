/** The parameters of an element's module: what its manifest declares, and what holds now. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Config } from "../config/load.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { readWasm } from "../modules/wasm_info.ts";
import type { Manifest } from "../postprocess/module_file.ts";
import { type BundleInfo, findBundle } from "../supervisor/bundles.ts";
import type { BundleReference } from "../supervisor/deployments/record.ts";

export interface ParameterView {
  readonly name: string;
  readonly type: "number" | "integer" | "numbers" | "flag" | "text";
  readonly description: string;
  /** Of the bundle, else of the module; null: the module does without. */
  readonly default: unknown;
  /** What holds now. */
  readonly value: unknown;
  /** Set here or in the configuration, and not left to the bundle. */
  readonly isSet: boolean;
  /** Its value is made elsewhere (zones): not for a field to fill in. */
  readonly structured: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly unit?: string;
  /** Of a text: those that may be. */
  readonly values?: readonly string[];
}

export interface ElementParameters {
  readonly element: string;
  /** "name version" */
  readonly bundle: string;
  /** null: the module says nothing about itself, and takes any parameters. */
  readonly module: { readonly name: string; readonly version: string; readonly description: string } | null;
  /** Of a detector, by class id. */
  readonly labels: readonly string[];
  readonly parameters: readonly ParameterView[];
}

const bundleFile = z.object({
  module: z.object({ file: z.string() }),
  parameters: z.record(z.string(), z.unknown()).default({}),
});

/** Parameters that other commands make: the zones of all cameras are one text. */
const STRUCTURED: ReadonlySet<string> = new Set(["zones"]);

/** @throws ExpectedError when the bundle cannot be read */
export async function parametersOf(
  element: string,
  serving: BundleReference,
  config: Config,
): Promise<ElementParameters> {
  const kind = element === "infer" ? "detect" : "analyze";
  const info = findBundle(serving.directory, kind, element, config.directories.bundles);
  const { file, parameters: base } = await bundleOf(info);
  const manifest = await manifestIn(file);
  const given = { ...configured(element, config), ...serving.parameters };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  return {
    element,
    bundle: `${info.name} ${info.version}`,
    module:
      manifest === undefined
        ? null
        : { name: manifest.name, version: manifest.version, description: manifest.description },
    labels: info.labels,
    parameters: Object.entries(manifest?.parameters ?? {}).map(([name, declared]) =>
      parameterView(name, declared, base, set),
    ),
  };
}

function parameterView(
  name: string,
  declared: Manifest["parameters"][string],
  base: Readonly<Record<string, unknown>>,
  set: Readonly<Record<string, unknown>>,
): ParameterView {
  const standard = base[name] ?? declared.default ?? null;
  const isSet = Object.hasOwn(set, name);
  const structured = STRUCTURED.has(name);
  return { ...declared, name, default: standard, value: isSet ? set[name] : standard, isSet, structured };
}

async function bundleOf({ directory }: BundleInfo): Promise<{ file: string; parameters: Record<string, unknown> }> {
  const path = join(directory, "bundle.yaml");
  try {
    const { module, parameters } = bundleFile.parse(parse(await readFile(path, "utf8")));
    return { file: join(directory, module.file), parameters };
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Undefined: an operator in TypeScript, or a module without one. */
async function manifestIn(file: string): Promise<Manifest | undefined> {
  if (!file.endsWith(".wasm")) return undefined;
  try {
    return readWasm(await readFile(file), file).manifest;
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    throw new ExpectedError(EXIT.environment, `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** What the configuration sets for an element. */
function configured(element: string, { inference, tracking, rules }: Config): Readonly<Record<string, unknown>> {
  if (element === "infer") return inference.parameters;
  if (element === "tracker") return tracking.parameters;
  return rules.find(({ name }) => name === element)?.parameters ?? {};
}
