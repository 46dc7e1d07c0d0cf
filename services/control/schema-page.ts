/** The JSON Schemas of messages and commands, as this version of Nightjar has them. */
import type { ServerResponse } from "node:http";
import { z } from "zod";
import { EXIT } from "../log/errors.ts";
import { jsonSchema, MESSAGE_SCHEMAS } from "../publisher/messages.ts";
import { COMMANDS } from "./commands.ts";
import { sendError, sendJson } from "./http-server.ts";

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

/** @returns false when the path is for something else */
export function sendSchema(path: string, response: ServerResponse): boolean {
  if (path !== PREFIX && !path.startsWith(`${PREFIX}/`)) return false;
  if (path === PREFIX)
    sendJson(
      response,
      200,
      schemaNames().map((name) => `${PREFIX}/${name}${SUFFIX}`),
    );
  else sendOne(path.slice(PREFIX.length + 1), response);
  return true;
}

function sendOne(file: string, response: ServerResponse): void {
  const schema = file.endsWith(SUFFIX) ? schemaOf(file.slice(0, -SUFFIX.length)) : undefined;
  if (schema === undefined) sendError(response, 404, `there is no schema ${file}; ${PREFIX} lists them`, EXIT.usage);
  else sendJson(response, 200, schema);
}

export function inputSchema(input: z.ZodType): object {
  return z.toJSONSchema(input, { target: "draft-2020-12", io: "input" });
}
