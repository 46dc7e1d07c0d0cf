/** The first root of a repository, as a device came with it: read, and looked at before all trust begins with it. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalize } from "@tufjs/canonical-json";
import { Metadata, MetadataKind, type Root } from "@tufjs/models";
import { whyUnreadable } from "../config/load.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { newestIn } from "./generations.ts";
import { TOP_ROLES } from "./names.ts";

const EXPECTED = "expected the repository's first root.json (public/metadata/1.root.json of nightjar repo)";

export interface FirstRoot {
  readonly bytes: Buffer;
  readonly version: number;
  /** ms since 1970. A root that has expired still leads to the newer ones of its repository. */
  readonly expires: number;
  /** What is unusual about it and does not keep it from being used. */
  readonly warnings: readonly string[];
}

/**
 * @param path of the file that `updates.root` names
 * @throws ExpectedError that says what is wrong with it
 */
export function readFirstRoot(path: string): FirstRoot {
  const refuse = (why: string, cause?: unknown) =>
    new ExpectedError(EXIT.configuration, `updates.root: ${path}: ${why}; ${EXPECTED}`, { cause });
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw refuse(whyUnreadable(error), error);
  }
  const document = parse(bytes, refuse);
  for (const role of TOP_ROLES) {
    const { keyIDs = [], threshold = 0 } = document.signed.roles[role] ?? {};
    if (threshold >= 1 && threshold <= keyIDs.length) continue;
    throw refuse(`the role ${role} has ${keyIDs.length} keys and a threshold of ${threshold}`);
  }
  try {
    document.verifyDelegate("root", document);
  } catch (error) {
    throw refuse(`it is not signed by its own keys (${messageOf(error)}): it was changed, or is not whole`, error);
  }
  const { version } = document.signed;
  return { bytes, version, expires: Date.parse(document.signed.expires), warnings: [...oddities(bytes)] };
}

/**
 * Whether a first root is of the repository that this device trusts by now.
 * @param updates directory of the updater; it may be in use, or not be there
 * @returns what it trusts by now; undefined: nothing has been fetched yet
 * @throws ExpectedError when the device trusts another root of the same version
 */
export function expectSameRepository(path: string, { bytes, version }: FirstRoot, updates: string): number | undefined {
  const directory = join(updates, "metadata");
  const trusted = existsSync(directory) ? newestIn(directory).files?.get("root.json") : undefined;
  if (trusted === undefined) return undefined;
  const { signed } = JSON.parse(trusted.toString("utf8")) as Written;
  if (signed.version !== version || trusted.equals(bytes)) return signed.version;
  throw new ExpectedError(
    EXIT.configuration,
    `updates.root: ${path}: it is of another repository than the one that this device trusts (both have version ${version}); put the right file there, or remove ${updates} to begin with this one`,
  );
}

/** The members of a root that are looked at as they are written. */
interface Written {
  readonly signed: {
    readonly version: number;
    readonly keys: Readonly<Record<string, unknown>>;
    readonly roles: Readonly<Record<string, { readonly threshold: number }>>;
  };
}

function parse(bytes: Buffer, refuse: (why: string, cause?: unknown) => Error): Metadata<Root> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw refuse("it is no JSON", error);
  }
  try {
    return Metadata.fromJSON(MetadataKind.Root, value as never);
  } catch (error) {
    throw refuse(`it is no root of a TUF repository (${messageOf(error)})`, error);
  }
}

function* oddities(bytes: Buffer): Generator<string> {
  const { signed } = JSON.parse(bytes.toString("utf8")) as Written;
  for (const [id, key] of Object.entries(signed.keys)) {
    const found = createHash("sha256").update(canonicalize(key)).digest("hex");
    if (found !== id) yield `its key ${id.slice(0, 12)} is listed under an id that is not its hash`;
  }
  if (signed.roles["root"]?.threshold === 1) yield "one key alone can replace all others (threshold 1 of root)";
}
