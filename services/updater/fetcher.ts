/**
 * Fetches metadata for tuf-js, and targets into files that a broken connection can go on with. Every fetch has an upper
 * bound in bytes; a peer that is silent or trickles is given up; a rate limit leaves room for the video.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fetcher } from "tuf-js";
import { DownloadHTTPError, DownloadLengthMismatchError } from "tuf-js/dist/error.js";
import { hashOfFile } from "../postprocess/file_hash.ts";
import { diskProblem } from "./durable.ts";
import { Patience } from "./patience.ts";
import { statusProblem } from "./reach-problem.ts";
import { type Answer, shown, type Transport, UnreachableError, unreachable } from "./transport.ts";

/** Tries of a target in a row that brought next to nothing. */
const FRUITLESS_TRIES = 3;
/** A try that brought less was fruitless. Bytes. */
const FRUITFUL_BYTES = 16 * 1024;
/** Longest answer that is read to its end although nobody wants it. Bytes. */
const MAX_DROPPED_BYTES = 4096;
/** Before another try, doubled with each; never longer than a peer may be silent. */
const RETRY_MS = 1000;

export interface Wanted {
  readonly url: string;
  readonly length: number;
  readonly sha256: string;
}

/** What came is not what was signed. */
export class WrongContentError extends Error {
  override name = "WrongContentError";
}

export class UpdateFetcher implements Fetcher {
  readonly #transport: Transport;
  readonly #signal: AbortSignal | undefined;
  /** Why the last metadata could not be had; tuf-js keeps only its text. */
  problem: Error | undefined;

  constructor(transport: Transport, signal?: AbortSignal) {
    this.#transport = transport;
    this.#signal = signal;
  }

