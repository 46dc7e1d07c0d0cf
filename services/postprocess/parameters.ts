// Parameters of a module: the bundle's, then what the element overrides, checked against the module's manifest.

import { type Parameters, type ParameterValue, parameters as parametersSchema } from "./bundle_schema.ts";
import type { Manifest } from "./module_file.ts";
import { Refusal } from "./refusal.ts";

type Declared = Manifest["parameters"][string];

/**
 * The bundle's parameters with `overrides` laid over them; an override of null takes a parameter away.
 * Throws Refusal that names the parameter.
 */
export function mergeParameters(base: Parameters, overrides: unknown, manifest: Manifest | undefined): Parameters {
  const merged: Record<string, ParameterValue> = { ...base };
  for (const [key, value] of Object.entries(asRecord(overrides))) {
    if (value === null) delete merged[key];
    else merged[key] = asValue(key, value, manifest?.parameters[key]?.type === "text");
  }
  if (manifest) for (const [key, value] of Object.entries(merged)) checkDeclared(key, value, manifest);
  return merged;
}

function asRecord(overrides: unknown): Record<string, unknown> {
  if (overrides === undefined || overrides === null) return {};
  if (typeof overrides === "object" && !Array.isArray(overrides)) return overrides as Record<string, unknown>;
  throw new Refusal("parameters", "parameters", "parameters must be a JSON object");
}

/** What is no simple value (a list of zones) goes to the module as JSON text. */
function asValue(key: string, given: unknown, isText: boolean): ParameterValue {
  const value = isStructured(given, isText) ? JSON.stringify(given) : given;
  const result = parametersSchema.safeParse({ [key]: value });
  if (result.success) return result.data[key] as ParameterValue;
  throw wrong(key, "is neither a number, a yes or no, a text nor a list of numbers");
}

function isStructured(value: unknown, isText: boolean): boolean {
  if (typeof value !== "object" || value === null) return false;
  return isText || !Array.isArray(value) || value.some((entry) => typeof entry === "object" && entry !== null);
}

function checkDeclared(key: string, value: ParameterValue, manifest: Manifest): void {
  const declared = manifest.parameters[key];
  if (!declared) {
    const known = Object.keys(manifest.parameters).join(", ") || "none";
    throw wrong(key, `is not known to the module ${manifest.name}; it has: ${known}`);
  }
  const problem = problemOf(value, declared);
  if (problem) throw wrong(key, `is ${JSON.stringify(value)}: ${problem}`);
}

function problemOf(value: ParameterValue, declared: Declared): string | undefined {
  switch (declared.type) {
    case "number":
    case "integer":
      return numberProblem(value, declared);
    case "numbers": {
      if (!Array.isArray(value)) return "expected a list of numbers";
      const bad = value.find((entry) => entry !== null && numberProblem(entry, declared));
      return bad === undefined ? undefined : numberProblem(bad as number, declared);
    }
    case "flag":
      return typeof value === "boolean" || value === 0 || value === 1 ? undefined : "expected true or false";
    case "text":
      if (typeof value !== "string") return "expected a text";
      return declared.values && !declared.values.includes(value)
        ? `expected ${declared.values.join(" or ")}`
        : undefined;
  }
}

function numberProblem(
  value: ParameterValue,
  { type, minimum, maximum, unit }: Extract<Declared, { minimum: number }>,
): string | undefined {
  const what = type === "integer" ? "a whole number" : "a number";
  const expected = `expected ${what} from ${minimum} to ${maximum}${unit ? ` ${unit}` : ""}`;
  if (typeof value !== "number" || !(value >= minimum && value <= maximum)) return expected;
  return type === "integer" && !Number.isInteger(value) ? expected : undefined;
}

function wrong(key: string, problem: string): Refusal {
  return new Refusal("parameters", `parameters.${key}`, `parameter ${key} ${problem}`);
}
