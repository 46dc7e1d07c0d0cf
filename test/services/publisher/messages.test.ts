import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cameraEvent, fullObjects, MESSAGE_SCHEMAS, minimalObjects } from "../../../services/publisher/messages.ts";
import { schemaText } from "../../../services/publisher/write-schemas.ts";

function golden(name: string): unknown {
  const path = join(import.meta.dirname, "../../firmware/plugin/msgconv/golden", `${name}.json`);
  return JSON.parse(readFileSync(path, "utf8"));
}

it.each([
  ["frame-full", fullObjects],
  ["event-full", fullObjects],
  ["frame-minimal", minimalObjects],
  ["event-minimal", minimalObjects],
  ["frame-minimal-extended", minimalObjects],
  ["event", cameraEvent],
])("the element's document %s meets its schema", (name, schema) => {
  expect(schema.safeParse(golden(name)).error?.issues).toBeUndefined();
});

it("the schemas refuse a document of another kind", () => {
  expect(minimalObjects.safeParse(golden("frame-full")).success).toBe(false);
  expect(fullObjects.safeParse(golden("frame-minimal")).success).toBe(false);
});

it.each(Object.keys(MESSAGE_SCHEMAS) as (keyof typeof MESSAGE_SCHEMAS)[])(
  "docs/reference/schemas/%s.schema.json is what the code says (node services/publisher/write-schemas.ts)",
  (name) => {
    const file = join(import.meta.dirname, "../../../docs/reference/schemas", `${name}.schema.json`);
    expect(readFileSync(file, "utf8")).toBe(schemaText(name));
  },
);

/** The first JSON block below a heading of a page. */
function example(page: string, heading: string): unknown {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/reference", page), "utf8");
  const section = text.slice(text.indexOf(`\n## ${heading}\n`));
  const [, block] = /```json\n([\s\S]*?)\n```/.exec(section) ?? [];
  // Of several on lines of their own, the first.
  return JSON.parse((block ?? "").replace(/\}\n\{[\s\S]*$/, "}"));
}

it.each([
  ["topics.md", "Objects", "objects-minimal"],
  ["topics.md", "Events", "event"],
  ["topics.md", "Presence", "status"],
  ["topics.md", "State of a camera", "camera-status"],
  ["topics.md", "Counts", "counts"],
  ["topics.md", "Figures", "metrics"],
  ["topics.md", "Bundles", "bundle"],
  ["topics.md", "Updates", "update"],
  ["topics.md", "Losses", "loss"],
  ["commands.md", "Replies", "reply"],
] as const)("the example in %s under %s meets its schema", (page, heading, name) => {
  expect(MESSAGE_SCHEMAS[name].safeParse(example(page, heading)).error?.issues).toBeUndefined();
});

it("every topic is documented with its payload and its schema", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/reference/topics.md"), "utf8");
  for (const name of Object.keys(MESSAGE_SCHEMAS)) expect(text).toContain(`(schemas/${name}.schema.json)`);
});
