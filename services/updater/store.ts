/**
 * Files of releases by their content, and releases as directories of links to them: what two releases share is fetched and
 * kept once, and a directory that something runs from is never written to.
 *
 *   <directory>/sha256/<hex>            a whole, checked, synced file
 *   <directory>/sha256/<hex>.part       one that is on its way
 *   <directory>/releases/<channel>-<version>-<12 hex>/{bundle.yaml,…,release.json}
 */
import { linkSync, mkdirSync, readFileSync, rmSync, statfsSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { z } from "zod";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { hashOfFile } from "../postprocess/file_hash.ts";
import type { Installed } from "./database.ts";
import { diskProblem, makeDurableDirectory, moveDurably, sweep, syncTree, writeSynced } from "./durable.ts";
import { type UpdateFetcher, type Wanted, WrongContentError } from "./fetcher.ts";
import { issueText, type ReleaseManifest } from "./release.ts";

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

  constructor(directory: string) {
    this.#files = join(directory, "sha256");
    this.#releases = join(directory, "releases");
    for (const each of [this.#files, this.#releases]) makeDurableDirectory(each);
    sweep(this.#releases, (name) => name.startsWith("."));
  }

  /** Whether a whole file of this content is there. It was checked when it came; it is not read again. */
  has({ sha256, length }: Pick<Wanted, "sha256" | "length">): boolean {
    return statSync(this.#path(sha256), { throwIfNoEntry: false })?.size === length;
  }

  /** Bytes of a file that came before. */
  fetched(sha256: string): number {
    const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;
    return size(this.#path(sha256)) ?? size(`${this.#path(sha256)}.part`) ?? 0;
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

  /** Fetches a file unless it is there. @throws as UpdateFetcher.target */
  async fetch(wanted: Wanted, fetcher: UpdateFetcher, progress: (bytes: number) => void): Promise<void> {
    if (this.has(wanted)) return;
    const path = this.#path(wanted.sha256);
    await fetcher.target(wanted, path, progress);
    try {
      moveDurably(`${path}.part`, path);
    } catch (error) {
      throw diskProblem(path, error);
    }
  }

  read(sha256: string): Buffer {
    return readFileSync(this.#path(sha256));
  }

  /** Where a release lies once it is made. */
  directoryOf({ channel, version }: Pick<ReleaseManifest, "channel" | "version">, sha256: string): string {
    return join(this.#releases, `${channel}-${version}-${sha256.slice(0, 12)}`);
  }

  /**
   * Makes the directory of a release out of files that are there; each is read once more.
   * @param sha256 of its manifest
   * @throws WrongContentError when a file on the disk has changed, ExpectedError of the disk
   */
  async assemble(manifest: ReleaseManifest, sha256: string): Promise<string> {
    const directory = this.directoryOf(manifest, sha256);
    const fresh = join(this.#releases, ".new");
    // Something may run from it: it is not made again.
    if (await this.#isSound(directory, manifest, sha256)) return directory;
    for (const { sha256: content, path } of manifest.files) await this.#expectSound(content, path);
    try {
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh);
      for (const file of manifest.files) this.#link(file.sha256, fresh, file.path);
      const { channel, version, counter, element } = manifest;
      writeSynced(
        join(fresh, RECORD),
        JSON.stringify({ channel, version, counter, sha256, element } satisfies ReleaseRecord),
      );
      syncTree(fresh);
      // One that was made before, perhaps of files that went bad since.
      rmSync(directory, { recursive: true, force: true });
      moveDurably(fresh, directory);
    } catch (error) {
      throw diskProblem(directory, error);
    }
    return directory;
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
    const inode = (file: string) => statSync(file, { throwIfNoEntry: false })?.ino;
    const found = inode(join(directory, path));
    return found !== undefined && found === inode(this.#path(sha256));
  }

  /** Removes releases that nobody needs, and files that are in none. @param needed absolute directories */
  clean(needed: ReadonlySet<string>): void {
    sweep(this.#releases, (name) => !needed.has(join(this.#releases, name)));
    // A file that a release has is linked there too.
    sweep(this.#files, (name) => statSync(join(this.#files, name)).nlink < 2);
  }

  async #isSound(directory: string, { files }: ReleaseManifest, sha256: string): Promise<boolean> {
    if (this.#record(directory)?.sha256 !== sha256) return false;
    for (const { path, sha256: content } of files) {
      const file = join(directory, path);
      if (statSync(file, { throwIfNoEntry: false }) === undefined || (await hashOfFile(file)) !== content) return false;
    }
    return true;
  }

  async #expectSound(sha256: string, path: string): Promise<void> {
    const found = await hashOfFile(this.#path(sha256));
    if (found === sha256) return;
    rmSync(this.#path(sha256), { force: true });
    throw new WrongContentError(
      `${path} has changed on the disk since it came: SHA-256 ${found} instead of ${sha256}; it is fetched again`,
    );
  }

  #link(content: string, directory: string, path: string): void {
    const target = join(directory, path);
    if (!target.startsWith(directory + sep)) throw new WrongContentError(`${path} leads out of the release`);
    mkdirSync(dirname(target), { recursive: true });
    linkSync(this.#path(content), target);
  }

  #record(directory: string): ReleaseRecord | undefined {
    const file = join(directory, RECORD);
    if (!directory.startsWith(this.#releases + sep) || statSync(file, { throwIfNoEntry: false }) === undefined)
      return undefined;
    const parsed = record.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (!parsed.success) throw new ExpectedError(EXIT.environment, `${file}: ${issueText(parsed.error)}`);
    return parsed.data;
  }

  #path(sha256: string): string {
    return join(this.#files, sha256);
  }
}
