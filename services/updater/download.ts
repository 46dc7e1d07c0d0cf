/** Fetches what makes a release, and takes nothing that is not signed twice: as a target, and by the release's manifest. */

import { type UpdateFetcher, WrongContentError } from "./fetcher.ts";
import { targetLocation } from "./names.ts";
import type { ListedRelease, ReleaseFile, ReleaseManifest } from "./release.ts";
import type { ContentStore } from "./store.ts";
import type { TufSession } from "./tuf-client.ts";

/** Of a manifest. Bytes. */
const MAX_MANIFEST_BYTES = 256 * 1024;

export class Download {
  readonly #store: ContentStore;
  readonly #session: TufSession;
  readonly #fetcher: UpdateFetcher;
  readonly #targetsUrl: string;

  constructor(store: ContentStore, session: TufSession, fetcher: UpdateFetcher, targetsUrl: string) {
    this.#store = store;
    this.#session = session;
    this.#fetcher = fetcher;
    this.#targetsUrl = targetsUrl;
  }

  /** The bytes of a release's manifest. @throws as ContentStore.fetch */
  async manifest({ target, sha256, length }: ListedRelease): Promise<Buffer> {
    if (length > MAX_MANIFEST_BYTES)
      throw new WrongContentError(`${target} has ${length} bytes; a manifest has at most ${MAX_MANIFEST_BYTES}`);
    await this.#store.fetch({ url: this.#urlOf(target, sha256), length, sha256 }, this.#fetcher, () => {});
    return this.#store.read(sha256);
  }

  /** Every file of a release, into the store. @param progress bytes that are there, of all */
  async files({ files }: ReleaseManifest, progress: (done: number, of: number) => void): Promise<void> {
    const of = files.reduce((sum, { length }) => sum + length, 0);
    const there = files.reduce((sum, file) => sum + Math.min(file.length, this.#store.fetched(file.sha256)), 0);
    this.#store.expectRoom(of - there);
    let done = 0;
    for (const file of files) await this.#expectSigned(file);
    // What the roles of modules and models say is kept before the first byte of a target comes.
    this.#session.keep();
    for (const file of files) {
      const { target, sha256, length } = file;
      const wanted = { url: this.#urlOf(target, sha256), length, sha256 };
      await this.#store.fetch(wanted, this.#fetcher, (bytes) => progress(done + bytes, of));
      done += length;
      progress(done, of);
    }
  }

  /** Who signs modules or models has to agree with who signs releases. */
  async #expectSigned({ target, sha256, length }: ReleaseFile): Promise<void> {
    const info = await this.#session.target(target);
    if (info === undefined) throw new WrongContentError(`the release names ${target}, which nobody has signed`);
    const signed = info.hashes["sha256"];
    if (signed === sha256 && info.length === length) return;
    throw new WrongContentError(`the release names ${target} with SHA-256 ${sha256}, signed is ${signed}`);
  }

  #urlOf(target: string, sha256: string): string {
    return new URL(targetLocation(target, sha256).split("/").map(encodeURIComponent).join("/"), `${this.#targetsUrl}/`)
      .href;
  }
}
