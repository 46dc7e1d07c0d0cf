/** Rules of one's own: analyze modules behind tracker and zones, each an element of the pipeline. */
import { z } from "zod";
import { text } from "./fields.ts";

/** Names of the elements that are there anyway. */
const TAKEN = ["infer", "tracker", "zones"];
const MOST = 8;

const rule = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, { error: "lower-case letters, digits and -, beginning with a letter" })
    .refine((name) => !TAKEN.includes(name), { error: `another name than ${TAKEN.join(", ")}` })
    .meta({
      description: "Name of the element: what nightjar bundle activate --element takes.",
      restart: "nightjar",
      example: "crowd",
    }),
  bundle: text().meta({
    description: "Name or directory of an analyze bundle.",
    restart: "nightjar",
    example: "/home/me/crowd/build/bundle",
  }),
  parameters: z
    .record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.array(z.number())]), {
      error: "a map of parameter names to numbers, texts, true/false or lists of numbers",
    })
    .prefault({})
    .meta({ description: "Parameters of the rule's module.", restart: "nightjar" }),
});

export const rulesSchema = z
  .array(rule, { error: "a list of rules" })
  .max(MOST, { error: `at most ${MOST} rules` })
  .refine((rules) => new Set(rules.map(({ name }) => name)).size === rules.length, {
    error: "rules with different names",
  })
  .prefault([])
  .meta({
    description: "Rules of your own: analyze modules that see the objects behind tracker and zones (docs/tutorial.md).",
  });
