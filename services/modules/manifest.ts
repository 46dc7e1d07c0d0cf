// module.yaml: what a module is and which parameters it has.

import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { type Manifest, manifestSchema } from "../postprocess/module_file.ts";
import { issueText } from "./key_issue.ts";

/** @throws ExpectedError that names the file and the key */
export async function readManifest(file: string): Promise<Manifest> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const why = codeOf(error) === "ENOENT" ? "there is no such file; each module needs one" : messageOf(error);
    throw wrong(`${file} cannot be read: ${why}`);
  });
  const given = parseYaml(text, file);
  const result = manifestSchema.strict().safeParse(given);
  if (!result.success) throw wrong(`${file}: ${issueText(result.error.issues, "module.yaml")}`);
  const { parameters } = result.data;
  for (const [name, declared] of Object.entries(parameters)) {
    const written = (given as { parameters: Record<string, object> }).parameters[name] ?? {};
    const problem = problemOf(declared, written);
    if (problem !== "") throw wrong(`${file}: parameters.${name}${problem}`);
  }
  return result.data;
}

/** What the schema lets pass, for modules of a newer SDK may say more: a key that nothing reads, a default that is refused. */
function problemOf(declared: Manifest["parameters"][string], written: object): string {
  const strange = Object.keys(written).find((key) => !(key in declared));
  if (strange !== undefined) return `.${strange}: there is no such key`;
  if (!("minimum" in declared) || declared.default === undefined) return "";
  const { minimum, maximum, default: standard } = declared;
  return standard >= minimum && standard <= maximum
    ? ""
    : `.default: is ${standard}, expected a number from ${minimum} to ${maximum}`;
}

function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw wrong(`${file}: not valid YAML: ${messageOf(error)}`);
  }
}

function wrong(problem: string): ExpectedError {
  return new ExpectedError(EXIT.configuration, `${problem} (docs/writing-a-module.md shows it)`);
}
