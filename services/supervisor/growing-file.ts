/** A file of evidence that is being written. It has its name when it is whole; one that fails leaves nothing behind. */
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** Of a file that is being written. */
export const PARTIAL = ".part";
/** A disk that is this far behind is too slow for the pictures: some are left out. Bytes. */
const MAX_PENDING = 16 * 1024 * 1024;

export interface GrowingOptions {
  /** At most so many bytes. */
  readonly mostBytes: number;
  /** Whether there is still space for so many bytes more. */
  hasRoom(bytes: number): Promise<boolean>;
}

export class GrowingFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #options: GrowingOptions;
  #last: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;
  #pending = 0;
  #bytes = 0;

  private constructor(path: string, handle: FileHandle, options: GrowingOptions) {
    this.#path = path;
    this.#handle = handle;
    this.#options = options;
  }

  static async begin(path: string, options: GrowingOptions): Promise<GrowingFile> {
    return new GrowingFile(path, await open(`${path}${PARTIAL}`, "w", 0o640), options);
  }

  /** Bytes that it has taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rejects when the content was not written, and then all that follows. */
  append(content: Buffer): Promise<unknown> {
    if (this.#pending > MAX_PENDING) return Promise.resolve();
    this.#pending += content.length;
    // One write after the other: two at once could change places.
    this.#last = this.#last.then(() => this.#write(content));
    return this.#last;
  }

  /** Resolves when it has reached the disk under its name. Rejects when it has not; then there is no file. */
  async end(): Promise<void> {
    try {
      await this.#last.catch(() => undefined);
      if (this.#failure !== undefined) throw this.#failure;
      await this.#handle.sync();
      await this.#handle.close();
      await rename(`${this.#path}${PARTIAL}`, this.#path);
      await syncDirectory(dirname(this.#path));
    } catch (error) {
      await this.#handle.close().catch(() => undefined);
      await unlink(`${this.#path}${PARTIAL}`).catch(() => undefined);
      throw error;
    }
  }

  async #write(content: Buffer): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      const { mostBytes, hasRoom } = this.#options;
      if (this.#bytes + content.length > mostBytes) throw new Error(`it would be larger than evidence.quota`);
      if (!(await hasRoom(content.length))) throw new Error("the disk has less free space than outbox.freeSpace");
      await this.#handle.writeFile(content);
      this.#bytes += content.length;
    } catch (error) {
      this.#failure ??= error as Error;
      throw error;
    } finally {
      this.#pending -= content.length;
    }
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
