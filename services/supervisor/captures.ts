/**
 * Recordings of a camera for `nightjar replay` (services/recording), made by the postprocess process in <state>/captures. Others may
 * only name them: where they lie is no caller's choice, for commands come over the network too.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { RecordAction, ToPostprocess } from "../postprocess/messages.ts";
import type { RecordingView } from "../recording/recorder.ts";
import { roomIn } from "./free-space.ts";

const MEBIBYTE = 1024 * 1024;

export const captureInput = z.strictObject({
  id: z.string().min(1),
  /** It ends by itself after this. */
  seconds: z.number().min(1).max(3600).default(60),
  /** It ends by itself before its file exceeds this. */
  maxBytes: z
    .int()
    .min(MEBIBYTE)
    .max(2048 * MEBIBYTE)
    .default(100 * MEBIBYTE),
  /** Outputs of the model too: without them only analyze modules can be replayed. */
  tensors: z.boolean().default(true),
  /** Pixels; 0: none. */
  thumbnailWidth: z.int().min(0).max(640).default(240),
});
export type CaptureInput = z.output<typeof captureInput>;

export interface CaptureView extends RecordingView {
  /** Path of the HTTP interface, for when it has ended. */
  readonly path: string;
}

/** At a time. */
const MAX_RUNNING = 2;
/** How often it is looked whether the disk has space for what is being recorded, milliseconds. */
const LOOK_MS = 2000;
/** Of files that nobody has taken away; the oldest go. */
const KEPT_BYTES = 2048 * MEBIBYTE;
/** Ending a recording writes what is left. */
const TIMEOUT_MS = 15_000;
const EXTENSION = ".njrec";

export interface CaptureSources {
  readonly stateDirectory: string;
  /** Share of the file system that stays free, 0 to 1. */
  readonly freeShare: number;
  /** Undefined: there is no such camera. */
  sourceId(camera: string): number | undefined;
  /** False when the postprocess process is not there. */
  send(message: ToPostprocess): boolean;
}

