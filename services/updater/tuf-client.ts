/**
 * The TUF client: tuf-js decides what is signed and current; around it stands what it leaves out. Metadata changes by whole
 * generations, versions are never undercut even when those are lost, time comes from our clock, and recovery from a
 * fast-forward attack works as the specification says.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Metadata, MetadataKind, type Root, type TargetFile, type Targets } from "@tufjs/models";
import { type Config as TufConfig, Updater } from "tuf-js";
import { ExpiredMetadataError } from "tuf-js/dist/error.js";
import { messageOf } from "../log/errors.ts";
import type { Clock, ClockReading } from "./clock.ts";
import type { Floor } from "./database.ts";
import type { UpdateFetcher } from "./fetcher.ts";
import { filesIn, Generations, type MetadataFiles } from "./generations.ts";
import { type ListedRelease, listReleases } from "./release.ts";
import { UnreachableError } from "./transport.ts";

/** Largest files that are taken. Bytes. */
const LIMITS: Partial<TufConfig> = {
  maxRootRotations: 256,
  maxDelegations: 32,
  rootMaxLength: 512_000,
  timestampMaxLength: 16_384,
  snapshotMaxLength: 2_000_000,
  targetsMaxLength: 5_000_000,
};
/** Makes a client walk to the role `releases`; no such target need exist. */
const ANY_RELEASE = "releases/-/-";

export interface FloorStore {
  floors(): Map<string, Floor>;
  /** The latest time at which signed metadata was found fresh, ms since 1970. */
  readonly trusted: number;
  /** Keeps both, or neither; `trusted` never goes back. */
  remember(seen: { readonly floors?: ReadonlyMap<string, Floor>; readonly trusted?: number }): void;
}

/** The repository says something that may not be believed; nothing of it was taken. */
export class UntrustedError extends Error {
  override name = "UntrustedError";
}

/** What there is was signed, but not lately: somebody holds newer metadata back, or nobody has signed any. */
export class ExpiredError extends UntrustedError {
  override name = "ExpiredError";
}

/** What a walk found. */
export interface Walk {
  /** By role, of verified metadata. */
  readonly versions: Readonly<Record<string, number>>;
  /** By role: ms since 1970. */
  readonly expires: Readonly<Record<string, number>>;
  readonly clock: ClockReading;
  /** Whether anything but the timestamp is new. */
  readonly isNew: boolean;
}

export interface TufClientParts {
  readonly directory: string;
  readonly metadataUrl: string;
  /** The first root, as it came with the device. */
  readonly firstRoot: Uint8Array;
  readonly floors: FloorStore;
  readonly clock: Clock;
  /** False: a repository of somebody else's, without the role `releases`. */
  readonly hasReleases?: boolean;
  warn(message: string): void;
}

/** One visit to the repository: refresh() first, then what it found. */
export class TufSession {
  readonly #parts: TufClientParts;
  readonly #generations: Generations;
  readonly #fetcher: UpdateFetcher;
  readonly #work: string;
  /** As it was when the session began. */
  readonly #before: MetadataFiles;
  #updater: Updater | undefined;

  constructor(parts: TufClientParts, generations: Generations, fetcher: UpdateFetcher) {
    this.#parts = parts;
    this.#generations = generations;
    this.#fetcher = fetcher;
    this.#work = generations.work(parts.firstRoot);
    this.#before = filesIn(this.#work);
  }

  /** After refresh(): whether targets lie under names with their hash before them. */
  get consistentSnapshot(): boolean {
    return this.#updater !== undefined && trustedSetOf(this.#updater).root.signed.consistentSnapshot;
  }

