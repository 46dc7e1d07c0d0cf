/** How large the outbox may be, given what is free on its file system. */
import { statfsSync } from "node:fs";

/** How often the file system is asked, milliseconds. */
const LOOK_MS = 1000;
/** It has to be this much freer again before the outbox grows, so that it does not swing. */
const HYSTERESIS = 1.1;

export class FreeSpace {
  readonly #directory: string;
  readonly #share: number;
  readonly #now: () => number;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Bytes of messages at which growth stopped. */
  #limit = Number.POSITIVE_INFINITY;

  constructor(directory: string, share: number, now: () => number = () => performance.now()) {
    this.#directory = directory;
    this.#share = share;
    this.#now = now;
  }

  /** Most bytes of messages that may be kept; `bytes` are kept now, among them those of the present transaction. */
  limit(bytes: number): number {
    const now = this.#now();
    if (now - this.#lookedAt < LOOK_MS) return this.#limit;
    this.#lookedAt = now;
    const { bavail, blocks } = statfsSync(this.#directory);
    const free = blocks === 0 ? 1 : bavail / blocks;
    if (free < this.#share) this.#limit = Math.min(this.#limit, bytes);
    else if (free > this.#share * HYSTERESIS) this.#limit = Number.POSITIVE_INFINITY;
    return this.#limit;
  }

  /** The disk took no more: from now on nothing is added without something going. */
  full(bytes: number): void {
    this.#limit = Math.min(this.#limit, bytes);
    this.#lookedAt = this.#now();
  }
}
