/** How long a peer may keep us waiting: a connection that is silent, or that trickles, is given up. */

/** Fewer bytes than this within the time limit are as good as none. */
const LEAST_BYTES = 1024;

export class SlowPeerError extends Error {
  override name = "SlowPeerError";
}

export class Patience {
  readonly #limitMs: number;
  #waitedMs = 0;
  #bytes = 0;

  /** @param limitMs for each LEAST_BYTES bytes; only waiting for the peer counts */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Waits for a chunk. @throws SlowPeerError when the peer takes too long; `give up` ends the connection then. */
  async next<T extends { readonly length: number } | undefined>(chunk: Promise<T>, giveUp: () => void): Promise<T> {
    const began = performance.now();
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      giveUp();
      const found = this.#bytes === 0 ? "nothing" : `${this.#bytes} bytes`;
      reject(new SlowPeerError(`${found} came within ${this.#limitMs / 1000} s`));
    }, this.#limitMs - this.#waitedMs);
    // A chunk that fails after we gave up has been answered for.
    chunk.catch(() => {});
    try {
      const value = await Promise.race([chunk, promise]);
      this.#count(performance.now() - began, value?.length ?? 0);
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  #count(ms: number, bytes: number): void {
    this.#waitedMs += ms;
    this.#bytes += bytes;
    if (this.#bytes < LEAST_BYTES) return;
    this.#waitedMs = 0;
    this.#bytes = 0;
  }
}
