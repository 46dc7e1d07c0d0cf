/** The control interface as an OpenAPI 3.1 document, made from the table of commands, the routes and their schemas. */
import { z } from "zod";
import { VERSION } from "../supervisor/version.ts";
import { loginInput, type SessionParts, sessionRoutes, sessionView } from "./accounts/session-routes.ts";
import { COMMANDS, type CommandName } from "./commands.ts";
import { openApiRoute } from "./openapi-page.ts";
import { NAMED_SCHEMAS, OUTPUTS } from "./output-schemas.ts";
import { type PageSources, pageRoutes } from "./pages.ts";
import type { Route } from "./routes.ts";
import { inputSchema } from "./schema-page.ts";

type Json = Record<string, unknown>;

const NAMED = { ...NAMED_SCHEMAS, Session: sessionView };
const JSON_TYPE = "application/json";

let made: Json | undefined;

/** The same object each time. */
export function openApiDocument(): Json {
  made ??= makeDocument();
  return made;
}

function makeDocument(): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "Nightjar",
      version: VERSION,
      description:
        "The control interface of a Nightjar device. docs/reference/http.md says who may ask what, and which limits hold.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "console.listen, or the Unix socket <runtime>/control.sock" }],
    // Neither: on the Unix socket, and on this machine while there are no users.
    security: [{ session: [] }, { token: [] }, {}],
    paths: paths(),
    components: {
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: "__Host-nightjar", description: "Set by POST /api/login" },
        token: { type: "http", scheme: "bearer", description: "nightjar token add NAME" },
      },
      schemas: { ...namedSchemas(), Error: ERROR },
      responses: {
        Error: { description: "What is wrong, for people", content: content({ $ref: "#/components/schemas/Error" }) },
      },
    },
  };
}

const ERROR: Json = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: {
        message: { type: "string" },
        exitCode: { type: "integer", description: "of the command line for the same fault" },
        problems: {
          type: "array",
          description: "of an entry that was sent: what is wrong where",
          items: {
            type: "object",
            properties: { key: { type: "string" }, message: { type: "string" } },
            required: ["key", "message"],
          },
        },
      },
      required: ["message", "exitCode"],
    },
  },
  required: ["error"],
};

function paths(): Record<string, Json> {
  const all: Record<string, Json> = {};
  const add = (method: string, path: string, operation: Json) => {
    const template = path.replaceAll(/:(\w+)/g, "{$1}");
    all[template] = { ...all[template], [method.toLowerCase()]: operation };
  };
  for (const name of Object.keys(COMMANDS) as CommandName[])
    add(COMMANDS[name].method, COMMANDS[name].path, commandOperation(name));
  for (const route of ROUTES) add(route.method, route.path, routeOperation(route));
  return all;
}

/** Only described here: nothing of them runs. */
const ROUTES: readonly Route[] = [
  ...sessionRoutes({} as SessionParts),
  ...pageRoutes({} as PageSources),
  openApiRoute(),
];

function commandOperation(name: CommandName): Json {
  const { method, path, summary, input } = COMMANDS[name];
  const { $schema: _, ...schema } = inputSchema(input) as Json;
  const properties = { ...((schema.properties as Json | undefined) ?? {}) };
  const required = new Set((schema.required as string[] | undefined) ?? []);
  const inPath = pathParameters(path, properties);
  for (const { name: part } of inPath) delete properties[part];
  const rest = Object.entries(properties);
  const inQuery = rest.map(([key, property]) => ({
    name: key,
    in: "query",
    required: required.has(key),
    schema: property,
  }));
  const isOpen = schema.additionalProperties !== false;
  const hasBody = method !== "GET" && (rest.length > 0 || isOpen);
  const names = rest.map(([key]) => key).filter((key) => required.has(key));
  const body = { ...schema, type: "object", properties, required: names };
  return {
    operationId: name,
    summary,
    tags: [tagOf(path)],
    parameters: method === "GET" ? [...inPath, ...inQuery] : inPath,
    ...(hasBody ? { requestBody: { required: names.length > 0 || isOpen, content: content(body) } } : {}),
    responses: {
      200: { description: "Done", content: content(outputSchema(OUTPUTS[name])) },
      default: { $ref: "#/components/responses/Error" },
    },
  };
}

function routeOperation({ method, path, summary, needs, type }: Route): Json {
  const isSession = path === "/api/session" || path === "/api/login" || path === "/api/logout";
  const answer = isSession ? { $ref: "#/components/schemas/Session" } : type === JSON_TYPE ? {} : { type: "string" };
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    tags: [tagOf(path)],
    ...(needs === null ? { security: [] } : {}),
    parameters: pathParameters(path, {}),
    ...(path === "/api/login" ? { requestBody: { required: true, content: content(withoutDialect(loginInput)) } } : {}),
    responses: {
      200: { description: "Done", content: { [type]: { schema: answer } } },
      default: { $ref: "#/components/responses/Error" },
    },
  };
}

function pathParameters(
  path: string,
  properties: Json,
): { name: string; in: "path"; required: true; schema: unknown }[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: properties[name] ?? { type: "string" },
  }));
}

/** "/api/cameras/…" is about cameras. */
function tagOf(path: string): string {
  return path.startsWith("/api/") ? (path.split("/")[2]?.replace(/\..*$/, "") ?? "") : "probes";
}

function content(schema: unknown): Json {
  return { [JSON_TYPE]: { schema } };
}

const registry = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries(NAMED)) registry.add(schema, { id });

function namedSchemas(): Json {
  const { schemas } = z.toJSONSchema(registry, { target: "draft-2020-12", io: "output", uri: reference });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _, $id: __, id: ___, ...rest } = schema as Json;
      return [id, rest];
    }),
  );
}

/** A reference for what has a name, or for the members of a list of it; otherwise the schema itself. */
function outputSchema(schema: z.ZodType): Json {
  const named = registry.get(schema);
  if (named !== undefined) return { $ref: reference(named.id) };
  if (schema instanceof z.ZodArray) return { type: "array", items: outputSchema(schema.element as z.ZodType) };
  return withoutDialect(schema);
}

function withoutDialect(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12" }) as Json;
  return rest;
}

function reference(id: string): string {
  return `#/components/schemas/${id}`;
}
