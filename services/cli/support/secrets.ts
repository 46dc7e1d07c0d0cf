/** The secrets that this device holds, so that they can be taken out of what leaves it. They stay in memory. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Names of variables and keys whose values are secret. */
const NAME = /pass|pwd|secret|token|key|credential|auth/i;
/** Where the shell is. */
const PLACES: ReadonlySet<string> = new Set(["PWD", "OLDPWD"]);

/**
 * @param config of Nightjar, or what stands in its file where that is wrong
 * @param base directory of the file: relative references begin there
 * @param environment of this process: references may point at it
 */
export function knownSecrets(config: unknown, base: string, environment: NodeJS.ProcessEnv): Set<string> {
  const found = new Set<string>();
  for (const [name, value] of Object.entries(environment)) {
    const isPlace = PLACES.has(name) || value?.startsWith("/") === true;
    if (value !== undefined && NAME.test(name) && !isPlace) found.add(value);
  }
  for (const reference of references(config)) {
    const value = secretOf(reference, base, environment);
    if (value !== undefined) found.add(value);
  }
  return found;
}

interface Reference {
  readonly file?: unknown;
  readonly env?: unknown;
  readonly credential?: unknown;
}

/** Every member with a secret's name that is a reference, at any depth; and texts in such a place, which the schema refuses. */
function* references(value: unknown, name = ""): Generator<Reference | string> {
  if (typeof value === "string" && NAME.test(name) && !value.startsWith("/")) yield value;
  if (typeof value !== "object" || value === null) return;
  if (NAME.test(name) && !Array.isArray(value)) yield value as Reference;
  for (const [key, inner] of Object.entries(value)) yield* references(inner, key);
}

function secretOf(reference: Reference | string, base: string, environment: NodeJS.ProcessEnv): string | undefined {
  if (typeof reference === "string") return reference;
  const { file, env, credential } = reference;
  if (typeof env === "string") return environment[env];
  const directory = environment["CREDENTIALS_DIRECTORY"];
  if (typeof credential === "string" && directory !== undefined) return contentOf(join(directory, credential));
  return typeof file === "string" ? contentOf(resolve(base, file)) : undefined;
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // Not there, or not for this user: then it is in nothing that this user collects by itself either.
    return undefined;
  }
}
