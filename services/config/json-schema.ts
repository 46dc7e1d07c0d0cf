import { z } from "zod";
import { configSchema } from "./schema.ts";

/** A JSON Schema node as zod writes it, with our own annotations (services/config/fields.ts: KeyMeta). */
export interface SchemaNode {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  additionalProperties?: boolean | SchemaNode;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  unit?: string;
  restart?: string;
  defaultNote?: string;
  example?: unknown;
}

/** The JSON Schema (2020-12) of nightjar.yaml as a person writes it, for editors and other programs. */
export function configJsonSchema(): SchemaNode & { $schema?: string; $id?: string; title?: string } {
  const schema = z.toJSONSchema(configSchema, { io: "input" }) as SchemaNode;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "urn:nightjar:schema:configuration:1",
    title: "Nightjar configuration",
    ...schema,
  };
}