  /** For tuf-js. @throws its own errors for statuses and lengths, UnreachableError */
  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    try {
      return await this.#bytes(url, maxLength);
    } catch (error) {
      const problem = metadataProblem(url, error);
      if (problem instanceof UnreachableError) this.problem = problem;
      throw problem;
    }
  }

  /** For tuf-js' own way with targets, which Nightjar does not use (see target()) but its conformance program does. */
  async downloadFile<T>(url: string, maxLength: number, handler: (file: string) => Promise<T>): Promise<T> {
    const directory = await mkdtemp(join(tmpdir(), "nightjar-target-"));
    const file = join(directory, "target");
    const sink = openSync(file, "w");
    try {
      for await (const chunk of this.#chunks(await this.#open(url, 0), url, maxLength)) writeSync(sink, chunk);
      return await handler(file);
    } finally {
      closeSync(sink);
      await rm(directory, { recursive: true, force: true });
    }
  }

  /**
   * Fetches a target into `path` (with ".part" behind it until it is whole), going on where an earlier try ended.
   * When this resolves the file is synced; its name is not yet.
   * @throws WrongContentError when length or SHA-256 are not as signed, UnreachableError, ExpectedError of the disk
   */
  async target(wanted: Wanted, path: string, progress: (bytes: number) => void): Promise<void> {
    const part = `${path}.part`;
    for (let fruitless = 0; ; ) {
      const before = sizeOf(part);
      if (before > wanted.length) rmSync(part, { force: true });
      try {
        if (before < wanted.length || wanted.length === 0) await this.#append(wanted, part, progress);
        return await finish(wanted, part);
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw diskProblem(part, error);
        fruitless = sizeOf(part) - before >= FRUITFUL_BYTES ? 0 : fruitless + 1;
        if (fruitless >= FRUITLESS_TRIES) throw error;
        await sleep(Math.min(RETRY_MS * 2 ** fruitless, this.#transport.idleMs), undefined, {
          ...(this.#signal && { signal: this.#signal }),
        });
      }
    }
  }

  async #append(wanted: Wanted, part: string, progress: (bytes: number) => void): Promise<void> {
    const { url, length } = wanted;
    const asked = sizeOf(part);
    const answer = await this.#open(url, asked);
    // A server without ranges begins at the beginning.
    if (answer.from !== asked) rmSync(part, { force: true });
    if (answer.from !== asked && answer.from !== 0) {
      answer.end();
      throw new UnreachableError(`${shown(url)} answers with bytes from ${answer.from} on, asked for were ${asked}`);
    }
    let at = answer.from;
    const file = openSync(part, "a", 0o644);
    try {
      for await (const chunk of this.#chunks(answer, url, length - at)) {
        writeSync(file, chunk);
        at += chunk.length;
        progress(at);
      }
    } finally {
      closeSync(file);
    }
    if (at < length) throw new UnreachableError(`${shown(url)} ended after ${at} of ${length} bytes`);
  }

  async #bytes(url: string, maxLength: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const answer = await this.#open(url, 0);
    for await (const chunk of this.#chunks(answer, url, maxLength)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (answer.length !== undefined && bytes.length < answer.length) {
      throw new UnreachableError(`${shown(url)} ended after ${bytes.length} of ${answer.length} bytes`);
    }
    return bytes;
  }

  async #open(url: string, from: number): Promise<Answer> {
    const answer = await this.#transport.open(url, from, this.#signal);
    if (answer.status === 200 || answer.status === 206) return answer;
    this.#transport.counts.bytes += answer.length ?? 0;
    this.#drop(answer);
    const said = `${shown(url)} ${statusProblem(answer.status)}`;
    if (answer.status >= 500 || answer.status === 429) throw new UnreachableError(said);
    throw new DownloadHTTPError(said, answer.status);
  }

  /** The body of an error is read to its end, so that the connection can be used again, unless it is long or does not come. */
  #drop(answer: Answer): void {
    if (answer.length === undefined || answer.length > MAX_DROPPED_BYTES) {
      answer.end();
      return;
    }
    const timer = setTimeout(answer.end, this.#transport.idleMs);
    answer.body.once("close", () => clearTimeout(timer)).resume();
  }

  /** @throws DownloadLengthMismatchError as soon as there is more than `most` */
  async *#chunks(answer: Answer, url: string, most: number): AsyncGenerator<Buffer> {
    const { idleMs, rate } = this.#transport;
    const patience = new Patience(idleMs);
    const source = answer.body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    let received = 0;
    const tooMuch = () =>
      new DownloadLengthMismatchError(`${shown(url)} is longer than the ${most} bytes that it may have`);
    try {
      if (answer.length !== undefined && answer.length > most) throw tooMuch();
      for (;;) {
        const read = source.next().then(({ done, value }) => (done === true ? undefined : value));
        const chunk = await patience.next(read, answer.end).catch((error) => {
          throw unreachable(url, error);
        });
        if (chunk === undefined) return;
        received += chunk.length;
        this.#transport.counts.bytes += chunk.length;
        if (received > most) throw tooMuch();
        yield chunk;
        if (rate > 0) await sleep((chunk.length / rate) * 1000);
      }
    } finally {
      answer.end();
    }
  }
}

/** There is no newer root, by 403 or 404; any other file that is not there says that the repository is not. */
function metadataProblem(url: string, error: unknown): unknown {
  if (!(error instanceof DownloadHTTPError)) return error;
  const isNextRoot = /\/\d+\.root\.json$/.test(url) && (error.statusCode === 403 || error.statusCode === 404);
  return isNextRoot ? error : new UnreachableError(error.message, { cause: error });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Checks what came, and syncs it. A wrong file is removed: what it holds would never become right. */
async function finish({ url, length, sha256 }: Wanted, part: string): Promise<void> {
  const bytes = sizeOf(part);
  if (bytes === 0) closeSync(openSync(part, "a", 0o644));
  const found = await hashOfFile(part);
  if (bytes !== length || found !== sha256) {
    rmSync(part, { force: true });
    throw new WrongContentError(
      `${shown(url)} has ${bytes} bytes and SHA-256 ${found}; signed are ${length} and ${sha256}`,
    );
  }
  const file = openSync(part, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
