/** Signed documents of a repository: their shapes, their bytes, their signatures. */
import { createHash } from "node:crypto";
import { canonicalize } from "@tufjs/canonical-json";
import { Metadata, MetadataKind } from "@tufjs/models";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import {
  DELEGATED_ROLES,
  type DelegatedRole,
  isDelegated,
  PATHS,
  type Role,
  TOP_ROLES,
  type TopRole,
} from "../names.ts";
import type { ReleaseCustom } from "../release.ts";
import { keyIdOf, type PublicKey, type Signer } from "./keys.ts";

const SPEC_VERSION = "1.0.31";

export interface RoleKeys {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

interface Common {
  readonly _type: "root" | "timestamp" | "snapshot" | "targets";
  readonly spec_version: string;
  readonly version: number;
  readonly expires: string;
}
export interface KeyRule {
  readonly keyids: readonly string[];
  readonly threshold: number;
}
export interface RootPart extends Common {
  readonly keys: Readonly<Record<string, PublicKey>>;
  readonly roles: Readonly<Record<TopRole, KeyRule>>;
  readonly consistent_snapshot: true;
}
export interface FileInfo {
  readonly length: number;
  readonly hashes: Readonly<Record<string, string>>;
}
export interface TargetInfo extends FileInfo {
  readonly custom?: ReleaseCustom;
}
export interface Delegation extends KeyRule {
  readonly name: DelegatedRole;
  readonly terminating: boolean;
  readonly paths: readonly string[];
}
export interface TargetsPart extends Common {
  readonly targets: Readonly<Record<string, TargetInfo>>;
  readonly delegations?: { readonly keys: Readonly<Record<string, PublicKey>>; readonly roles: readonly Delegation[] };
}
export interface SnapshotPart extends Common {
  readonly meta: Readonly<Record<string, FileInfo & { readonly version: number }>>;
}
export type TimestampPart = SnapshotPart;

export interface Document<Part extends Common = Common> {
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
  readonly signed: Part;
}

export function common(role: Role, version: number, expires: string): Common {
  return { _type: isDelegated(role) ? "targets" : role, spec_version: SPEC_VERSION, version, expires };
}

/** RFC 3339 without fractions, as the specification wants it. */
export function expiryIn(days: number, now = Date.now()): string {
  return new Date(now + days * 86_400_000).toISOString().replace(/\.\d{3}Z$/, "Z");
}

export function rootPart(version: number, expires: string, roles: Readonly<Record<TopRole, RoleKeys>>): RootPart {
  const keys = Object.fromEntries(TOP_ROLES.flatMap((role) => roles[role].keys.map((key) => [keyIdOf(key), key])));
  const rules = Object.fromEntries(TOP_ROLES.map((role) => [role, ruleOf(roles[role])])) as Record<TopRole, KeyRule>;
  return { ...common("root", version, expires), keys, roles: rules, consistent_snapshot: true };
}

/** `targets` lists nothing itself: it says whose word counts for which paths. */
export function topTargetsPart(
  version: number,
  expires: string,
  roles: Readonly<Record<DelegatedRole, RoleKeys>>,
): TargetsPart {
  const keys = Object.fromEntries(
    DELEGATED_ROLES.flatMap((role) => roles[role].keys.map((key) => [keyIdOf(key), key])),
  );
  const delegations = DELEGATED_ROLES.map(
    (name): Delegation => ({ name, terminating: true, paths: PATHS[name], ...ruleOf(roles[name]) }),
  );
  return { ...common("targets", version, expires), targets: {}, delegations: { keys, roles: delegations } };
}

function ruleOf({ keys, threshold }: RoleKeys): KeyRule {
  return { keyids: keys.map(keyIdOf), threshold };
}

export function unsigned<Part extends Common>(signed: Part): Document<Part> {
  return { signatures: [], signed };
}

/** Adds a signature, or replaces the one of the same key. */
export async function signedBy<Part extends Common>(document: Document<Part>, signer: Signer): Promise<Document<Part>> {
  const sig = (await signer.sign(Buffer.from(canonicalize(document.signed)))).toString("hex");
  const others = document.signatures.filter(({ keyid }) => keyid !== signer.id);
  return { ...document, signatures: [...others, { keyid: signer.id, sig }] };
}

/** As it is published: without white space, for every device fetches it. */
export function bytesOf(document: Document): Buffer {
  return Buffer.from(JSON.stringify(document));
}

export function fileInfo(bytes: Uint8Array): FileInfo {
  return { length: bytes.length, hashes: { sha256: createHash("sha256").update(bytes).digest("hex") } };
}

/** The rule that a role's signatures have to satisfy. `delegator`: the root, or `targets` for delegated roles. */
export function ruleFor(role: Role, delegator: Document): KeyRule {
  const rules = isDelegated(role)
    ? (delegator as Document<TargetsPart>).signed.delegations?.roles.find(({ name }) => name === role)
    : (delegator as Document<RootPart>).signed.roles[role];
  if (rules === undefined) throw new ExpectedError(EXIT.configuration, `nothing is delegated to the role ${role}`);
  return rules;
}

/** Valid signatures of a document by keys of a rule. Checked by the library that the devices use. */
export function countSignatures(
  role: Role,
  document: Document,
  delegator: Document,
): { readonly have: number; readonly need: number } {
  const { keyids, threshold } = ruleFor(role, delegator);
  const subject = parse(role, document);
  const parent = parse(isDelegated(role) ? "targets" : "root", delegator) as Metadata<never>;
  const have = keyids.filter((keyid) => {
    const alone = { ...document, signatures: document.signatures.filter((each) => each.keyid === keyid) };
    return alone.signatures.length === 1 && isSignedByOne(role, alone, delegator, keyid);
  }).length;
  // The library has the last word.
  if (have >= threshold) parent.verifyDelegate(role, subject as never);
  return { have, need: threshold };
}

function isSignedByOne(role: Role, document: Document, delegator: Document, keyid: string): boolean {
  const keys = isDelegated(role)
    ? parse("targets", delegator).signed.delegations?.keys
    : parse("root", delegator).signed.keys;
  try {
    keys?.[keyid]?.verifySignature(parse(role, document) as never);
    return keys?.[keyid] !== undefined;
  } catch {
    // It is no signature of this key for these bytes.
    return false;
  }
}

function parse(role: "root", document: Document): ReturnType<typeof parseRoot>;
function parse(role: "targets", document: Document): ReturnType<typeof parseTargets>;
function parse(role: Role, document: Document): unknown;
function parse(role: Role, document: Document): unknown {
  try {
    if (role === "root") return parseRoot(document);
    if (role === "timestamp") return Metadata.fromJSON(MetadataKind.Timestamp, jsonOf(document));
    if (role === "snapshot") return Metadata.fromJSON(MetadataKind.Snapshot, jsonOf(document));
    return parseTargets(document);
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `${role}.json is not valid metadata: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function parseRoot(document: Document) {
  return Metadata.fromJSON(MetadataKind.Root, jsonOf(document));
}

function parseTargets(document: Document) {
  return Metadata.fromJSON(MetadataKind.Targets, jsonOf(document));
}

/** A copy of its own, as the library wants it. */
function jsonOf(document: Document) {
  return JSON.parse(JSON.stringify(document));
}
