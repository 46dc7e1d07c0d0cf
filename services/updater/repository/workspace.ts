/**
 * A repository as the people who sign it have it: a directory with what is published and what is being made.
 *
 *   repository.json            how long each role is valid
 *   keys/                      private keys that this machine holds; offline ones come with --key, or stay where they are
 *   staged/metadata/ROLE.json  the next version of a role, while its signatures are gathered
 *   staged/targets/…           files that come with it
 *   public/metadata, public/targets   what is on the server: a plain tree of files
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { codeOf, EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import { replaceFile } from "../durable.ts";
import { isDelegated, ROLES, type Role } from "../names.ts";
import {
  countSignatures,
  type Document,
  expiryIn,
  type RootPart,
  ruleFor,
  type SnapshotPart,
  signedBy,
  type TargetsPart,
  type TimestampPart,
} from "./documents.ts";
import { readSigner, type Signer } from "./keys.ts";

const days = z.int().min(1).max(3650);
const settingsSchema = z.strictObject({
  format: z.literal(1),
  /** Days that a new version of each role is valid. */
  days: z.strictObject({
    root: days,
    targets: days,
    releases: days,
    modules: days,
    models: days,
    snapshot: days,
    timestamp: days,
  }),
});
export type RepositorySettings = z.output<typeof settingsSchema>;

/** Long where a person has to fetch a key out of a safe, short where a machine signs every day. */
export const DEFAULT_DAYS: RepositorySettings["days"] = {
  root: 365,
  targets: 180,
  releases: 90,
  modules: 90,
  models: 90,
  snapshot: 30,
  timestamp: 3,
};

interface Parts {
  readonly root: RootPart;
  readonly timestamp: TimestampPart;
  readonly snapshot: SnapshotPart;
  readonly targets: TargetsPart;
  readonly releases: TargetsPart;
  readonly modules: TargetsPart;
  readonly models: TargetsPart;
}

export class Workspace {
  readonly directory: string;
  readonly settings: RepositorySettings;

  private constructor(directory: string, settings: RepositorySettings) {
    this.directory = directory;
    this.settings = settings;
  }

  /** @throws ExpectedError when there is something already */
  static create(directory: string, settings: RepositorySettings): Workspace {
    if (existsSync(join(directory, "repository.json"))) {
      throw new ExpectedError(EXIT.configuration, `${directory} is a repository already: take another directory`);
    }
    for (const name of ["keys", "staged/metadata", "staged/targets", "public/metadata", "public/targets"]) {
      mkdirSync(join(directory, name), { recursive: true, ...(name === "keys" ? { mode: 0o700 } : {}) });
    }
    replaceFile(join(directory, "repository.json"), `${JSON.stringify(settings, null, 2)}\n`);
    return new Workspace(directory, settings);
  }

  /** @throws ExpectedError when there is no repository */
  static open(directory: string): Workspace {
    const file = join(directory, "repository.json");
    try {
      return new Workspace(directory, settingsSchema.parse(JSON.parse(readFileSync(file, "utf8"))));
    } catch (error) {
      const why =
        codeOf(error) === "ENOENT" ? "there is no repository.json (nightjar repo init makes one)" : messageOf(error);
      throw new ExpectedError(EXIT.configuration, `${directory} is no repository: ${why}`, { cause: error });
    }
  }

  get publicDirectory(): string {
    return join(this.directory, "public");
  }

  get keysDirectory(): string {
    return join(this.directory, "keys");
  }

  get stagedTargets(): string {
    return join(this.directory, "staged", "targets");
  }

  /** The signers whose keys lie here. */
  signers(passphrase: () => string | undefined): Signer[] {
    const names = existsSync(this.keysDirectory) ? readdirSync(this.keysDirectory) : [];
    return names
      .filter((name) => !name.endsWith(".pub"))
      .sort()
      .map((name) => readSigner(join(this.keysDirectory, name), passphrase));
  }

  /** What is published of a role; undefined: nothing. */
  published<Name extends Role>(role: Name): Document<Parts[Name]> | undefined {
    const version = this.#publishedVersion(role);
    if (version === undefined) return undefined;
    const name = role === "timestamp" ? "timestamp.json" : `${version}.${role}.json`;
    return this.#read(join(this.publicDirectory, "metadata", name));
  }

