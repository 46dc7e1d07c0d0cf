/** Secrets are references until the moment of use, and are taken out of everything that is shown. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, EXIT, ExpectedError } from "../log/errors.ts";

/** Where a secret is kept: exactly one of them is set. */
export interface SecretReference {
  readonly file?: string | undefined;
  readonly env?: string | undefined;
  /** Of systemd (LoadCredential=). */
  readonly credential?: string | undefined;
}

/**
 * The secret behind a reference; a file's trailing line break is not part of it.
 * @param key the configuration key, for messages.
 * @throws ExpectedError when it cannot be read or is empty.
 */
export function readSecret(reference: SecretReference, key: string): string {
  const { file, env, credential } = reference;
  const path = credential === undefined ? file : credentialFile(credential, key);
  const secret = path === undefined ? fromEnvironment(env ?? "", key) : fromFile(path, key);
  if (secret === "") throw new ExpectedError(EXIT.configuration, `${key}: the secret in ${path ?? `$${env}`} is empty`);
  return secret;
}

/** Warning text when others than the owner can read the file; undefined when all is well or there is no file. */
export function secretFileWarning(reference: SecretReference, key: string): string | undefined {
  if (reference.file === undefined) return undefined;
  const mode = statSync(reference.file, { throwIfNoEntry: false })?.mode ?? 0;
  return (mode & 0o007) === 0
    ? undefined
    : `${key}: ${reference.file} can be read by everyone; do: chmod o-rwx ${reference.file}`;
}

/** Takes user names and passwords out of every URI in a text. */
export function redact(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+(?::[^\s@]*)?@/gi, "$1***@");
}

/** systemd puts credentials into a directory that only the service can read. */
function credentialFile(name: string, key: string): string {
  const directory = process.env.CREDENTIALS_DIRECTORY;
  if (directory !== undefined) return join(directory, name);
  throw new ExpectedError(
    EXIT.configuration,
    `${key}: expected the systemd credential "${name}", but this service has none; add LoadCredential=${name}:PATH to its unit`,
  );
}

function fromFile(path: string, key: string): string {
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "there is no such file" : `it cannot be read (${codeOf(error)})`;
    throw new ExpectedError(EXIT.configuration, `${key}: expected the secret in ${path}, but ${why}`, { cause: error });
  }
}

function fromEnvironment(name: string, key: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new ExpectedError(
      EXIT.configuration,
      `${key}: expected the secret in the environment variable ${name}, but it is not set`,
    );
  }
  return value;
}
