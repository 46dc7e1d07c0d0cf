/**
 * Files of releases by their content, and releases as directories of links to them: what two releases share is fetched and
 * kept once, and a directory that something runs from is never written to.
 *
 *   <directory>/sha256/<hex>            a whole, checked, synced file
 *   <directory>/sha256/<hex>.part       one that is on its way
 *   <directory>/releases/<channel>-<version>-<12 hex>/{bundle.yaml,…}   symbolic links to the files
 *   <directory>/releases/<channel>-<version>-<12 hex>/release.json
 *
 * Symbolic links, because a hard link changes the inode's time, and with it what file_hash.ts knows of a model of gigabytes.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { z } from "zod";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { hashOfFile } from "../postprocess/file_hash.ts";
import type { Installed } from "./database.ts";
import { diskProblem, makeDurableDirectory, moveDurably, sweep, sync, writeSynced } from "./durable.ts";
import { type UpdateFetcher, type Wanted, WrongContentError } from "./fetcher.ts";
import type { ReleaseManifest } from "./release.ts";

/** Beside the bundle's own files: what the directory was installed from. */
const RECORD = "release.json";
/** Left free on the disk beside what is fetched. Bytes. */
const SPARE_BYTES = 16 * 1024 * 1024;

const record = z.object({
  channel: z.string(),
  version: z.string(),
  counter: z.int(),
  sha256: z.string(),
  element: z.string(),
});
export type ReleaseRecord = z.output<typeof record>;

export class ContentStore {
  readonly #files: string;
  readonly #releases: string;
  /** By SHA-256: how a file looked when it was read and found right, since Nightjar started. */
  readonly #found = new Map<string, string>();
  /** SHA-256 of files that are not what their names say: something may run from them, so that they stay until they are replaced. */
  readonly #spoilt = new Set<string>();

