import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exampleFile, referencePage } from "../../../services/config/docs.ts";
import { configJsonSchema, type SchemaNode } from "../../../services/config/json-schema.ts";
import { parseConfig } from "../../../services/config/load.ts";
import { parseDuration, parseSize } from "../../../services/config/units.ts";

const ROOT = join(import.meta.dirname, "../../..");
const schema = configJsonSchema();

/** Every key with its path. */
function keysOf(node: SchemaNode, path = ""): [string, SchemaNode][] {
  const alternatives = [...(node.oneOf ?? []), ...(node.items === undefined ? [] : [node.items])].flatMap((inner) =>
    keysOf(inner, path),
  );
  const own = Object.entries(node.properties ?? {}).flatMap(([key, inner]): [string, SchemaNode][] => {
    const here = path === "" ? key : `${path}.${key}`;
    return [[here, inner], ...keysOf(inner, here)];
  });
  return [...own, ...alternatives];
}

describe("the schema", () => {
  it("describes every key", () => {
    const bare = keysOf(schema).filter(([path, node]) => {
      const secretPart = /\.password\.(file|env|credential)$/.test(path);
      return node.description === undefined && node.const === undefined && !secretPart;
    });
    expect(bare.map(([path]) => path)).toEqual([]);
  });

  it("gives quantities a default with a unit", () => {
    for (const [path, node] of keysOf(schema)) {
      if (node.default === undefined) continue;
      if (node.unit === "duration") expect(parseDuration(String(node.default)), path).toBeDefined();
      if (node.unit === "size") expect(parseSize(String(node.default)), path).toBeDefined();
    }
  });

  it("allows no unknown keys", () => {
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties?.mqtt?.additionalProperties).toBe(false);
  });
});

describe("the example file", () => {
  const example = exampleFile(schema);

  it("is a valid configuration as it is", () => {
    expect(parseConfig(example, "example.yaml").cameras).toEqual([]);
  });

  it("is valid when a section is uncommented", () => {
    const uncommented = example.replaceAll(/^( +)#(?=[a-z])/gm, "$1").replaceAll(/^ {2}# {3}(?=[a-z])/gm, "    ");
    const pipeline = uncommented.slice(uncommented.indexOf("\npipeline:"), uncommented.indexOf("\n# Logs."));
    expect(parseConfig(`version: 1\n${pipeline}`, "example.yaml").pipeline.restart.limit).toBe(20);
  });

  it("has every key of the schema in it", () => {
    for (const [path] of keysOf(schema)) {
      const key = path.split(".").at(-1) ?? "";
      if (!["env", "source"].includes(key)) expect(example, path).toContain(`${key}:`);
    }
  });
});

it("the reference page has a row for every key of a section", () => {
  expect(referencePage(schema)).toContain("| `restart.limit` | whole number 1 to 10000 (restarts) | `20` |");
});

it("the files in the repository are up to date", () => {
  const check = spawnSync(process.execPath, [join(ROOT, "scripts/generate-config-docs.ts"), "--check"], {
    encoding: "utf8",
  });
  expect(check.stderr).toBe("");
  expect(check.status).toBe(0);
});
