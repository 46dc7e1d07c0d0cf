import { readFileSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { parse } from "yaml";
import { parseConfig } from "../../config/load.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import { Client } from "../client.ts";
import { type CommandSpec, type Result, textOf, type Values } from "../command.ts";
import { REACH_OPTIONS, socketOf } from "../options.ts";
import { type Entry, tarGz } from "../support/archive.ts";
import { contentOf, parts } from "../support/collect.ts";
import { masker } from "../support/mask.ts";
import { knownSecrets } from "../support/secrets.ts";
import { configOf, examine, reportOf } from "./doctor.ts";

export const supportBundle: CommandSpec = {
  name: "support-bundle",
  summary: "pack what somebody needs who helps: status, doctor, logs, versions; secrets are taken out",
  options: [
    ...REACH_OPTIONS,
    { flags: "-o, --out <file>", description: "archive to write (default: nightjar-support-DEVICE-TIME.tar.gz, here)" },
  ],
  json: true,
  run: pack,
};

const INTRODUCTION = `Support bundle of Nightjar. Every file is text.

doctor.json          what is missing on this machine, and what would mend it
configuration/       as it is written, and with defaults; secrets are replaced by ***
running/             what the running Nightjar says of itself; "not available" when none runs
journal.txt          the log of its units
state-files.txt      names and sizes of what it keeps; no contents
machine/             kernel, system, memory, disks, GPU, clock

Passwords, keys, tokens and user names in addresses are taken out: the values that this device knows, and what looks like one.
Names of cameras, addresses of hosts and paths are in it: look through it before you give it away.
`;

async function pack(values: Values): Promise<Result> {
  const now = new Date();
  const { config, problem } = settingsOf(values);
  const file = textOf(values, "config");
  const base = file === undefined ? "." : dirname(file);
  const written = file === undefined ? undefined : writtenIn(file);
  const secrets = [config, written].flatMap((each) => [...knownSecrets(each, base, process.env)]);
  const mask = masker(secrets);
  const client = new Client(socketOf({ ...values, config: problem === undefined ? values.config : undefined }));
  const collected = parts({
    file,
    config,
    client,
    doctor: async () => reportOf(await examine(problem === undefined ? values : {})),
  });
  const entries: Entry[] = [{ name: "README.txt", content: Buffer.from(INTRODUCTION) }];
  if (problem !== undefined) entries.push({ name: "configuration/problem.txt", content: Buffer.from(mask(problem)) });
  for (const part of collected) entries.push({ name: part.name, content: Buffer.from(await contentOf(part, mask)) });
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const out = resolve(textOf(values, "out") ?? `nightjar-support-${config.device.id}-${stamp}.tar.gz`);
  const archive = tarGz(entries, now.getTime());
  write(out, archive);
  const shown = relative(".", out);
  const text = `${shown}: ${entries.length} files, ${Math.ceil(archive.length / 1024)} kB; secrets are taken out, names and addresses are not: look through it before you give it away`;
  return {
    exitCode: EXIT.ok,
    text,
    json: { file: out, bytes: archive.length, files: entries.map(({ name }) => name) },
  };
}

/** A configuration that is wrong is a reason to ask for help: the defaults stand in for it. */
function settingsOf(values: Values): { readonly config: ReturnType<typeof configOf>; readonly problem?: string } {
  try {
    return { config: configOf(values) };
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    return { config: parseConfig("version: 1", "nightjar.yaml"), problem: `${messageOf(error)}\n` };
  }
}

/** What stands in a configuration, however wrong: its secrets count too. */
function writtenIn(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch {
    // No file, or no YAML: the problem says so.
    return undefined;
  }
}

function write(path: string, archive: Buffer): void {
  try {
    writeFileSync(path, archive, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const why = codeOf(error) === "EEXIST" ? "it is there already: name another place with --out" : codeOf(error);
    throw new ExpectedError(EXIT.environment, `${path} cannot be written: ${why}`, { cause: error });
  }
}
