/** What can be changed in a repository: releases added, rolled out, halted; keys rotated; roles made valid for longer. */
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import { replaceFile } from "../durable.ts";
import {
  DELEGATED_ROLES,
  type DelegatedRole,
  fileTarget,
  isDelegated,
  isSafePath,
  type Role,
  releaseOf,
  releaseTarget,
  TOP_ROLES,
  type TopRole,
  targetLocation,
} from "../names.ts";
import {
  compareVersions,
  customSchema,
  issueText,
  manifestSchema,
  type ReleaseCustom,
  type ReleaseManifest,
  type Rollout,
  versionText,
} from "../release.ts";
import {
  common,
  expiryIn,
  type FileInfo,
  fileInfo,
  type RoleKeys,
  rootPart,
  type TargetInfo,
  type TargetsPart,
  topTargetsPart,
  unsigned,
} from "./documents.ts";
import { keyIdOf, type PublicKey, type Signer } from "./keys.ts";
import { makeRoom, type RepositorySettings, Workspace } from "./workspace.ts";

/** Makes a repository whose roles are staged, unsigned. */
export function initialise(
  directory: string,
  roles: Readonly<Record<TopRole | DelegatedRole, RoleKeys>>,
  settings: RepositorySettings,
): Workspace {
  for (const [role, { keys, threshold }] of Object.entries(roles)) {
    if (new Set(keys.map(keyIdOf)).size >= threshold && threshold >= 1) continue;
    throw new ExpectedError(
      EXIT.usage,
      `${role}: a threshold of ${threshold} needs as many different keys; there are ${keys.length}`,
    );
  }
  const workspace = Workspace.create(directory, settings);
  const { days } = settings;
  workspace.write("root", unsigned(rootPart(1, expiryIn(days.root), roles)));
  workspace.write("targets", unsigned(topTargetsPart(1, expiryIn(days.targets), roles)));
  for (const role of DELEGATED_ROLES) {
    workspace.write(role, unsigned({ ...common(role, 1, expiryIn(days[role])), targets: {} } as TargetsPart));
  }
  return workspace;
}

export interface NewRelease {
  readonly channel: string;
  readonly element?: string | undefined;
  readonly rollout: Partial<Rollout>;
  readonly hardware?: readonly string[] | undefined;
  readonly abi?: string | undefined;
  readonly minSupervisor?: string | undefined;
  readonly probation?: ReleaseManifest["probation"] | undefined;
}

const bundleYaml = z.looseObject({
  name: z.string(),
  version: versionText,
  kind: z.enum(["detect", "analyze"]),
  model: z.looseObject({ file: z.string() }).optional(),
});

/** Stages a bundle as a release. Its files are copied, so that the bundle may change afterwards. @throws ExpectedError */
export function addRelease(
  workspace: Workspace,
  bundle: string,
  { channel, element, rollout, hardware, abi, minSupervisor, probation }: NewRelease,
): ReleaseManifest {
  const { contents, paths } = readBundle(bundle);
  const { name, version, kind, model } = contents;
  const target = releaseTarget(channel, version);
  const listed = workspace.latest("releases").signed.targets;
  if (listed[target] !== undefined) {
    throw new ExpectedError(
      EXIT.configuration,
      `${channel} ${version} is there already: a release is never changed; raise the version in ${bundle}/bundle.yaml`,
    );
  }
  const counter = nextCounter(listed, channel);
  const files = paths.map((path) => {
    const role = path === model?.file ? ("models" as const) : ("modules" as const);
    return {
      path,
      role,
      target: fileTarget(role, name, version, path),
      info: fileInfo(readFileSync(join(bundle, path))),
    };
  });
  const manifest = checked(manifestSchema, bundle, {
    format: 1,
    channel,
    version,
    counter,
    element: element ?? (kind === "detect" ? "infer" : "tracker"),
    bundle: { name, version, kind },
    files: files.map(({ path, target: place, info }) => ({
      path,
      target: place,
      length: info.length,
      sha256: info.hashes["sha256"],
    })),
    ...(probation === undefined ? {} : { probation }),
  });
  const custom = checked(customSchema, bundle, {
    releaseCounter: counter,
    ...(hardware === undefined ? {} : { hardware }),
    ...(abi === undefined ? {} : { abi }),
    ...(minSupervisor === undefined ? {} : { minSupervisor }),
    rollout: { id: `${channel}-${version}`, permyriad: 0, ...rollout },
  });
  for (const role of ["modules", "models"] as const) {
    const own = files.filter((file) => file.role === role);
    if (own.length > 0)
      stageTargets(workspace, role, Object.fromEntries(own.map(({ target: place, info }) => [place, info])));
  }
  for (const { path, target: place, info } of files) copyTarget(workspace, join(bundle, path), place, info);
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
  replaceFile(join(workspace.stagedTargets, targetLocation(target, fileInfo(bytes).hashes["sha256"]!)), bytes);
  stageTargets(workspace, "releases", { [target]: { ...fileInfo(bytes), custom } });
  return manifest;
}

