import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { Rollout } from "../../updater/release.ts";
import { addRelease, changeRollout, releasesOf } from "../../updater/repository/changes.ts";
import type { Workspace } from "../../updater/repository/workspace.ts";
import { type CommandSpec, isOn, type Result, textOf, type Values } from "../command.ts";
import { durationOf } from "../options.ts";
import { table } from "../table.ts";
import { verify as verifyBundle } from "./bundle.ts";
import {
  DIRECTORY,
  KEY_OPTIONS,
  lackingText,
  listOf,
  numberBetween,
  ROLLOUT_OPTIONS,
  rolloutOf,
  signersOf,
  workspaceOf,
} from "./repo-options.ts";

const RELEASE = [
  DIRECTORY,
  { name: "<channel>", description: "channel of the release" },
  { name: "<version>", description: "its version" },
];

export const repoAdd: CommandSpec = {
  name: "repo add",
  summary: "stage a bundle as a release; nightjar repo publish brings it out",
  arguments: [DIRECTORY, { name: "<bundle>", description: "directory of the bundle" }],
  options: [
    { flags: "--channel <name>", description: "channel; default: the bundle's name" },
    {
      flags: "--element <name>",
      description: "element of the pipeline; default: infer for detect bundles, tracker for others",
    },
    ...ROLLOUT_OPTIONS,
    { flags: "--hardware <names...>", description: "only devices with one of these" },
    { flags: "--abi <version>", description: "module ABI that it needs, such as 1.1" },
    { flags: "--min-supervisor <version>", description: "least version of Nightjar" },
    {
      flags: "--probation <duration>",
      description: "how long it is watched; default: the device's choice",
      parse: (text) => durationOf("--probation", text),
    },
    {
      flags: "--shadow <duration>",
      description: "how long it runs unseen first",
      parse: (text) => durationOf("--shadow", text),
    },
    {
      flags: "--agreement <percent>",
      description: "least agreement with the bundle before",
      parse: (text) => numberBetween("--agreement", text, 0, 100),
    },
    { flags: "--no-verify", description: "do not check the bundle as an activation would" },
    ...KEY_OPTIONS,
  ],
  json: true,
  run: async (values) => {
    const workspace = workspaceOf(values);
    const bundle = resolve(textOf(values, "bundle") ?? "");
    if (values.verify !== false) await expectSound(bundle);
    const manifest = addRelease(workspace, bundle, {
      channel: textOf(values, "channel") ?? nameOf(bundle),
      element: textOf(values, "element"),
      rollout: rolloutOf(values),
      hardware: listed(values, "hardware"),
      abi: textOf(values, "abi"),
      minSupervisor: textOf(values, "minSupervisor"),
      probation: probationOf(values),
    });
    await workspace.sign(signersOf(values, workspace));
    const text = `${manifest.channel} ${manifest.version} is staged (${manifest.files.length} files, counter ${manifest.counter}); ${lackingText(workspace)}`;
    return { exitCode: EXIT.ok, text, json: manifest };
  },
};

export const repoRollout: CommandSpec = {
  name: "repo rollout",
  summary: "change who may take a release; without options: what there is",
  arguments: [
    DIRECTORY,
    { name: "[channel]", description: "channel of the release" },
    { name: "[version]", description: "its version" },
  ],
  options: [...ROLLOUT_OPTIONS, { flags: "--resume", description: "let a halted one go on" }, ...KEY_OPTIONS],
  json: true,
  run: async (values) => {
    const workspace = workspaceOf(values);
    const [channel, version] = [textOf(values, "channel"), textOf(values, "version")];
    if (channel === undefined || version === undefined) return releasesResult(workspace);
    return change(workspace, values, channel, version, {
      ...rolloutOf(values),
      ...(isOn(values, "resume") ? { halt: false } : {}),
    });
  },
};

export const repoHalt: CommandSpec = {
  name: "repo halt",
  summary: "let nobody take a release any more; devices that have it keep it",
  arguments: RELEASE,
  options: KEY_OPTIONS,
  json: true,
  run: (values) =>
    change(workspaceOf(values), values, textOf(values, "channel") ?? "", textOf(values, "version") ?? "", {
      halt: true,
    }),
};

async function expectSound(bundle: string): Promise<void> {
  const result = await verifyBundle(bundle);
  if (result.ok) return;
  throw new ExpectedError(
    EXIT.configuration,
    `${bundle} would be refused by every device: ${result.key}: ${result.message} (--no-verify stages it all the same)`,
  );
}

function nameOf(bundle: string): string {
  try {
    return String((parse(readFileSync(join(bundle, "bundle.yaml"), "utf8")) as { name?: unknown }).name);
  } catch (error) {
    throw new ExpectedError(
      EXIT.configuration,
      `${bundle}/bundle.yaml cannot be read: ${messageOf(error).split("\n")[0]}`,
      { cause: error },
    );
  }
}

function listed(values: Values, name: string): string[] | undefined {
  const list = listOf(values, name);
  return list.length === 0 ? undefined : list;
}

function probationOf({ probation, shadow, agreement }: Values) {
  return {
    ...(typeof probation === "number" ? { durationMs: probation } : {}),
    ...(typeof shadow === "number" ? { shadowMs: shadow } : {}),
    ...(typeof agreement === "number" ? { agreementPercent: Math.round(agreement) } : {}),
  };
}

async function change(
  workspace: Workspace,
  values: Values,
  channel: string,
  version: string,
  changes: Parameters<typeof changeRollout>[3],
): Promise<Result> {
  const { rollout } = changeRollout(workspace, channel, version, changes);
  await workspace.sign(signersOf(values, workspace));
  return {
    exitCode: EXIT.ok,
    text: `${channel} ${version}: ${rolloutText(rollout)}; ${lackingText(workspace)}`,
    json: rollout,
  };
}

function releasesResult(workspace: Workspace): Result {
  const releases = releasesOf(workspace);
  const rows = releases.map(({ channel, version, custom }) => [
    channel,
    version,
    String(custom.releaseCounter),
    rolloutText(custom.rollout),
  ]);
  const text = rows.length === 0 ? "no release yet" : table(["CHANNEL", "VERSION", "COUNTER", "ROLLOUT"], rows);
  return { exitCode: EXIT.ok, text, json: releases };
}

function rolloutText({ permyriad, groups, notBefore, minFrom, halt }: Rollout): string {
  const parts = [
    halt ? "halted" : `${permyriad / 100} %`,
    groups === undefined ? "" : `of ${groups.join(", ")}`,
    notBefore === undefined ? "" : `not before ${notBefore}`,
    minFrom === undefined ? "" : `from ${minFrom} on`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}
