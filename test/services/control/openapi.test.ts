import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Client } from "../../../services/cli/client.ts";
import { COMMANDS, type CommandName } from "../../../services/control/commands.ts";
import { openApiDocument } from "../../../services/control/openapi.ts";
import { OUTPUTS } from "../../../services/control/output-schemas.ts";
import { waitUntil } from "../../support/wait.ts";
import { type SmallSupervisor, startSmall } from "../supervisor/small-supervisor.ts";
import { ask } from "./support/http.ts";

type Json = { readonly [key: string]: unknown };

const document = openApiDocument();
const operations = Object.entries(document.paths as Record<string, Record<string, Json>>).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** What OpenAPI 3.1 asks of an operation, as far as we use it. */
const operationShape = z.strictObject({
  operationId: z.string().regex(/^[a-z]\w+$/i),
  summary: z.string().min(5),
  tags: z.array(z.string().min(1)).length(1),
  security: z.array(z.looseObject({})).optional(),
  parameters: z.array(
    z.strictObject({
      name: z.string(),
      in: z.enum(["path", "query"]),
      required: z.boolean(),
      schema: z.looseObject({}),
    }),
  ),
  requestBody: z.strictObject({ required: z.boolean(), content: z.record(z.string(), z.looseObject({})) }).optional(),
  responses: z.strictObject({
    200: z.strictObject({
      description: z.string(),
      content: z.record(z.string(), z.strictObject({ schema: z.looseObject({}) })),
    }),
    default: z.strictObject({ $ref: z.literal("#/components/responses/Error") }),
  }),
});

describe("the OpenAPI document", () => {
  it("is in the reference as the code has it (node scripts/generate-openapi.ts)", () => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/generate-openapi.ts", "--check"], {
      cwd: join(import.meta.dirname, "../../.."),
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
  }, 20_000);

  it.each(operations.map(({ path, method, operation }) => [method, path, operation] as const))(
    "%s %s is an operation with every part of its path",
    (_, path, operation) => {
      const { parameters, requestBody } = operationShape.parse(operation);
      const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      const body = requestBody?.content["application/json"]?.schema as { properties?: Json } | undefined;
      for (const name of inPath) expect(Object.keys(body?.properties ?? {})).not.toContain(name);
    },
  );

  it("has every command, and each operation once", () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(Object.keys(COMMANDS)));
  });

  it("refers to nothing that is not there, and every schema can be read", () => {
    const text = JSON.stringify(document);
    for (const [, path = ""] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = path.split("/").reduce<unknown>((node, step) => (node as Json | undefined)?.[step], document);
      expect(found, path).toBeDefined();
    }
    expect(text).not.toContain("$defs");
    const { schemas } = document.components as { schemas: Record<string, Json> };
    for (const [name, schema] of Object.entries(schemas)) {
      const whole = JSON.parse(
        JSON.stringify({ ...schema, $defs: schemas }).replaceAll("#/components/schemas/", "#/$defs/"),
      );
      expect(() => z.fromJSONSchema(whole), name).not.toThrow();
    }
  });
});

describe("what commands answer", () => {
  let small: SmallSupervisor;
  let client: Client;
  beforeAll(async () => {
    small = await startSmall();
    client = new Client(small.supervisor.controlSocket);
    const isOn = () => small.supervisor.status().cameras.every(({ state }) => state === "playing");
    await waitUntil("both cameras to play", isOn, 25_000);
  });
  afterAll(() => small.end());

  const zone = {
    camera: "gate",
    name: "door",
    type: "line",
    points: [
      [0.1, 0.5],
      [0.9, 0.5],
    ],
  };
  const inputs: [CommandName, object][] = [
    ["status", {}],
    ["health", {}],
    ["setLogLevel", { level: "info" }],
    ["deadLetters", {}],
    ["viewMachine", {}],
    ["viewHistory", {}],
    ["viewLog", {}],
    ["snapshot", { id: "gate" }],
    ["record", { id: "gate", seconds: 1 }],
    ["listEvidence", {}],
    ["listCaptures", {}],
    ["listBundles", {}],
    ["updateStatus", {}],
    ["updateHistory", {}],
    ["addCamera", { id: "roof", uri: "test:" }],
    ["listCameras", {}],
    ["setZone", zone],
    ["listZones", {}],
    ["removeZone", { camera: "gate", name: "door" }],
    ["removeCamera", { id: "roof" }],
  ];
  it.each(inputs)("%s answers what its schema says, and nothing more", async (name, input) => {
    const answer = await client.call(name, input as never).catch((error: Error) => error);
    // A small supervisor has no bundle for zones: then there is nothing to look at but the message.
    if (answer instanceof Error) expect(answer.message).toContain("zone");
    else expect(OUTPUTS[name].safeParse(answer).error?.issues ?? []).toEqual([]);
  });

  it("the document itself is served", async () => {
    const answer = await ask(small.supervisor.controlSocket, "/api/openapi.json");
    expect(answer.json()).toEqual(JSON.parse(JSON.stringify(document)));
  });
});