/** Changes who may take a release. What was tested stays as it is: only `releases` is signed anew. @throws ExpectedError when there is none */
export function changeRollout(
  workspace: Workspace,
  channel: string,
  version: string,
  changes: Partial<Rollout>,
): ReleaseCustom {
  const target = releaseTarget(channel, version);
  const found = workspace.latest("releases").signed.targets[target];
  if (found?.custom === undefined) {
    const known = Object.keys(workspace.latest("releases").signed.targets)
      .map(releaseOf)
      .filter((each) => each?.channel === channel);
    const list = known.map((each) => each?.version).join(", ") || "none";
    throw new ExpectedError(
      EXIT.configuration,
      `there is no release ${channel} ${version}; of this channel there is ${list}`,
    );
  }
  const custom = checked(customSchema, target, { ...found.custom, rollout: { ...found.custom.rollout, ...changes } });
  stageTargets(workspace, "releases", { [target]: { ...found, custom } });
  return custom;
}

export interface Rotation {
  readonly add: readonly PublicKey[];
  /** Key ids, or how they begin. */
  readonly remove: readonly string[];
  readonly threshold: number | undefined;
}

/** Stages the role's delegator with other keys, and the role itself, which has to be signed by them. @throws ExpectedError */
export function rotate(workspace: Workspace, role: Role, rotation: Rotation): void {
  if (isDelegated(role)) rotateDelegated(workspace, role, rotation);
  else rotateTop(workspace, role, rotation);
  // What the old keys signed counts no more. The snapshot and the timestamp are made anew by each publication.
  if (role !== "root" && role !== "snapshot" && role !== "timestamp") workspace.stage(role, (part) => part);
}

/** Stages roles again, valid from today. */
export function extend(workspace: Workspace, roles: readonly Role[], days: number | undefined): void {
  for (const role of roles) {
    if (role === "snapshot" || role === "timestamp") continue;
    workspace.stage(role, (part) => part, days ?? workspace.settings.days[role]);
  }
}

function rotateTop(workspace: Workspace, role: TopRole, rotation: Rotation): void {
  workspace.stage("root", (part) => {
    const roles = Object.fromEntries(
      TOP_ROLES.map((name) => {
        const now: RoleKeys = {
          keys: part.roles[name].keyids.map((id) => part.keys[id]!),
          threshold: part.roles[name].threshold,
        };
        return [name, name === role ? rotated(role, now, rotation) : now];
      }),
    ) as Record<TopRole, RoleKeys>;
    return rootPart(part.version, part.expires, roles);
  });
}

function rotateDelegated(workspace: Workspace, role: DelegatedRole, rotation: Rotation): void {
  workspace.stage("targets", (part) => {
    const known = part.delegations?.keys ?? {};
    const roles = Object.fromEntries(
      (part.delegations?.roles ?? []).map(({ name, keyids, threshold }) => {
        const now: RoleKeys = { keys: keyids.map((id) => known[id]!), threshold };
        return [name, name === role ? rotated(role, now, rotation) : now];
      }),
    ) as Record<DelegatedRole, RoleKeys>;
    return topTargetsPart(part.version, part.expires, roles);
  });
}

