import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import { ROLES, type Role } from "../../updater/names.ts";
import { initialise } from "../../updater/repository/changes.ts";
import { destinationOf } from "../../updater/repository/destinations.ts";
import { type Document, type RoleKeys, signedBy } from "../../updater/repository/documents.ts";
import { readPublicKey, writeKey } from "../../updater/repository/keys.ts";
import { publish, upload } from "../../updater/repository/publish.ts";
import { type VerifyReport, verify as verifyRepository } from "../../updater/repository/verify.ts";
import { DEFAULT_DAYS, Workspace } from "../../updater/repository/workspace.ts";
import { UnreachableError } from "../../updater/transport.ts";
import { type CommandSpec, isOn, type OptionSpec, type Result, textOf, type Values } from "../command.ts";
import { table } from "../table.ts";
import {
  DIRECTORY,
  KEY_OPTIONS,
  lackingText,
  listOf,
  numberBetween,
  passphraseOf,
  signersOf,
  workspaceOf,
} from "./repo-options.ts";
import { repoAdd, repoHalt, repoRollout } from "./repo-releases.ts";
import { repoExpire, repoRotate } from "./repo-roles.ts";

/** Keys and threshold of a role when nobody says otherwise. */
const DEFAULT_KEYS: Readonly<Record<Role, readonly [keys: number, threshold: number]>> = {
  root: [3, 2],
  targets: [2, 2],
  releases: [1, 1],
  modules: [1, 1],
  models: [1, 1],
  snapshot: [1, 1],
  timestamp: [1, 1],
};

export const repoKey: CommandSpec = {
  name: "repo key",
  summary: "make a key pair: FILE (private) and FILE.pub",
  arguments: [{ name: "<file>", description: "where to write it; nothing is written over" }],
  options: KEY_OPTIONS.slice(1),
  json: true,
  run: (values) => {
    const file = textOf(values, "file") ?? "";
    const id = writeKey(file, passphraseOf(values)());
    return { exitCode: EXIT.ok, text: `${id}  ${file}`, json: { id, file } };
  },
};

const KEYS_OF_ROLES: OptionSpec[] = ROLES.flatMap((role) => [
  { flags: `--${role} <files...>`, description: `public keys of ${role}; default: made in <directory>/keys` },
  {
    flags: `--${role}-threshold <number>`,
    description: `signatures that ${role} needs; default: ${DEFAULT_KEYS[role][1]}, or as many as keys are given`,
    parse: (text: string) => numberBetween(`--${role}-threshold`, text, 1, 100),
  },
]);

export const repoInit: CommandSpec = {
  name: "repo init",
  summary: "make a repository; keys that are not given are made in <directory>/keys",
  arguments: [{ name: "<directory>", description: "where to make it" }],
  options: [...KEYS_OF_ROLES, ...KEY_OPTIONS],
  json: true,
  run: async (values) => {
    const directory = textOf(values, "directory") ?? "";
    const passphrase = passphraseOf(values)();
    const pairs = ROLES.map((role): [Role, RoleKeys] => [role, keysOf(role, values, directory, passphrase)]);
    const workspace = initialise(directory, Object.fromEntries(pairs) as Record<Role, RoleKeys>, {
      format: 1,
      days: DEFAULT_DAYS,
    });
    await workspace.sign(signersOf(values, workspace));
    const root = join(workspace.publicDirectory, "metadata", "1.root.json");
    if (workspace.lacking().length > 0)
      return {
        exitCode: EXIT.ok,
        text: `${directory} is made; ${lackingText(workspace)}`,
        json: { lacking: workspace.lacking() },
      };
    await publish(workspace, signersOf(values, workspace));
    const text = `${directory} is made. Give devices ${root} as their updates.root; move the keys of root and targets from ${workspace.keysDirectory} to where no network is`;
    return { exitCode: EXIT.ok, text, json: { root } };
  },
};

export const repoSign: CommandSpec = {
  name: "repo sign",
  summary: "add signatures to what is staged: all of a repository, or one file that was carried to where the key is",
  arguments: [{ name: "<place>", description: "the repository, or a file of its staged/metadata" }],
  options: KEY_OPTIONS,
  json: true,
  run: async (values) => {
    const place = textOf(values, "place") ?? "";
    if (statSync(place, { throwIfNoEntry: false })?.isFile() === true) return signFile(place, values);
    const workspace = Workspace.open(place);
    const used = await workspace.sign(signersOf(values, workspace));
    const lines = [...used].map(([role, ids]) => `${role}: signed by ${ids.map((id) => id.slice(0, 12)).join(", ")}`);
    return {
      exitCode: EXIT.ok,
      text: [...lines, lackingText(workspace)].join("\n"),
      json: { signed: Object.fromEntries(used), lacking: workspace.lacking() },
    };
  },
};

