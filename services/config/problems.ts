/** Turns what zod found into one line per problem: FILE:LINE:COLUMN: KEY: found VALUE, expected WHAT. */
import { isMap, isScalar, type LineCounter, type Node, type ParsedNode } from "yaml";
import type { z } from "zod";
import type { SchemaNode } from "./json-schema.ts";
import { redact } from "./secrets.ts";
import { suggest } from "./suggest.ts";

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** Line and column, counted from 1; absent when the value did not come from a file. */
  readonly position?: { readonly line: number; readonly column: number };
  /** The key as a person would write it: cameras[0].source.latency; empty for the whole file. */
  readonly key: string;
  /** What was found and expected, and a hint; one line. */
  readonly message: string;
}

export type Path = readonly PropertyKey[];

/** Where values stand in the text; undefined where there is no text. */
export type Locate = (path: Path, part: "value" | "key") => Problem["position"] | undefined;

/** The "expected …" phrase of the checks that have no phrase of their own; used as zod's error map. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return TYPE_PHRASES[issue.expected] ?? `a value of type ${issue.expected}`;
    case "invalid_value":
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(", ")}`;
    case "invalid_union":
      return "a number, a text, true or false, or a list of numbers";
    default:
      return undefined;
  }
}

const TYPE_PHRASES: Record<string, string> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map of keys and values",
  record: "a map of keys and values",
};

/** All problems, in the order in which zod found them. `schema` is asked only when a key is unknown. */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  raw: unknown,
  schema: () => SchemaNode,
  locate: Locate,
): Problem[] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => unknownKey([...issue.path, key], raw, schema(), locate));
    return [valueProblem(issue.path, issue.message, raw, locate)];
  });
}

/** A wrong or missing value: `expected` is the phrase after "expected". */
export function valueProblem(path: Path, expected: string, raw: unknown, locate: Locate): Problem {
  const found = valueAt(raw, path);
  const position = locate(path, "value");
  if (found === undefined) return { ...at(position), key: keyText(path), message: `missing; expected ${expected}` };
  const options = /^one of (.+)$/.exec(expected)?.[1]?.split(", ");
  const near = typeof found === "string" && options !== undefined ? suggest(found, options) : undefined;
  const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
  return { ...at(position), key: keyText(path), message: `found ${show(found, path)}, expected ${expected}${hint}` };
}

/** cameras[0].source.latency */
export function keyText(path: Path): string {
  return path
    .map((step, i) => (typeof step === "number" ? `[${step}]` : `${i === 0 ? "" : "."}${String(step)}`))
    .join("");
}

/** nightjar.yaml:3:5: cameras[0].latency: found 200, expected … */
export function formatProblem(file: string, problem: Problem): string {
  const place = problem.position === undefined ? file : `${file}:${problem.position.line}:${problem.position.column}`;
  return problem.key === "" ? `${place}: ${problem.message}` : `${place}: ${problem.key}: ${problem.message}`;
}

/** Finds positions in a parsed YAML document; a missing key is placed at the map that lacks it. */
export function locateIn(root: ParsedNode | null, lines: LineCounter): Locate {
  const position = (offset: number | undefined) => {
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  return (path, part) => {
    let node: Node | null | undefined = root;
    let offset = root?.range[0] ?? 0;
    for (const [i, step] of path.entries()) {
      const last = i === path.length - 1;
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
        if (pair === undefined) return position(offset);
        if (last && part === "key") return position((pair.key as Node).range?.[0]);
        node = pair.value as Node | null;
        offset = node?.range?.[0] ?? (pair.key as Node).range?.[0] ?? offset;
      } else {
        node = (node as { items?: (Node | null)[] } | null)?.items?.[Number(step)];
        if (node === undefined) return position(offset);
        offset = node?.range?.[0] ?? offset;
      }
    }
    return position(offset);
  };
}

function unknownKey(path: Path, raw: unknown, schema: SchemaNode, locate: Locate): Problem {
  const known = knownKeys(schema, path.slice(0, -1), raw);
  const near = suggest(String(path.at(-1)), known);
  const hint = near === undefined ? `known here: ${known.join(", ")}` : `did you mean ${near}?`;
  return { ...at(locate(path, "key")), key: keyText(path), message: `unknown key (${hint})` };
}

/** The keys that the schema allows in the map at `path`; of alternatives, those of the one that the map's `type` names. */
function knownKeys(schema: SchemaNode, path: Path, raw: unknown): string[] {
  let node: SchemaNode | undefined = schema;
  let value = raw;
  for (const step of path) {
    value = valueAt(value, [step]);
    node = typeof step === "number" ? node?.items : node?.properties?.[String(step)];
    node = alternative(node, value);
  }
  return Object.keys(node?.properties ?? {});
}

function alternative(node: SchemaNode | undefined, value: unknown): SchemaNode | undefined {
  if (node?.oneOf === undefined) return node;
  const type = (value as { type?: unknown } | null)?.type;
  return node.oneOf.find((option) => option.properties?.type?.const === type) ?? node;
}

export function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** A short rendering of a found value; never a secret. */
function show(value: unknown, path: Path): string {
  if (value === null) return "nothing";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "a map";
  if (/password|secret|token/i.test(String(path.at(-1)))) return "a value (hidden)";
  const text = typeof value === "string" ? `"${redact(value)}"` : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…"` : text;
}

function at(position: Problem["position"]): { position?: NonNullable<Problem["position"]> } {
  return position === undefined ? {} : { position };
}
