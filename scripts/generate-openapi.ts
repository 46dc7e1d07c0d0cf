/**
 * Writes docs/reference/openapi.json from the table of commands, the routes and their schemas.
 * With --check it writes nothing and fails when the file is out of date.
 */
import { openApiDocument } from "../services/control/openapi.ts";
import { writeOrCheck } from "./generated.ts";

const text = `${JSON.stringify(openApiDocument(), null, 2)}\n`;

writeOrCheck({ "docs/reference/openapi.json": text }, "scripts/generate-openapi.ts");
