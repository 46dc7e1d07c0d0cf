/** The JSON Schemas of messages and commands, as this version of Nightjar has them. */
import { z } from "zod";
import { jsonSchema, MESSAGE_SCHEMAS } from "../publisher/messages.ts";
import { sendError, sendJson } from "./answers.ts";
import { COMMANDS } from "./commands.ts";
import type { Route } from "./routes.ts";

const PREFIX = "/api/schemas";
const SUFFIX = ".schema.json";
const COMMAND = "command-";

/** Names of the schemas: those of messages, and command-NAME for the input of each command. */
export function schemaNames(): string[] {
  return [...Object.keys(MESSAGE_SCHEMAS), ...Object.keys(COMMANDS).map((name) => `${COMMAND}${name}`)];
}

/** Undefined when there is none of this name. */
export function schemaOf(name: string): object | undefined {
  if (Object.hasOwn(MESSAGE_SCHEMAS, name)) return jsonSchema(name as keyof typeof MESSAGE_SCHEMAS);
  const command = name.startsWith(COMMAND) ? name.slice(COMMAND.length) : "";
  if (!Object.hasOwn(COMMANDS, command)) return undefined;
  const { input, summary } = COMMANDS[command as keyof typeof COMMANDS];
  return { title: `Input of the command ${command}`, description: summary, ...inputSchema(input) };
}

export function schemaRoutes(): Route[] {
  const common = { method: "GET", needs: "viewer", type: "application/json" } as const;
  return [
    {
      ...common,
      path: PREFIX,
      summary: "Where the JSON Schemas of messages and commands are",
      run: ({ response }) =>
        sendJson(
          response,
          200,
          schemaNames().map((name) => `${PREFIX}/${name}${SUFFIX}`),
        ),
    },
    {
      ...common,
      path: `${PREFIX}/:file`,
      summary: "The JSON Schema of a message, or of a command's input",
      run: ({ response, parts: { file = "" } }) => {
        const schema = file.endsWith(SUFFIX) ? schemaOf(file.slice(0, -SUFFIX.length)) : undefined;
        if (schema === undefined) sendError(response, 404, `there is no schema ${file}; ${PREFIX} lists them`);
        else sendJson(response, 200, schema);
      },
    },
  ];
}

export function inputSchema(input: z.ZodType): object {
  return z.toJSONSchema(input, { target: "draft-2020-12", io: "input" });
}
