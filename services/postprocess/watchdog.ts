// Looks at every link a hundred times a second, from outside of the workers: what overran its time is ended.

/** So much later than its limit, at most, is a module noticed. */
const INTERVAL_MS = 10;

export class Watchdog {
  readonly #timer: NodeJS.Timeout;

  /** Calls `check` until it is closed. */
  constructor(check: () => void) {
    this.#timer = setInterval(check, INTERVAL_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
