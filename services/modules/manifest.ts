// module.yaml: what a module is and which parameters it has.

import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { type Manifest, manifestSchema } from "../postprocess/module_file.ts";

/** @throws ExpectedError that names the file and the key */
export async function readManifest(file: string): Promise<Manifest> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const why = codeOf(error) === "ENOENT" ? "there is no such file; each module needs one" : messageOf(error);
    throw wrong(`${file} cannot be read: ${why}`);
  });
  const result = manifestSchema.safeParse(parseYaml(text, file));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw wrong(`${file}: ${issue?.path.join(".")}: ${issue?.message}`);
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