  /**
   * Walks the top-level roles, and `releases`.
   * @throws UnreachableError: try again; ExpiredError; UntrustedError: an attack or a broken repository
   */
  async refresh(): Promise<Walk> {
    const clock = this.#parts.clock.read(this.#parts.floors.trusted);
    try {
      await this.#walk(clock);
    } catch (error) {
      this.#keepVerified();
      throw this.#judged(error);
    }
    // Signed metadata is fresh at this time: time never was earlier, and the signature bounds how far a wrong clock can push it.
    this.#accept(clock.isCertain ? clock.time : undefined);
    const { versions, expires } = describe(filesIn(this.#work));
    const before = describe(this.#before).versions;
    const isNew = Object.keys(versions).some((role) => role !== "timestamp" && versions[role] !== before[role]);
    return { versions, expires, clock, isNew };
  }

  /** After refresh(): every release that the repository lists. */
  releases(): ListedRelease[] {
    if (this.#updater === undefined) throw new Error("refresh() comes first");
    // What this walk verified: a file of a role that is no longer delegated to may still lie there.
    const role = trustedSetOf(this.#updater).getRole("releases");
    return role === undefined ? [] : listReleases(role.toJSON(), (message) => this.#parts.warn(message));
  }

  /**
   * What is signed about a target; undefined when there is none of that name. Roles that it met on the way count once keep()
   * has been called.
   * @throws as refresh()
   */
  async target(path: string): Promise<TargetFile | undefined> {
    if (this.#updater === undefined) throw new Error("refresh() comes first");
    try {
      return await this.#updater.getTargetInfo(path);
    } catch (error) {
      throw this.#judged(error);
    }
  }

  /** Takes over what was verified so far. @throws UntrustedError when it is older than what was seen before */
  keep(): void {
    this.#accept(undefined);
  }

  #accept(trusted: number | undefined): void {
    const files = filesIn(this.#work);
    const floors = this.#raised(files);
    const isNew = this.#generations.keep(files);
    if (!isNew && trusted === undefined) return;
    this.#parts.floors.remember({ ...(isNew && { floors }), ...(trusted !== undefined && { trusted }) });
  }

  async #walk(clock: ClockReading): Promise<void> {
    const root = readFileSync(join(this.#work, "root.json"));
    try {
      await this.#visit(clock);
    } catch (error) {
      if (!this.#forgetAfterRotation(root)) throw error;
      await this.#visit(clock);
    }
  }

  async #visit({ time }: ClockReading): Promise<void> {
    const options = {
      metadataDir: this.#work,
      metadataBaseUrl: this.#parts.metadataUrl,
      fetcher: this.#fetcher,
      config: LIMITS,
    };
    const updater = new Updater(options);
    trustedSetOf(updater).referenceTime = new Date(time);
    await updater.refresh();
    if (this.#parts.hasReleases !== false) await updater.getTargetInfo(ANY_RELEASE);
    this.#updater = updater;
  }

  /** 5.3.11: new keys of timestamp or snapshot make what the old ones signed void. @returns whether that was so */
  #forgetAfterRotation(rootBefore: Buffer): boolean {
    const [before, now] = [rootBefore, readFileSync(join(this.#work, "root.json"))].map(rootOf);
    const isRotated = (role: string) => keysOf(before!, role) !== keysOf(now!, role);
    if (!isRotated("timestamp") && !isRotated("snapshot")) return false;
    for (const role of ["timestamp", "snapshot"]) rmSync(join(this.#work, `${role}.json`), { force: true });
    return true;
  }

  /** What was verified before a fault counts: the specification persists each role before it looks at the next. */
  #keepVerified(): void {
    const root = this.#before.get("root.json");
    if (root !== undefined) this.#forgetAfterRotation(root);
    const now = filesIn(this.#work);
    const isNew = (role: string) => {
      const name = `${encodeURIComponent(role)}.json`;
      return now.get(name)?.equals(this.#before.get(name) ?? Buffer.alloc(0)) === false;
    };
    const floors = this.#parts.floors.floors();
    // The others were not looked at under the keys that count now.
    for (const [role, floor] of this.#raised(now)) if (isNew(role)) floors.set(role, floor);
    if (this.#generations.keep(now)) this.#parts.floors.remember({ floors });
  }

  /** The floors with what these files say. @throws UntrustedError when that is below them */
  #raised(files: MetadataFiles): Map<string, Floor> {
    const root = rootOf(files.get("root.json")!);
    const floors = this.#parts.floors.floors();
    const raised = new Map<string, Floor>();
    for (const [role, version] of Object.entries(describe(files).versions)) {
      const keys = guardianKeys(root, role);
      const floor = floors.get(role);
      // Fast-forward recovery: what was seen under keys that were replaced binds nobody. A root is bound always.
      const binds = floor !== undefined && (role === "root" || floor.keys === keys);
      if (binds && version < floor.version) {
        throw new UntrustedError(
          `the repository has version ${version} of ${role}; this device has seen ${floor.version}: somebody replays old metadata`,
        );
      }
      raised.set(role, { version, keys });
    }
    // Roles that are not there now keep theirs.
    for (const [role, floor] of floors) if (!raised.has(role)) raised.set(role, floor);
    return raised;
  }

  #judged(error: unknown): unknown {
    if (error instanceof UntrustedError || error instanceof UnreachableError) return error;
    if (this.#fetcher.problem !== undefined) return this.#fetcher.problem;
    if ((error as Error).name === "AbortError") return error;
    const text = messageOf(error).replace(/^.*(Error: )/, "");
    const isExpired = error instanceof ExpiredMetadataError || /is expired$/.test(text);
    const message = isExpired
      ? `${text}: nothing is installed until the repository is signed anew; what runs goes on`
      : `the repository is not trusted: ${text}`;
    return new (isExpired ? ExpiredError : UntrustedError)(message, { cause: error });
  }
}

export class TufClient {
  readonly #parts: TufClientParts;
  readonly #generations: Generations;

  constructor(parts: TufClientParts) {
    this.#parts = parts;
    this.#generations = new Generations(parts.directory);
    for (const name of this.#generations.torn)
      parts.warn(`the metadata in ${parts.directory}/${name} is torn; what came before it is used`);
  }

  /** One session at a time. */
  open(fetcher: UpdateFetcher): TufSession {
    return new TufSession(this.#parts, this.#generations, fetcher);
  }

  /** What is known without asking anybody: versions and expiry by role. */
  known(): Pick<Walk, "versions" | "expires"> {
    const { current } = this.#generations;
    return current === undefined ? { versions: {}, expires: {} } : describe(current);
  }
}

interface TrustedSet {
  referenceTime: Date;
  readonly root: Metadata<Root>;
  getRole(name: string): Metadata<Targets> | undefined;
}

/** tuf-js takes the machine's clock when it is constructed, and has no way to list targets: both are in its trusted set. */
function trustedSetOf(updater: Updater): TrustedSet {
  const { trustedSet } = updater as unknown as { trustedSet?: Partial<TrustedSet> };
  const isKnown = trustedSet?.referenceTime instanceof Date && typeof trustedSet.getRole === "function";
  if (!isKnown) throw new Error("tuf-js has changed: its trusted set is not as this client knows it");
  return trustedSet as TrustedSet;
}

function rootOf(bytes: Buffer) {
  return Metadata.fromJSON(MetadataKind.Root, JSON.parse(bytes.toString("utf8")));
}

function keysOf(root: ReturnType<typeof rootOf>, role: string): string {
  return [...(root.signed.roles[role]?.keyIDs ?? [])].sort().join(",");
}

/** Keys whose replacement lifts a role's floor: the versions of targets roles are what the snapshot says. */
function guardianKeys(root: ReturnType<typeof rootOf>, role: string): string {
  if (role === "root") return keysOf(root, "root");
  if (role === "timestamp") return keysOf(root, "timestamp");
  return `${keysOf(root, "timestamp")};${keysOf(root, "snapshot")}`;
}

interface RoleFile {
  readonly signed: { readonly version: number; readonly expires: string };
}

function describe(files: MetadataFiles): Pick<Walk, "versions" | "expires"> {
  const roles = [...files].map(([name, bytes]) => {
    const { signed } = JSON.parse(bytes.toString("utf8")) as RoleFile;
    return { role: decodeURIComponent(name.slice(0, -".json".length)), signed };
  });
  return {
    versions: Object.fromEntries(roles.map(({ role, signed }) => [role, signed.version])),
    expires: Object.fromEntries(roles.map(({ role, signed }) => [role, Date.parse(signed.expires)])),
  };
}
