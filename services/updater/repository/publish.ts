/**
 * Publishing: what is staged and fully signed gets its place in public/, with a new snapshot and timestamp; then public/ is
 * brought to a server. Always in the order in which a half-done publication harms nobody: targets, delegated roles, targets
 * role, snapshot, root, and the timestamp last.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import { replaceFile } from "../durable.ts";
import { DELEGATED_ROLES, isDelegated, type Role } from "../names.ts";
import {
  bytesOf,
  common,
  countSignatures,
  type Document,
  expiryIn,
  fileInfo,
  type SnapshotPart,
  signedBy,
  unsigned,
} from "./documents.ts";
import type { Signer } from "./keys.ts";
import type { Workspace } from "./workspace.ts";

const TARGET_ROLES = ["targets", ...DELEGATED_ROLES] as const;
/** Delegated before their delegator, root after everything that it may speak of, timestamp last. */
const ORDER: readonly Role[] = [...DELEGATED_ROLES, "targets", "snapshot", "root", "timestamp"];

export interface Published {
  /** By role, what is new. */
  readonly versions: Readonly<Partial<Record<Role, number>>>;
}

/**
 * @param signers of snapshot and timestamp at least
 * @throws ExpectedError that names the role and how many signatures it lacks; nothing has changed then
 */
export async function publish(workspace: Workspace, signers: readonly Signer[]): Promise<Published> {
  await workspace.sign(signers);
  expectSigned(workspace);
  const documents = new Map<Role, Document>(workspace.stagedRoles().map((role) => [role, workspace.staged(role)!]));
  const snapshot = await nextSnapshot(workspace, signers);
  if (snapshot !== undefined) documents.set("snapshot", snapshot);
  documents.set("timestamp", await nextTimestamp(workspace, signers, snapshot));
  moveTargets(workspace);
  for (const role of ORDER) {
    const document = documents.get(role);
    if (document === undefined) continue;
    const name = role === "timestamp" ? "timestamp.json" : `${document.signed.version}.${role}.json`;
    replaceFile(join(workspace.publicDirectory, "metadata", name), bytesOf(document));
    workspace.unstage(role);
  }
  return { versions: Object.fromEntries([...documents].map(([role, { signed }]) => [role, signed.version])) };
}

function expectSigned(workspace: Workspace): void {
  const [first, ...others] = workspace.lacking();
  if (first === undefined) return;
  const text = ({ role, have, need, by }: typeof first) => `${role}${by === "" ? "" : ` (${by})`}: ${have} of ${need}`;
  const list = [first, ...others].map(text).join("; ");
  throw new ExpectedError(
    EXIT.configuration,
    `signatures are missing: ${list}. Sign with nightjar repo sign ${workspace.directory} --key FILE, or carry ${relative(".", workspace.stagedPath(first.role))} to where the key is`,
  );
}

/** Undefined when the published one still says what is true, for long enough, under the right keys. */
async function nextSnapshot(workspace: Workspace, signers: readonly Signer[]): Promise<Document | undefined> {
  const before = workspace.published("snapshot");
  const meta = Object.fromEntries(
    TARGET_ROLES.map((role) => {
      const document = workspace.latest(role);
      return [`${role}.json`, { version: document.signed.version, ...fileInfo(bytesOf(document)) }];
    }),
  );
  const isSame = before !== undefined && JSON.stringify(before.signed.meta) === JSON.stringify(meta);
  if (isSame && isValidFor(before, workspace.settings.days.snapshot / 2) && isSigned("snapshot", before, workspace))
    return undefined;
  const version = (before?.signed.version ?? 0) + 1;
  const part: SnapshotPart = { ...common("snapshot", version, expiryIn(workspace.settings.days.snapshot)), meta };
  return sealed(workspace, "snapshot", unsigned(part), signers);
}

