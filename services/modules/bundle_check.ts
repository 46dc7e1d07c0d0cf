// Looks at a bundle that was put together as the host does when it is to serve, but for starting it.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { loadBundle } from "../postprocess/bundle.ts";
import type { Manifest } from "../postprocess/module_file.ts";
import { mergeParameters } from "../postprocess/parameters.ts";
import { Refusal } from "../postprocess/refusal.ts";

/**
 * Removes the bundle when it is refused. `directory`: of the module, whose bundle.yaml its author wrote.
 * @throws ExpectedError that names that file and the key
 */
export async function checkBundle(target: string, directory: string, manifest: Manifest): Promise<void> {
  try {
    const { parameters } = await loadBundle({ kind: manifest.kind, bundle: target });
    mergeParameters(parameters, {}, manifest);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await rm(target, { recursive: true, force: true });
    const file = join(directory, "bundle.yaml");
    const message = error.message.replaceAll(join(target, "bundle.yaml"), file).replaceAll(target, directory);
    throw new ExpectedError(EXIT.configuration, message.includes(file) ? message : `${file}: ${message}`);
  }
}
