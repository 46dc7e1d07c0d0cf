import { COMMANDS, type CommandName } from "../../control/commands.ts";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import { Client } from "../client.ts";
import { type CommandSpec, textOf } from "../command.ts";
import { REACH_OPTIONS, socketOf } from "../options.ts";
import { table } from "../table.ts";

/** The command table itself: everything that HTTP and MQTT offer, also what has no command of its own here. */
export const call: CommandSpec = {
  name: "call",
  summary: "give a command of the HTTP and MQTT interface to the running Nightjar; without a name, list them",
  arguments: [
    { name: "[command]", description: "such as health, snapshot or setLogLevel" },
    { name: "[input]", description: `its input as JSON, such as '{"id": "gate"}'` },
  ],
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const name = textOf(values, "command");
    if (name === undefined) return listOfCommands();
    const input = inputOf(textOf(values, "input"));
    const json: unknown = await new Client(socketOf(values)).call(commandOf(name), input as never);
    return { exitCode: EXIT.ok, text: JSON.stringify(json, null, 2), json };
  },
};

function listOfCommands() {
  const rows = Object.entries(COMMANDS).map(([name, { method, summary }]) => [
    name,
    method === "GET" ? "" : "yes",
    summary,
  ]);
  const json = Object.entries(COMMANDS).map(([name, { method, path, summary }]) => ({ name, method, path, summary }));
  return { exitCode: EXIT.ok, text: table(["COMMAND", "CHANGES", "WHAT IT DOES"], rows), json };
}

function commandOf(name: string): CommandName {
  if (Object.hasOwn(COMMANDS, name)) return name as CommandName;
  throw new ExpectedError(EXIT.usage, `there is no command "${name}"; nightjar call lists them`);
}

function inputOf(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, together with JSON of the wrong kind.
  }
  throw new ExpectedError(EXIT.usage, `the input ${text} is no JSON object; expected something like '{"id": "gate"}'`);
}
