import { migrateFile } from "../../config/migrations.ts";
import { EXIT } from "../../log/errors.ts";
import { type CommandSpec, textOf } from "../command.ts";
import { CONFIG_OPTION } from "../options.ts";

export const migrate: CommandSpec = {
  name: "migrate",
  summary: "write a configuration in the present version of the format; the old file is kept beside it",
  options: [CONFIG_OPTION],
  json: true,
  run: async (values) => {
    const file = textOf(values, "config") ?? "";
    const { changes, backup } = migrateFile(file);
    const done = [...changes.map((change) => `- ${change}`), `The old file is ${backup}.`];
    const text = backup === null ? `${file} is in the present version` : `${file} was rewritten:\n${done.join("\n")}`;
    return { exitCode: EXIT.ok, text, json: { file, changes, backup } };
  },
};
