import { configJsonSchema } from "../../config/json-schema.ts";
import { EXIT } from "../../log/errors.ts";
import type { CommandSpec } from "../command.ts";

export const schema: CommandSpec = {
  name: "schema",
  summary: "print the JSON Schema of the configuration",
  json: true,
  run: () => {
    const json = configJsonSchema();
    return { exitCode: EXIT.ok, text: JSON.stringify(json, null, 2), json };
  },
};
