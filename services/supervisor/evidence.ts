/**
 * Pictures and recordings that messages and commands refer to: files in one directory, named by their id, under a quota.
 * The file names are all there is to know, so that nothing can disagree with what lies on the disk.
 */
import { randomBytes } from "node:crypto";
import { createReadStream, mkdirSync, type ReadStream, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, EXIT, ExpectedError } from "../log/errors.ts";
import { roomIn } from "./free-space.ts";
import { GrowingFile, PARTIAL } from "./growing-file.ts";

export interface EvidenceOptions {
  readonly directory: string;
  /** Most bytes of all files; the oldest go first. */
  readonly quotaBytes: number;
  readonly ttlMs: number;
  /** Share of the file system that stays free, 0 to 1: evidence makes way before it falls below. Default 0. */
  readonly freeShare?: number | undefined;
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
const NAME = /^(\d{1,13})-(.+)-([0-9a-f]{8})\.(jpg|mjpeg)$/;
/** All names sort by time, also those of a clock that has not been set. */
const TIME_DIGITS = 13;
/** No clock that has been set says less: 2001. Milliseconds since 1970. */
const LEAST_TIME = 1e12;
/** How often it is looked for what has become too old, milliseconds. */
const TIDY_MS = 60_000;
/** What the file system says of its free space holds for so long, milliseconds. */
const LOOK_MS = 1000;

interface File {
  readonly view: EvidenceView;
  /** By performance.now(): when it came, or was found. */
  readonly since: number;
  /** Of an earlier run, whose clock is all there is to know its age by. */
  readonly isFound: boolean;
}

export class EvidenceStore {
  readonly #options: EvidenceOptions;
  /** By id, oldest first. */
  readonly #files = new Map<string, File>();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #room: { readonly bytes: number; readonly at: number } | undefined;

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
    this.#timer = setInterval(() => void this.tidy(), TIDY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A name for what is going to be kept; nothing is there yet. */
  reserve(camera: string, extension: Extension = "jpg", now = Date.now()): EvidenceReference {
    const time = String(now).padStart(TIME_DIGITS, "0");
    const id = `${time}-${camera}-${randomBytes(4).toString("hex")}.${extension}`;
    return { id, path: `/api/evidence/${id}` };
  }

  /** Keeps a picture under its reserved name. Resolves when it has reached the disk. */
  async save(reference: EvidenceReference, content: Buffer): Promise<EvidenceView> {
    const file = await this.begin(reference);
    file.append(content).catch(() => undefined);
    return this.end(reference, file);
  }

  /** A file that grows. It gets its name when it ends, or when Nightjar starts again. */
  begin({ id }: EvidenceReference): Promise<GrowingFile> {
    return GrowingFile.begin(join(this.#options.directory, id), {
      mostBytes: this.#options.quotaBytes,
      hasRoom: (bytes) => this.#hasRoom(bytes),
    });
  }

  /** Resolves when the file has reached the disk under its name. Rejects when it has not; then there is none. */
  async end({ id }: EvidenceReference, file: GrowingFile): Promise<EvidenceView> {
    await file.end();
    const view = viewOf(id, file.bytes);
    if (view === undefined) throw new RangeError(`"${id}" is no name of evidence`);
    this.#files.set(id, { view, since: performance.now(), isFound: false });
    this.#bytes += file.bytes;
    for (const oldest of this.#files.values()) {
      if (this.#bytes <= this.#options.quotaBytes) break;
      await this.#remove(oldest);
    }
    return view;
  }

  /** Newest first. */
  list(camera: string | undefined, limit: number): EvidenceView[] {
    const all = [...this.#files.values()].map(({ view }) => view).reverse();
    return all.filter((view) => camera === undefined || view.camera === camera).slice(0, limit);
  }

  /** Undefined when there is none (any more). */
  read(id: string): { readonly view: EvidenceView; readonly type: string; readonly stream: ReadStream } | undefined {
    const view = this.#files.get(id)?.view;
    if (view === undefined) return undefined;
    const type = EVIDENCE_TYPES[extensionOf(id)];
    return { view, type, stream: createReadStream(join(this.#options.directory, id)) };
  }

  /** Removes what is too old. @param now by performance.now() */
  async tidy(now = performance.now()): Promise<void> {
    for (const file of [...this.#files.values()]) if (ageOf(file, now) > this.#options.ttlMs) await this.#remove(file);
  }

  /** Older evidence makes way for newer: what there is never grows into the space that has to stay free. */
  async #hasRoom(bytes: number): Promise<boolean> {
    for (;;) {
      const room = await this.#look(bytes);
      if (room >= bytes) return true;
      const [oldest] = this.#files.values();
      if (oldest === undefined) return false;
      await this.#remove(oldest);
      this.#room = undefined;
    }
  }

  /** Bytes that may be written. The file system is asked when it may be less than is wanted, or after a while. */
  async #look(bytes: number): Promise<number> {
    const { directory, freeShare = 0 } = this.#options;
    const now = performance.now();
    const known = this.#room;
    const isFresh = known !== undefined && now - known.at < LOOK_MS && known.bytes >= bytes;
    const room = isFresh ? known.bytes : await roomIn(directory, freeShare);
    this.#room = { bytes: room - bytes, at: isFresh ? known.at : now };
    return room;
  }

  async #remove({ view: { id, bytes } }: File): Promise<void> {
    if (!this.#files.delete(id)) return;
    this.#bytes -= bytes;
    await unlink(join(this.#options.directory, id)).catch(() => undefined);
  }

  #scan(): void {
    const { directory } = this.#options;
    const found: EvidenceView[] = [];
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      const id = name.endsWith(PARTIAL) ? name.slice(0, -PARTIAL.length) : name;
      const { size } = statSync(path);
      const view = viewOf(id, size);
      if (view === undefined) continue;
      // A picture is whole or nothing; of a recording, what there is is worth keeping.
      if (name !== id && (size === 0 || view.kind === "picture")) {
        rmSync(path);
        continue;
      }
      if (name !== id) renameSync(path, join(directory, id));
      found.push(view);
    }
    const since = performance.now();
    for (const view of found.sort((a, b) => a.takenAt - b.takenAt)) {
      this.#files.set(view.id, { view, since, isFound: true });
      this.#bytes += view.bytes;
    }
  }
}

/** The device's clock may have been set meanwhile, so it only tells what no other clock can. Milliseconds. */
function ageOf({ view, since, isFound }: File, now: number): number {
  const known = now - since;
  return isFound && view.takenAt >= LEAST_TIME ? Math.max(known, Date.now() - view.takenAt) : known;
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
