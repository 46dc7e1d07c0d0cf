/** Options of several `nightjar repo` commands, and what they turn into. */
import { readFileSync } from "node:fs";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import { isRole, ROLES, type Role } from "../../updater/names.ts";
import type { Rollout } from "../../updater/release.ts";
import { readSigner, type Signer } from "../../updater/repository/keys.ts";
import { Workspace } from "../../updater/repository/workspace.ts";
import { type ArgumentSpec, type OptionSpec, textOf, type Values } from "../command.ts";

export const DIRECTORY: ArgumentSpec = {
  name: "<directory>",
  description: "the repository, as nightjar repo init made it",
};

export const KEY_OPTIONS: readonly OptionSpec[] = [
  { flags: "--key <files...>", description: "private keys to sign with, besides those in <directory>/keys" },
  { flags: "--passphrase-file <file>", description: "passphrase of encrypted keys; default: $NIGHTJAR_KEY_PASSPHRASE" },
];

export const ROLLOUT_OPTIONS: readonly OptionSpec[] = [
  { flags: "--percent <number>", description: "share of the fleet that may take it, 0 to 100", parse: percentOf },
  { flags: "--group <names...>", description: "only devices of these groups (all: no such limit)" },
  { flags: "--not-before <time>", description: "fetched before, brought in then: 2026-07-20T08:00:00Z" },
  { flags: "--min-from <version>", description: "only devices that have this version or a newer one" },
];

/** The passphrase of encrypted keys, read when one is met. */
export function passphraseOf(values: Values): () => string | undefined {
  return () => {
    const file = textOf(values, "passphraseFile");
    return file === undefined
      ? process.env["NIGHTJAR_KEY_PASSPHRASE"]
      : readFileSync(file, "utf8").replace(/\r?\n$/, "");
  };
}

/** The keys of the repository's directory and those of --key. */
export function signersOf(values: Values, workspace: Workspace | undefined): Signer[] {
  const passphrase = passphraseOf(values);
  const given = listOf(values, "key").map((file) => readSigner(file, passphrase));
  return [...(workspace?.signers(passphrase) ?? []), ...given];
}

/** The values of an option that may be given several; none: empty. */
export function listOf(values: Values, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? value.map(String) : typeof value === "string" ? [value] : [];
}

/** What the options of a rollout say; absent ones change nothing. */
export function rolloutOf(values: Values): Partial<Rollout> {
  const groups = listOf(values, "group");
  const notBefore = textOf(values, "notBefore");
  const minFrom = textOf(values, "minFrom");
  return {
    ...(typeof values.percent === "number" ? { permyriad: Math.round(values.percent * 100) } : {}),
    ...(groups.length === 0 ? {} : { groups: groups.includes("all") ? undefined : groups }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(minFrom === undefined ? {} : { minFrom }),
  };
}

export function roleOf(text: string): Role {
  if (isRole(text)) return text;
  throw new ExpectedError(EXIT.usage, `found role "${text}", expected one of ${ROLES.join(", ")}`);
}

export function percentOf(text: string): number {
  return numberBetween("--percent", text, 0, 100);
}

/** @throws ExpectedError (usage) that names the option */
export function numberBetween(option: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (text !== "" && value >= low && value <= high) return value;
  throw new ExpectedError(EXIT.usage, `${option}: found "${text}", expected a number from ${low} to ${high}`);
}

/** The repository of the command. @throws ExpectedError when there is none */
export function workspaceOf(values: Values): Workspace {
  return Workspace.open(textOf(values, "directory") ?? "");
}

/** What is to be done next with what is staged. */
export function lackingText(workspace: Workspace): string {
  const lacking = workspace.lacking();
  if (lacking.length === 0) return `next: nightjar repo publish ${workspace.directory}`;
  const list = lacking.map(({ role, by, have, need }) => `${role}${by === "" ? "" : ` ${by}`} has ${have} of ${need}`);
  return `signatures are missing: ${list.join(", ")}; next: nightjar repo sign ${workspace.directory} --key FILE`;
}
