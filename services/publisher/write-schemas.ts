/** Writes the JSON Schema of each message: node services/publisher/write-schemas.ts [DIRECTORY] */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jsonSchema, MESSAGE_SCHEMAS } from "./messages.ts";

export function writeSchemas(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of Object.keys(MESSAGE_SCHEMAS) as (keyof typeof MESSAGE_SCHEMAS)[])
    writeFileSync(join(directory, `${name}.schema.json`), schemaText(name));
}

export function schemaText(name: keyof typeof MESSAGE_SCHEMAS): string {
  return `${JSON.stringify(jsonSchema(name), null, 2)}\n`;
}

if (import.meta.main) writeSchemas(process.argv[2] ?? join(import.meta.dirname, "../../docs/reference/schemas"));
