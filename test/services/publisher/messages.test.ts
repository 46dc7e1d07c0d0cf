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
