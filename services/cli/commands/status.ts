import { EXIT } from "../../log/errors.ts";
import { Client } from "../client.ts";
import type { CommandSpec } from "../command.ts";
import { REACH_OPTIONS, socketOf } from "../options.ts";
import { renderView } from "../view/render.ts";

const COLUMNS = 120;

export const status: CommandSpec = {
  name: "status",
  summary: "how the running Nightjar is",
  options: REACH_OPTIONS,
  json: true,
  run: async (values, { stdout }) => {
    const json = await new Client(socketOf(values)).call("status", {});
    const columns = stdout.columns ?? COLUMNS;
    const lines = renderView(json, { columns, rows: 1000, color: stdout.isTTY === true, logLines: 5, keys: false });
    return { exitCode: EXIT.ok, text: lines.join("\n").trimEnd(), json };
  },
};
