/**
 * Writes everything that is derived from the configuration schema: the commented example, the reference page, the JSON Schema.
 * With --check it writes nothing and fails when a file is out of date.
 */
import { exampleFile, referencePage } from "../services/config/docs.ts";
import { configJsonSchema } from "../services/config/json-schema.ts";
import { writeOrCheck } from "./generated.ts";

const schema = configJsonSchema();
const files: Record<string, string> = {
  "rootfs/etc/nightjar/nightjar.yaml": exampleFile(schema),
  "docs/reference/configuration.md": referencePage(schema),
  "schemas/nightjar.schema.json": `${JSON.stringify(schema, null, 2)}\n`,
};

writeOrCheck(files, "scripts/generate-config-docs.ts");