export const repoPublish: CommandSpec = {
  name: "repo publish",
  summary:
    "bring out what is staged and signed, with a new snapshot and timestamp; run it daily, for the timestamp ages",
  arguments: [DIRECTORY],
  options: [
    { flags: "--to <places...>", description: "also there: a directory, https://HOST/PATH (PUT), s3://BUCKET/PREFIX" },
    ...KEY_OPTIONS,
  ],
  json: true,
  run: async (values, { stderr }) => {
    const workspace = workspaceOf(values);
    const { versions } = await publish(workspace, signersOf(values, workspace));
    const lines = [
      `published: ${Object.entries(versions)
        .map(([role, version]) => `${role} ${version}`)
        .join(", ")}`,
    ];
    for (const place of listOf(values, "to")) {
      const destination = destinationOf(place);
      const sent = await upload(
        workspace,
        destination,
        (path) => void (isOn(values, "json") || stderr.write(`${path}\n`)),
      );
      lines.push(`${destination.name}: ${sent} files`);
    }
    return { exitCode: EXIT.ok, text: lines.join("\n"), json: { versions } };
  },
};

export const repoVerify: CommandSpec = {
  name: "repo verify",
  summary: "look at a published repository with a device's eyes, from the first root on",
  arguments: [{ name: "<place>", description: "address, or directory (of nightjar repo init, or its public/)" }],
  options: [
    { flags: "--root <file>", description: "the first root of the devices; default: 1.root.json of the directory" },
  ],
  json: true,
  run: async (values) => {
    const { url, root } = placeOf(textOf(values, "place") ?? "", textOf(values, "root"));
    try {
      const report = await verifyRepository(url, readFileSync(root));
      return {
        exitCode: report.leftOut.length === 0 ? EXIT.ok : EXIT.configuration,
        text: verifyText(report),
        json: report,
      };
    } catch (error) {
      const exitCode = error instanceof UnreachableError ? EXIT.unreachable : EXIT.configuration;
      throw new ExpectedError(exitCode, `a device would refuse it: ${messageOf(error)}`, { cause: error });
    }
  },
};

export const REPO_COMMANDS: readonly CommandSpec[] = [
  repoInit,
  repoKey,
  repoAdd,
  repoSign,
  repoPublish,
  repoRollout,
  repoHalt,
  repoRotate,
  repoExpire,
  repoVerify,
];

/** Keys of a role: those that are given, or new ones in the repository's directory. */
function keysOf(role: Role, values: Values, directory: string, passphrase: string | undefined): RoleKeys {
  const files = listOf(values, role);
  const wanted = values[`${role}Threshold`];
  const [count, threshold] = DEFAULT_KEYS[role];
  if (files.length > 0)
    return {
      keys: files.map(readPublicKey),
      threshold: typeof wanted === "number" ? wanted : Math.min(files.length, threshold),
    };
  const needed = typeof wanted === "number" ? wanted : threshold;
  const paths = Array.from({ length: Math.max(count, needed) }, (_, i) =>
    join(directory, "keys", count === 1 && needed === 1 ? role : `${role}-${i + 1}`),
  );
  mkdirSync(join(directory, "keys"), { recursive: true, mode: 0o700 });
  for (const path of paths) writeKey(path, passphrase);
  return { keys: paths.map(readPublicKey), threshold: needed };
}

/** A document far from its repository: whether the key has a say in it is seen when it comes back. */
async function signFile(file: string, values: Values): Promise<Result> {
  const signers = signersOf(values, undefined);
  if (signers.length === 0) throw new ExpectedError(EXIT.usage, `${file}: with which key? give it with --key FILE`);
  let document = JSON.parse(readFileSync(file, "utf8")) as Document;
  for (const signer of signers) document = await signedBy(document, signer);
  writeFileSync(file, `${JSON.stringify(document, null, 1)}\n`);
  const text = `${file}: ${document.signatures.length} signatures; put it back into staged/metadata`;
  return { exitCode: EXIT.ok, text, json: { signatures: document.signatures.map(({ keyid }) => keyid) } };
}

function placeOf(place: string, root: string | undefined): { url: string; root: string } {
  if (/^(https?|file):/.test(place)) {
    if (root !== undefined) return { url: place, root };
    throw new ExpectedError(EXIT.usage, "--root: which root did the devices come with? give its file");
  }
  const inner = join(place, "public");
  const directory = resolve(statSync(inner, { throwIfNoEntry: false }) === undefined ? place : inner);
  return { url: pathToFileURL(directory).href, root: root ?? join(directory, "metadata", "1.root.json") };
}

function verifyText({ versions, expires, releases, leftOut, requests }: VerifyReport): string {
  const roles = Object.entries(versions).map(([role, version]) => [
    role,
    String(version),
    new Date(expires[role]!).toISOString(),
  ]);
  const rows = releases.map(({ channel, version, files, bytes }) => [channel, version, String(files), String(bytes)]);
  return [
    `a device takes it (${requests} requests)`,
    table(["ROLE", "VERSION", "VALID UNTIL"], roles),
    "",
    rows.length === 0 ? "no release yet" : table(["CHANNEL", "VERSION", "FILES", "BYTES"], rows),
    ...leftOut,
  ].join("\n");
}