function rotated(role: Role, { keys, threshold }: RoleKeys, { add, remove, threshold: wanted }: Rotation): RoleKeys {
  for (const prefix of remove) {
    if (prefix.length >= 8 && keys.some((key) => keyIdOf(key).startsWith(prefix))) continue;
    const list = keys.map((key) => keyIdOf(key).slice(0, 12)).join(", ");
    throw new ExpectedError(
      EXIT.usage,
      `--remove ${prefix}: ${role} has no such key; it has ${list} (at least 8 digits name one)`,
    );
  }
  const kept = keys.filter((key) => !remove.some((prefix) => keyIdOf(key).startsWith(prefix)));
  const fresh = add.filter((key) => !kept.some((other) => keyIdOf(other) === keyIdOf(key)));
  const all = [...kept, ...fresh];
  const needed = wanted ?? threshold;
  if (all.length >= needed && needed >= 1) return { keys: all, threshold: needed };
  throw new ExpectedError(
    EXIT.usage,
    `${role} would have ${all.length} keys and a threshold of ${needed}; add keys with --add, or lower it with --threshold`,
  );
}

function stageTargets(workspace: Workspace, role: DelegatedRole, targets: Readonly<Record<string, TargetInfo>>): void {
  workspace.stage(role, (part) => ({ ...part, targets: { ...part.targets, ...targets } }));
}

function nextCounter(listed: TargetsPart["targets"], channel: string): number {
  const counters = Object.entries(listed).flatMap(([target, { custom }]) =>
    releaseOf(target)?.channel === channel ? [custom?.releaseCounter ?? 0] : [],
  );
  return Math.max(0, ...counters) + 1;
}

function copyTarget(workspace: Workspace, from: string, target: string, { hashes }: FileInfo): void {
  const place = targetLocation(target, hashes["sha256"]!);
  if (existsSync(join(workspace.publicDirectory, "targets", place))) return;
  const to = join(workspace.stagedTargets, place);
  makeRoom(to);
  copyFileSync(from, to);
}

/** The manifest of a bundle and every file that it names. @throws ExpectedError */
function readBundle(bundle: string): {
  readonly contents: z.output<typeof bundleYaml>;
  readonly paths: readonly string[];
} {
  const file = join(bundle, "bundle.yaml");
  let raw: unknown;
  try {
    raw = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `${file} cannot be read: ${messageOf(error).split("\n")[0]}`, {
      cause: error,
    });
  }
  const contents = checked(bundleYaml, file, raw);
  const paths = ["bundle.yaml", ...new Set(namedFiles(raw))];
  const odd = paths.find((path) => !isSafePath(path) || !existsSync(join(bundle, path)));
  if (odd === undefined) return { contents, paths };
  const why = isSafePath(odd)
    ? "is not there"
    : "has a name that cannot be published (plain names, no .., at most four levels)";
  throw new ExpectedError(EXIT.configuration, `${file} names ${odd}, which ${why}`);
}

/** Every `file:` of a manifest. */
function namedFiles(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namedFiles);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "file" && typeof inner === "string" ? [inner] : namedFiles(inner),
  );
}

function checked<Schema extends z.ZodType>(schema: Schema, what: string, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ExpectedError(EXIT.configuration, `${what}: ${issueText(parsed.error)}`);
}

/** Newest version first. */
export function releasesOf(workspace: Workspace): { channel: string; version: string; custom: ReleaseCustom }[] {
  const entries = Object.entries(workspace.latest("releases").signed.targets);
  const found = entries.flatMap(([target, { custom }]) => {
    const place = releaseOf(target);
    return place === undefined || custom === undefined ? [] : [{ ...place, custom }];
  });
  return found.sort((a, b) => a.channel.localeCompare(b.channel) || compareVersions(b.version, a.version));
}

/** Signs with every key at hand. */
export async function signAll(workspace: Workspace, signers: readonly Signer[]) {
  return workspace.sign(signers);
}
