import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { schemaNames, schemaOf } from "../../../services/control/schema-page.ts";

it("the page of commands is what the code says (node scripts/generate-command-docs.ts)", () => {
  execFileSync(process.execPath, ["scripts/generate-command-docs.ts", "--check"], { stdio: "pipe" });
});

it.each(schemaNames())("%s has a JSON Schema", (name) => {
  expect(schemaOf(name)).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
});