  /** The published root of a version; undefined: there is none. */
  publishedRoot(version: number): Document<RootPart> | undefined {
    return this.#read(join(this.publicDirectory, "metadata", `${version}.root.json`));
  }

  staged<Name extends Role>(role: Name): Document<Parts[Name]> | undefined {
    return this.#read(this.stagedPath(role));
  }

  stagedRoles(): Role[] {
    return ROLES.filter((role) => existsSync(this.stagedPath(role)));
  }

  /** What is staged, else what is published. @throws ExpectedError when there is neither */
  latest<Name extends Role>(role: Name): Document<Parts[Name]> {
    const found = this.staged(role) ?? this.published(role);
    if (found !== undefined) return found;
    throw new ExpectedError(
      EXIT.configuration,
      `${this.directory} has no ${role}.json: its initialisation did not end; begin again in an empty directory`,
    );
  }

  /** Whose keys count for a role: as it will be once everything that is staged is published. */
  delegatorOf(role: Role): Document {
    return isDelegated(role) ? this.latest("targets") : this.latest("root");
  }

  /** The next version of a role, changed. Signatures that it had are void. */
  stage<Name extends Role>(
    role: Name,
    change: (part: Parts[Name]) => Parts[Name],
    validDays = this.settings.days[role],
  ): void {
    const latest = this.latest(role);
    const isStaged = this.staged(role) !== undefined;
    const version = latest.signed.version + (isStaged ? 0 : 1);
    const next = { ...change(latest.signed), version, expires: expiryIn(validDays) };
    this.write(role, { signatures: [], signed: next });
  }

  write(role: Role, document: Document): void {
    replaceFile(this.stagedPath(role), `${JSON.stringify(document, null, 1)}\n`);
  }

  /** Signs what is staged with every key that has a say in it. @returns by role, the key ids that were used */
  async sign(signers: readonly Signer[]): Promise<Map<Role, string[]>> {
    const used = new Map<Role, string[]>();
    for (const role of this.stagedRoles()) {
      const keyids = new Set(this.#rulesFor(role).flatMap((rule) => rule.keyids));
      let document: Document = this.staged(role)!;
      for (const signer of signers) {
        if (!keyids.has(signer.id) || document.signatures.some(({ keyid }) => keyid === signer.id)) continue;
        document = await signedBy(document, signer);
        used.set(role, [...(used.get(role) ?? []), signer.id]);
      }
      this.write(role, document);
    }
    return used;
  }

  /** Roles whose staged version lacks signatures. */
  lacking(): { readonly role: Role; readonly have: number; readonly need: number; readonly by: string }[] {
    return this.stagedRoles().flatMap((role) => {
      const counts = this.#delegators(role).map(({ by, document }) => ({
        role,
        by,
        ...countSignatures(role, this.staged(role)!, document),
      }));
      return counts.filter(({ have, need }) => have < need);
    });
  }

  unstage(role: Role): void {
    rmSync(this.stagedPath(role), { force: true });
  }

  stagedPath(role: Role): string {
    return join(this.directory, "staged", "metadata", `${role}.json`);
  }

  /** A root is signed by its own keys and by those of the root before. */
  #delegators(role: Role): { readonly by: string; readonly document: Document }[] {
    const now = { by: "", document: this.delegatorOf(role) };
    const before = role === "root" ? this.published("root") : undefined;
    return before === undefined
      ? [now]
      : [
          { by: "of the new root", document: now.document },
          { by: "of the root before", document: before },
        ];
  }

  #rulesFor(role: Role) {
    return this.#delegators(role).map(({ document }) => ruleFor(role, document));
  }

  #publishedVersion(role: Role): number | undefined {
    const metadata = join(this.publicDirectory, "metadata");
    const names = existsSync(metadata) ? readdirSync(metadata) : [];
    if (role === "timestamp") return names.includes("timestamp.json") ? 1 : undefined;
    const versions = names.flatMap((name) => {
      const found = /^(\d+)\.(\w+)\.json$/.exec(name);
      return found?.[2] === role ? [Number(found[1])] : [];
    });
    return versions.length === 0 ? undefined : Math.max(...versions);
  }

  #read<Part extends RootPart | SnapshotPart | TargetsPart>(path: string): Document<Part> | undefined {
    try {
      return JSON.parse(readFileSync(path, "utf8")) as Document<Part>;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw new ExpectedError(EXIT.configuration, `${path} cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Makes the directories above a file. */
export function makeRoom(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
}