  constructor(directory: string) {
    this.#files = join(directory, "sha256");
    this.#releases = join(directory, "releases");
    for (const each of [this.#files, this.#releases]) makeDurableDirectory(each);
    sweep(this.#releases, (name) => name.startsWith("."));
  }

  /** Whether a whole file of this content is there. It was checked when it came; it is not read again. */
  has({ sha256, length }: Pick<Wanted, "sha256" | "length">): boolean {
    return !this.#spoilt.has(sha256) && statSync(this.#path(sha256), { throwIfNoEntry: false })?.size === length;
  }

  /** Bytes of a file that came before. */
  fetched(sha256: string): number {
    const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;
    const whole = this.#spoilt.has(sha256) ? undefined : size(this.#path(sha256));
    return whole ?? size(`${this.#path(sha256)}.part`) ?? 0;
  }

  /** @throws ExpectedError when so much does not fit on the disk */
  expectRoom(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#files);
    const free = bavail * bsize;
    if (free >= bytes + SPARE_BYTES) return;
    const megabytes = (value: number) => `${Math.ceil(value / 1e6)} MB`;
    const message = `${this.#files}: the update needs ${megabytes(bytes + SPARE_BYTES)}, ${megabytes(free)} are free; free space on this disk`;
    throw new ExpectedError(EXIT.environment, message);
  }

  /** Fetches a file unless it is there. Its name is on the disk once assemble() has used it. @throws as UpdateFetcher.target */
  async fetch(wanted: Wanted, fetcher: UpdateFetcher, progress: (bytes: number) => void): Promise<void> {
    if (this.has(wanted)) return;
    const path = this.#path(wanted.sha256);
    await fetcher.target(wanted, path, progress);
    try {
      renameSync(`${path}.part`, path);
    } catch (error) {
      throw diskProblem(path, error);
    }
    this.#spoilt.delete(wanted.sha256);
    this.#found.set(wanted.sha256, looksOf(path));
  }

  read(sha256: string): Buffer {
    return readFileSync(this.#path(sha256));
  }

  /** Where a release lies once it is made. */
  directoryOf({ channel, version }: Pick<ReleaseManifest, "channel" | "version">, sha256: string): string {
    return join(this.#releases, `${channel}-${version}-${sha256.slice(0, 12)}`);
  }

  /**
   * Makes the directory of a release out of files that are there; those that came before Nightjar started are read once more.
   * @param sha256 of its manifest
   * @throws WrongContentError when a file on the disk has changed, ExpectedError of the disk
   */
  async assemble(manifest: ReleaseManifest, sha256: string): Promise<string> {
    const directory = this.directoryOf(manifest, sha256);
    // Something may run from it: it is not made again.
    if (await this.#isSound(directory, manifest, sha256)) return directory;
    for (const { sha256: content, path } of manifest.files) await this.#expectSound(content, path);
    try {
      this.#make(directory, manifest, sha256);
    } catch (error) {
      throw diskProblem(directory, error);
    }
    return directory;
  }

  #make(directory: string, { files, channel, version, counter, element }: ReleaseManifest, sha256: string): void {
    const fresh = join(this.#releases, ".new");
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh);
    for (const file of files) this.#link(file.sha256, fresh, file.path);
    const content = { channel, version, counter, sha256, element } satisfies ReleaseRecord;
    writeSynced(join(fresh, RECORD), JSON.stringify(content));
    // The names of the files, of the links, and of the directory, in this order.
    for (const place of [this.#files, ...directoriesBelow(fresh), fresh]) sync(place);
    // One that was made before, perhaps of files that went bad since.
    rmSync(directory, { recursive: true, force: true });
    moveDurably(fresh, directory);
  }

  /** What a directory was installed from; undefined when it is none of ours. */
  recordOf(directory: string): Installed | undefined {
    const found = this.#record(directory);
    if (found === undefined) return undefined;
    const { version, counter, sha256, element } = found;
    return { version, counter, sha256, element, directory };
  }

  /** The channel of a release's directory; undefined when it is none of ours. */
  channelOf(directory: string): string | undefined {
    return this.#record(directory)?.channel;
  }

  /** Whether a release's directory has this very file, by the link to it. */
  holds(directory: string, path: string, sha256: string): boolean {
    return linksIn(directory).get(path) === sha256;
  }

  /** Removes releases that nobody needs, and files that are in none. @param needed absolute directories */
  clean(needed: ReadonlySet<string>): void {
    sweep(this.#releases, (name) => !needed.has(join(this.#releases, name)));
    const linked = readdirSync(this.#releases).flatMap((name) => [...linksIn(join(this.#releases, name)).values()]);
    const used = new Set(linked);
    sweep(this.#files, (name) => !used.has(name));
    for (const sha256 of this.#found.keys()) if (!used.has(sha256)) this.#found.delete(sha256);
  }

  async #isSound(directory: string, { files }: ReleaseManifest, sha256: string): Promise<boolean> {
    if (this.#record(directory)?.sha256 !== sha256) return false;
    for (const { path, sha256: content } of files) {
      if (!this.holds(directory, path, content) || !(await this.#isRight(content))) return false;
    }
    return true;
  }

  async #expectSound(sha256: string, path: string): Promise<void> {
    if (await this.#isRight(sha256)) return;
    this.#spoilt.add(sha256);
    throw new WrongContentError(
      `${path} has changed on the disk since it came: it is fetched again with the next look`,
    );
  }

  /** Whether a file is there and holds what its name says; read once, unless it looks different. */
  async #isRight(sha256: string): Promise<boolean> {
    const path = this.#path(sha256);
    const looks = looksOf(path);
    if (looks === "") return false;
    if (this.#found.get(sha256) === looks) return true;
    if ((await hashOfFile(path)) !== sha256) return false;
    this.#found.set(sha256, looks);
    return true;
  }

  #link(content: string, directory: string, path: string): void {
    const link = join(directory, path);
    if (!link.startsWith(directory + sep)) throw new WrongContentError(`${path} leads out of the release`);
    const place = dirname(link);
    mkdirSync(place, { recursive: true });
    symlinkSync(relative(place, this.#path(content)), link);
  }

  #record(directory: string): ReleaseRecord | undefined {
    const file = join(directory, RECORD);
    if (!directory.startsWith(this.#releases + sep) || statSync(file, { throwIfNoEntry: false }) === undefined)
      return undefined;
    try {
      return record.parse(JSON.parse(readFileSync(file, "utf8")));
    } catch {
      // A disk that has lost it: a device goes on with what it does not know, and takes the next release.
      return undefined;
    }
  }

  #path(sha256: string): string {
    return join(this.#files, sha256);
  }
}

/** What changes with a file's content; not the time of its inode, which renaming it changes too. "": there is no file. */
function looksOf(path: string): string {
  const info = statSync(path, { bigint: true, throwIfNoEntry: false });
  return info === undefined ? "" : `${info.ino}:${info.size}:${info.mtimeNs}`;
}

function directoriesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

/** The links of a release: SHA-256 of the file by its path in the bundle. */
function linksIn(directory: string): Map<string, string> {
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) return new Map();
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  const links = entries.filter((entry) => entry.isSymbolicLink()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(links.map((link) => [relative(directory, link), basename(readlinkSync(link))]));
}
