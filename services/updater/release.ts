/**
 * What the repository says about a release: which files make it (the manifest, a target), and who may take it when (the
 * `custom` object of that target, so that a rollout widens without touching what was tested).
 */
import { z } from "zod";
import { isSafePath, releaseOf } from "./names.ts";

export const versionText = z.string().regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, 'expected a version such as "1.0.0"');
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "expected lower-case letters, digits, . _ - (at most 64)");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");
const time = z.iso.datetime({ error: "expected a UTC time such as 2026-07-20T08:00:00Z" });

/** Largest file of a release. Bytes. */
const MAX_FILE_BYTES = 4 * 1024 ** 3;
/** Files of a release. */
/** What the postprocess process would run as it is (services/postprocess/module_file.ts), and what such a file may import. */
const OPERATOR_FILE = /\.[cm]?[jt]sx?$/i;
const MAX_FILES = 256;
/** Ten thousandths of the fleet. */
export const WHOLE_FLEET = 10_000;

const file = z.strictObject({
  /** Inside of the bundle. */
  path: z.string().refine(isSafePath, "expected a plain relative path"),
  target: z.string().min(1).max(512),
  length: z.int().min(0).max(MAX_FILE_BYTES),
  sha256,
});

/** How the new bundle is watched; what is absent is the device's choice. */
const probation = z.strictObject({
  /** ms that it runs unseen beside the old one first */
  shadowMs: z.int().min(0).max(86_400_000).optional(),
  /** ms that it is watched */
  durationMs: z.int().min(0).max(604_800_000).optional(),
  /** least share of objects on which it agrees with the bundle before, in per cent */
  agreementPercent: z.int().min(0).max(100).optional(),
});

/** The content of a release's target. Unknown members are refused: what a device does not understand it does not run. */
export const manifestSchema = z
  .strictObject({
    format: z.literal(1),
    channel: name,
    version: versionText,
    /** Grows with each release of the channel. */
    counter: z.int().min(1),
    /** Element of the pipeline that it is for. */
    element: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "expected the name of an element, such as infer"),
    bundle: z.strictObject({ name, version: versionText, kind: z.enum(["detect", "analyze"]) }),
    files: z.array(file).min(1).max(MAX_FILES),
    probation: probation.default({}),
  })
  .refine(({ files }) => files.some(({ path }) => path === "bundle.yaml"), { error: "it has no bundle.yaml" })
  .refine(({ files }) => !files.some(({ path }) => OPERATOR_FILE.test(path)), {
    error:
      "it has TypeScript or JavaScript: operators are code without a sandbox, and are installed by the device's owner only",
  })
  .refine(({ files }) => new Set(files.map(({ path }) => path)).size === files.length, {
    error: "two files have the same path",
  });

export type ReleaseManifest = z.output<typeof manifestSchema>;
export type ReleaseFile = ReleaseManifest["files"][number];

export const rolloutSchema = z.strictObject({
  /** Of the hash that chooses devices: another id chooses others. */
  id: z.string().min(1).max(200),
  /** Ten thousandths of the fleet that may take it. */
  permyriad: z.int().min(0).max(WHOLE_FLEET),
  /** Cohorts that may take it; absent: all. */
  groups: z.array(z.string().min(1).max(64)).max(100).optional(),
  /** Not activated before; fetched before. */
  notBefore: time.optional(),
  /** Least version of the channel that a device has to have. */
  minFrom: versionText.optional(),
  /** Nobody takes it any more. */
  halt: z.boolean().default(false),
});
export type Rollout = z.output<typeof rolloutSchema>;

export const customSchema = z.strictObject({
  releaseCounter: z.int().min(1),
  /** Any of these; absent: any device. */
  hardware: z.array(z.string().min(1).max(64)).max(100).optional(),
  /** ABI of its module, "1.1": the device's has the same major and at least this minor. */
  abi: z
    .string()
    .regex(/^\d+\.\d+$/, 'expected an ABI such as "1.0"')
    .optional(),
  minSupervisor: versionText.optional(),
  rollout: rolloutSchema,
});
export type ReleaseCustom = z.output<typeof customSchema>;

/** A release as the metadata of the role `releases` lists it. */
export interface ListedRelease {
  readonly target: string;
  readonly channel: string;
  readonly version: string;
  /** Of the manifest. */
  readonly sha256: string;
  readonly length: number;
  readonly custom: ReleaseCustom;
}

/** Members of a targets role that are read here. */
const targetsSchema = z.object({
  signed: z.object({
    targets: z.record(
      z.string(),
      z.object({ length: z.int().min(0), hashes: z.record(z.string(), z.string()), custom: z.unknown().optional() }),
    ),
  }),
});

/**
 * The releases of verified metadata, newest first within a channel.
 * @param problem told about entries that this Nightjar does not understand; they are left out
 */
export function listReleases(metadata: unknown, problem: (message: string) => void): ListedRelease[] {
  const { targets } = targetsSchema.parse(metadata).signed;
  const found: ListedRelease[] = [];
  for (const [target, { length, hashes, custom }] of Object.entries(targets)) {
    const place = releaseOf(target);
    if (place === undefined) continue;
    const parsed = customSchema.safeParse(custom);
    const hash = hashes["sha256"];
    if (parsed.success && hash !== undefined)
      found.push({ target, ...place, sha256: hash, length, custom: parsed.data });
    else
      problem(`${target} is left out: ${parsed.error === undefined ? "it has no SHA-256" : issueText(parsed.error)}`);
  }
  return found.sort((a, b) => b.custom.releaseCounter - a.custom.releaseCounter);
}

/** Checks a manifest's bytes against what the metadata lists. @throws Error that says what is wrong with the release */
export function parseManifest(bytes: Uint8Array, listed: ListedRelease): ReleaseManifest {
  const parsed = manifestSchema.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  if (!parsed.success) throw new Error(`the manifest ${listed.target} is not understood: ${issueText(parsed.error)}`);
  const { channel, version, counter } = parsed.data;
  if (channel !== listed.channel || version !== listed.version || counter !== listed.custom.releaseCounter) {
    const claimed = `${channel} ${version} (counter ${counter})`;
    const found = `${listed.channel} ${listed.version} (counter ${listed.custom.releaseCounter})`;
    throw new Error(`the manifest ${listed.target} says it is ${claimed}, the metadata says ${found}`);
  }
  return parsed.data;
}

export function issueText(error: z.ZodError): string {
  const [issue] = error.issues;
  const path = issue?.path.join(".") ?? "";
  return `${path === "" ? "" : `${path}: `}${issue?.message ?? "unknown"}`;
}

/** < 0, 0, > 0. A pre-release ("1.0.0-rc.1") stands before its release. */
export function compareVersions(a: string, b: string): number {
  const [coreA = "", preA] = split(a);
  const [coreB = "", preB] = split(b);
  const numbers = (text: string) => text.split(".").map(Number);
  const [left, right] = [numbers(coreA), numbers(coreB)];
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (preA === undefined || preB === undefined) return Number(preA === undefined) - Number(preB === undefined);
  return preA.localeCompare(preB, "en", { numeric: true });
}

function split(version: string): string[] {
  const dash = version.indexOf("-");
  return dash < 0 ? [version] : [version.slice(0, dash), version.slice(dash + 1)];
}
