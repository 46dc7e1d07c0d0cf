/**
 * Writes everything that is derived from the configuration schema: the commented example, the reference page, the JSON Schema.
 * With --check it writes nothing and fails when a file is out of date.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exampleFile, referencePage } from "../services/config/docs.ts";
import { configJsonSchema } from "../services/config/json-schema.ts";

const root = join(import.meta.dirname, "..");
const schema = configJsonSchema();
const files: Record<string, string> = {
  "rootfs/etc/nightjar/nightjar.yaml": exampleFile(schema),
  "docs/reference/configuration.md": referencePage(schema),
  "schemas/nightjar.schema.json": `${JSON.stringify(schema, null, 2)}\n`,
};

const check = process.argv.includes("--check");
const stale = Object.entries(files).filter(([name, content]) => content !== current(name));
for (const [name, content] of stale) {
  if (check) console.error(`${name} is out of date; run: node scripts/generate-config-docs.ts`);
  else write(name, content);
}
process.exitCode = check && stale.length > 0 ? 1 : 0;

function current(name: string): string | undefined {
  try {
    return readFileSync(join(root, name), "utf8");
  } catch {
    return undefined;
  }
}

function write(name: string, content: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), content);
  console.error(`wrote ${name}`);
}