export class Captures {
  readonly #sources: CaptureSources;
  readonly #directory: string;
  readonly #views = new Map<string, RecordingView>();
  readonly #open = new Map<number, (view: RecordingView | null) => void>();
  #next = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(sources: CaptureSources) {
    this.#sources = sources;
    this.#directory = join(sources.stateDirectory, "captures");
  }

  /** @throws ExpectedError when there is no such camera, or too much is being recorded */
  async begin({ id: camera, seconds, ...options }: CaptureInput): Promise<CaptureView> {
    const sourceId = this.#sources.sourceId(camera);
    if (sourceId === undefined) throw new ExpectedError(EXIT.usage, `there is no camera "${camera}"`);
    const running = (await this.list()).filter(({ state }) => state === "running").length;
    if (running >= MAX_RUNNING) {
      throw new ExpectedError(EXIT.usage, `${running} recordings are being made already; end one, or wait`);
    }
    const id = `${new Date().toISOString().replaceAll(/\D/g, "").slice(0, 17)}-${camera}`;
    await this.#makeRoom(options.maxBytes);
    const file = this.#file(id);
    const view = await this.#ask({ do: "begin", id, camera, sourceId, file, maxMs: seconds * 1000, ...options });
    this.#timer ??= setInterval(() => void this.#endWithoutRoom(), LOOK_MS).unref();
    return this.#note(view, id);
  }

  /** Those of this run, and files of earlier ones; newest first. */
  async list(): Promise<CaptureView[]> {
    for (const { id, state } of [...this.#views.values()]) if (state === "running") await this.view(id);
    const files = this.#files().filter(({ id }) => !this.#views.has(id));
    const views = [...this.#views.values(), ...files.map(leftover)];
    return views.map(withPath).sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  /** @throws ExpectedError when there is none */
  async view(id: string): Promise<CaptureView> {
    const known = this.#views.get(id);
    if (known?.state === "running") return this.#note(await this.#ask({ do: "view", id }), id);
    return withPath(known ?? this.#leftover(id));
  }

  /** Resolves when the file is complete. @throws ExpectedError when there is none */
  async end(id: string): Promise<CaptureView> {
    const known = this.#views.get(id);
    if (known?.state !== "running") return this.view(id);
    return this.#note(await this.#ask({ do: "end", id }), id);
  }

  /** Ends it and removes its file. @throws ExpectedError when there is none */
  async remove(id: string): Promise<{ removed: string }> {
    await this.end(id);
    this.#views.delete(id);
    rmSync(this.#file(id), { force: true });
    return { removed: id };
  }

  /** The file of one, and how long it is now; undefined when there is none. */
  read(id: string): { file: string; bytes: number } | undefined {
    const found = this.#files().find((candidate) => candidate.id === id);
    return found && { file: this.#file(id), bytes: found.bytes };
  }

  /** What the postprocess process says. */
  answer(request: number, view: RecordingView | null): void {
    this.#open.get(request)?.(view);
  }

  /** The postprocess process ended: its recordings are cut off, and still readable. */
  processEnded(): void {
    for (const request of [...this.#open.keys()]) this.answer(request, null);
    for (const [id, view] of this.#views) {
      if (view.state === "running") this.#views.set(id, { ...view, state: "failed", reason: "the process ended" });
    }
  }

  #ask(action: RecordAction): Promise<RecordingView | null> {
    const request = this.#next++;
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#open.delete(request);
        settle();
      };
      const fail = (problem: string) =>
        finish(() =>
          reject(new ExpectedError(EXIT.unreachable, `the postprocess process ${problem}; look at its state`)),
        );
      const timer = setTimeout(() => fail("does not answer"), TIMEOUT_MS);
      this.#open.set(request, (view) => finish(() => resolve(view)));
      if (!this.#sources.send({ type: "record", request, action })) fail("is not running");
    });
  }

  #note(view: RecordingView | null, id: string): CaptureView {
    const known = this.#views.get(id);
    const lost = known && { ...known, state: "failed" as const, reason: "the process ended" };
    const current = view ?? lost;
    if (!current) throw unknown(id);
    this.#views.set(id, current);
    return withPath(current);
  }

  #leftover(id: string): RecordingView {
    const file = this.#files().find((candidate) => candidate.id === id);
    if (!file) throw unknown(id);
    return leftover(file);
  }

  #files(): { id: string; bytes: number }[] {
    try {
      const names = readdirSync(this.#directory).filter((name) => name.endsWith(EXTENSION));
      return names.map((name) => ({
        id: name.slice(0, -EXTENSION.length),
        bytes: statSync(join(this.#directory, name)).size,
      }));
    } catch {
      // Before the first one there is no directory; a file that goes meanwhile is gone.
      return [];
    }
  }

  /** @throws ExpectedError when so many bytes would take space that has to stay free */
  async #makeRoom(bytes: number): Promise<void> {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o750 });
    } catch (error) {
      throw new ExpectedError(EXIT.environment, `${this.#directory} cannot be made: ${messageOf(error)}`, {
        cause: error,
      });
    }
    const oldest = this.#files().sort((a, b) => (a.id < b.id ? -1 : 1));
    let all = oldest.reduce((sum, file) => sum + file.bytes, bytes);
    let room = await roomIn(this.#directory, this.#sources.freeShare);
    for (const { id, bytes: size } of oldest) {
      if ((all <= KEPT_BYTES && room >= bytes) || this.#views.get(id)?.state === "running") continue;
      rmSync(this.#file(id), { force: true });
      this.#views.delete(id);
      all -= size;
      room += size;
    }
    if (room >= bytes) return;
    const most = Math.max(0, Math.floor(room / MEBIBYTE));
    const message = `there is space for a recording of ${most} MiB only, for outbox.freeSpace stays free; ask for fewer maxBytes, or free space on the disk`;
    throw new ExpectedError(EXIT.environment, message);
  }

  /** Others write to the disk too: what is being recorded ends before it takes the space that has to stay free. */
  async #endWithoutRoom(): Promise<void> {
    const running = [...this.#views.values()].filter(({ state }) => state === "running");
    if (running.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if ((await roomIn(this.#directory, this.#sources.freeShare)) < 0)
      for (const { id } of running)
        await this.#ask({ do: "end", id })
          .then((view) =>
            this.#note(view && { ...view, reason: "the disk has less free space than outbox.freeSpace" }, id),
          )
          .catch(() => undefined);
  }

  #file(id: string): string {
    return join(this.#directory, `${id.replaceAll(/[^\w.-]/g, "_")}${EXTENSION}`);
  }
}

function withPath(view: RecordingView): CaptureView {
  return { ...view, path: `/api/captures/${encodeURIComponent(view.id)}/file` };
}

function leftover({ id, bytes }: { id: string; bytes: number }): RecordingView {
  const camera = id.slice(id.indexOf("-") + 1);
  return { id, camera, state: "ended", reason: "of an earlier run", ms: 0, bytes, frames: 0, dropped: 0 };
}

function unknown(id: string): ExpectedError {
  return new ExpectedError(EXIT.usage, `there is no recording "${id}" (any more)`);
}