async function nextTimestamp(
  workspace: Workspace,
  signers: readonly Signer[],
  fresh: Document | undefined,
): Promise<Document> {
  const snapshot = fresh ?? workspace.published("snapshot")!;
  const version = (workspace.published("timestamp")?.signed.version ?? 0) + 1;
  const meta = { "snapshot.json": { version: snapshot.signed.version, ...fileInfo(bytesOf(snapshot)) } };
  const part: SnapshotPart = { ...common("timestamp", version, expiryIn(workspace.settings.days.timestamp)), meta };
  return sealed(workspace, "timestamp", unsigned(part), signers);
}

async function sealed(
  workspace: Workspace,
  role: "snapshot" | "timestamp",
  document: Document,
  signers: readonly Signer[],
): Promise<Document> {
  const keyids = new Set(workspace.latest("root").signed.roles[role].keyids);
  let signed = document;
  for (const signer of signers) if (keyids.has(signer.id)) signed = await signedBy(signed, signer);
  const { have, need } = countSignatures(role, signed, workspace.latest("root"));
  if (have >= need) return signed;
  const message = `${role} is made anew by every publication and has to be signed here: ${have} of ${need} keys are at hand; give them with --key FILE`;
  throw new ExpectedError(EXIT.configuration, message);
}

function isValidFor(document: Document, days: number): boolean {
  return Date.parse(document.signed.expires) > Date.now() + days * 86_400_000;
}

function isSigned(role: Role, document: Document, workspace: Workspace): boolean {
  const { have, need } = countSignatures(role, document, workspace.delegatorOf(role));
  return have >= need;
}

/** They are named by their content: what is there already is the same. */
function moveTargets(workspace: Workspace): void {
  for (const path of filesBelow(workspace.stagedTargets)) {
    const to = join(workspace.publicDirectory, "targets", path);
    if (!existsSync(to)) replaceFile(to, readFileSync(join(workspace.stagedTargets, path)));
    rmSync(join(workspace.stagedTargets, path));
  }
}

/** Where a publication goes. */
export interface Destination {
  /** What it is, for people; no secrets. */
  readonly name: string;
  /** Bytes of a file that is there; undefined: there is none. */
  sizeOf(path: string): Promise<number | undefined>;
  put(
    path: string,
    bytes: Uint8Array,
    options: { readonly type: string; readonly isImmutable: boolean },
  ): Promise<void>;
}

/** Brings public/ to a server. What is named by its content or version goes once, the timestamp always and last. @returns files that went */
export async function upload(
  workspace: Workspace,
  destination: Destination,
  said: (path: string) => void,
): Promise<number> {
  let sent = 0;
  for (const path of inUploadOrder(workspace.publicDirectory)) {
    const bytes = readFileSync(join(workspace.publicDirectory, path));
    const isImmutable = path !== "metadata/timestamp.json";
    if (isImmutable && (await destination.sizeOf(path)) === bytes.length) continue;
    await destination.put(path, bytes, {
      type: path.endsWith(".json") ? "application/json" : "application/octet-stream",
      isImmutable,
    });
    said(path);
    sent += 1;
  }
  return sent;
}

/** Paths below public/. */
export function inUploadOrder(directory: string): string[] {
  const metadata = filesBelow(join(directory, "metadata")).map((path) => `metadata/${path}`);
  const rank = (path: string) => {
    const role = /^metadata\/(?:\d+\.)?(\w+)\.json$/.exec(path)?.[1] ?? "";
    return isDelegated(role as Role) ? 0 : ORDER.indexOf(role as Role);
  };
  const version = (path: string) => Number(/^metadata\/(\d+)\./.exec(path)?.[1] ?? 0);
  const targets = filesBelow(join(directory, "targets")).map((path) => `targets/${path}`);
  return [...targets, ...metadata.sort((a, b) => rank(a) - rank(b) || version(a) - version(b))];
}

/** Relative paths of all files below a directory. */
export function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return names.filter((name) => statSync(join(directory, name)).isFile()).sort();
}
