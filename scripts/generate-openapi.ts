/**
 * Writes docs/reference/openapi.json from the table of commands, the routes and their schemas.
 * With --check it writes nothing and fails when the file is out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openApiDocument } from "../services/control/openapi.ts";

const file = join(import.meta.dirname, "../docs/reference/openapi.json");
const text = `${JSON.stringify(openApiDocument(), null, 2)}\n`;
const current = (() => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
})();
if (current !== text) {
  if (process.argv.includes("--check")) {
    console.error("docs/reference/openapi.json is out of date; run: node scripts/generate-openapi.ts");
    process.exitCode = 1;
  } else {
    writeFileSync(file, text);
    console.error("wrote docs/reference/openapi.json");
  }
}
