/**
 * Pictures and recordings that messages and commands refer to: files in one directory, named by their id, under a quota.
 * The file names are all there is to know, so that nothing can disagree with what lies on the disk.
 */
import { randomBytes } from "node:crypto";
import { createReadStream, mkdirSync, type ReadStream, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, EXIT, ExpectedError } from "../log/errors.ts";

export interface EvidenceOptions {
  readonly directory: string;
  /** Most bytes of all files; the oldest go first. */
  readonly quotaBytes: number;
  readonly ttlMs: number;
}

/** What a message or a reply carries: enough to fetch it. */
export interface EvidenceReference {
  /** Sorts by time. */
  readonly id: string;
  /** Path of the HTTP interface. */
  readonly path: string;
}

export interface EvidenceView extends EvidenceReference {
  readonly camera: string;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  readonly kind: "picture" | "recording";
  readonly bytes: number;
}

const KINDS = { jpg: "picture", mjpeg: "recording" } as const;
type Extension = keyof typeof KINDS;
export const EVIDENCE_TYPES: Readonly<Record<Extension, string>> = { jpg: "image/jpeg", mjpeg: "video/x-motion-jpeg" };

/** <milliseconds>-<camera>-<random>; the camera's id has no such dash at its end. */
const NAME = /^(\d{13})-(.+)-([0-9a-f]{8})\.(jpg|mjpeg)$/;
/** Of a file that is being written. */
const PARTIAL = ".part";

export class EvidenceStore {
  readonly #options: EvidenceOptions;
  /** By id, oldest first. */
  readonly #files = new Map<string, EvidenceView>();
  #bytes = 0;

  constructor(options: EvidenceOptions) {
    this.#options = options;
  }

  /** Finds what an earlier run has left. @throws ExpectedError when the directory cannot be made or read. */
  open(): void {
    const { directory } = this.#options;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o750 });
      this.#scan();
    } catch (error) {
      const message = `evidence.directory: ${directory} cannot be used (${codeOf(error)}); choose a directory that this user may write`;
      throw new ExpectedError(EXIT.environment, message, { cause: error });
    }
  }

  /** A name for what is going to be kept; nothing is there yet. */
  reserve(camera: string, extension: Extension = "jpg", now = Date.now()): EvidenceReference {
    const id = `${now}-${camera}-${randomBytes(4).toString("hex")}.${extension}`;
    return { id, path: `/api/evidence/${id}` };
  }

  /** Keeps a picture under its reserved name. Resolves when it has reached the disk. */
  async save({ id }: EvidenceReference, content: Buffer): Promise<EvidenceView> {
    const file = await this.begin({ id, path: "" });
    await file.append(content);
    return file.end();
  }

  /** A file that grows. It gets its name when it ends, or when Nightjar starts again. */
  async begin({ id }: EvidenceReference): Promise<GrowingFile> {
    const path = join(this.#options.directory, id);
    const handle = await open(`${path}${PARTIAL}`, "w", 0o640);
    return new GrowingFile(handle, async () => {
      await handle.sync();
      await handle.close();
      await rename(`${path}${PARTIAL}`, path);
      await syncDirectory(this.#options.directory);
      return this.#add(id, statSync(path).size);
    });
  }

  /** Newest first. */
  list(camera: string | undefined, limit: number): EvidenceView[] {
    const all = [...this.#files.values()].reverse();
    return all.filter((view) => camera === undefined || view.camera === camera).slice(0, limit);
  }

  /** Undefined when there is none (any more). */
  read(id: string): { readonly view: EvidenceView; readonly type: string; readonly stream: ReadStream } | undefined {
    const view = this.#files.get(id);
    if (view === undefined) return undefined;
    const type = EVIDENCE_TYPES[extensionOf(id)];
    return { view, type, stream: createReadStream(join(this.#options.directory, id)) };
  }

  /** Removes what is too old or too much. */
  async tidy(now = Date.now()): Promise<void> {
    const { quotaBytes, ttlMs, directory } = this.#options;
    for (const view of [...this.#files.values()]) {
      if (this.#bytes <= quotaBytes && view.takenAt + ttlMs > now) return;
      this.#files.delete(view.id);
      this.#bytes -= view.bytes;
      await unlink(join(directory, view.id)).catch(() => undefined);
    }
  }

  async #add(id: string, bytes: number): Promise<EvidenceView> {
    const view = viewOf(id, bytes);
    if (view === undefined) throw new RangeError(`"${id}" is no name of evidence`);
    this.#files.set(id, view);
    this.#bytes += bytes;
    await this.tidy();
    return view;
  }

  #scan(): void {
    const { directory } = this.#options;
    for (const name of readdirSync(directory).sort()) {
      const path = join(directory, name);
      const id = name.endsWith(PARTIAL) ? name.slice(0, -PARTIAL.length) : name;
      const { size } = statSync(path);
      // A picture is whole or nothing; of a recording, what there is is worth keeping.
      const isWorthless = name !== id && (size === 0 || id.endsWith(".jpg"));
      if (isWorthless) rmSync(path);
      const view = isWorthless ? undefined : viewOf(id, size);
      if (view === undefined) continue;
      if (name !== id) renameSync(path, join(directory, id));
      this.#files.set(id, view);
      this.#bytes += size;
    }
  }
}

export class GrowingFile {
  readonly #handle: FileHandle;
  readonly #end: () => Promise<EvidenceView>;
  #last: Promise<unknown> = Promise.resolve();
  bytes = 0;

  constructor(handle: FileHandle, end: () => Promise<EvidenceView>) {
    this.#handle = handle;
    this.#end = end;
  }

  append(content: Buffer): Promise<unknown> {
    this.bytes += content.length;
    // One write after the other: two at once could change places.
    this.#last = this.#last.then(() => this.#handle.write(content));
    return this.#last;
  }

  /** Resolves when it has reached the disk under its name. */
  async end(): Promise<EvidenceView> {
    await this.#last;
    return this.#end();
  }
}

function viewOf(id: string, bytes: number): EvidenceView | undefined {
  const [, time, camera, , extension] = NAME.exec(id) ?? [];
  if (time === undefined || camera === undefined) return undefined;
  const kind = KINDS[extension as Extension];
  return { id, path: `/api/evidence/${id}`, camera, takenAt: Number(time), kind, bytes };
}

function extensionOf(id: string): Extension {
  return id.endsWith(".mjpeg") ? "mjpeg" : "jpg";
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
