/**
 * How many messages may be without an answer at a time, and who of two may send the next: the queue, which looks at `free`, or
 * what goes beside it (retained messages and replies), which waits for its turn. Neither can starve the other: beside the
 * queue goes at most a quarter of the window, and in a window of one they take turns.
 */

const SHARE_BESIDE = 0.25;

export class SendWindow {
  readonly #onTurn: () => void;
  #size = 0;
  #inFlight = 0;
  #inFlightBeside = 0;
  #waiting: (() => void)[] = [];

  /** @param onTurn the queue may send, before anything that waits */
  constructor(onTurn: () => void) {
    this.#onTurn = onTurn;
  }

  /** How many messages of the queue may be sent now. */
  get free(): number {
    const wanted = this.#size > 1 ? Math.min(this.#waiting.length, this.#share - this.#inFlightBeside) : 0;
    return Math.max(0, this.#size - this.#inFlight - wanted);
  }

  /** Messages beside the queue that have no answer. */
  get beside(): number {
    return this.#inFlightBeside;
  }

  open(size: number): void {
    this.#size = size;
  }

  /** The connection is gone, and with it what was in flight; whoever waits finds that out. */
  close(): void {
    this.#size = 0;
    this.#inFlight = 0;
    this.#inFlightBeside = 0;
    for (const proceed of this.#waiting.splice(0)) proceed();
  }

  /** A message of the queue goes out. */
  enter(): void {
    this.#inFlight += 1;
  }

  /** Resolves when it is the turn of a message beside the queue; it counts as in flight from then on. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#next();
    });
  }

  /** A message has its answer. */
  leave(isBeside: boolean): void {
    // close() has forgotten it already.
    if (this.#size === 0) return;
    this.#inFlight -= 1;
    if (isBeside) this.#inFlightBeside -= 1;
    if (isBeside && this.#size === 1) this.#onTurn();
    this.#next();
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#inFlight >= this.#size || this.#inFlightBeside >= this.#share) return;
    this.#inFlight += 1;
    this.#inFlightBeside += 1;
    this.#waiting.shift()?.();
  }

  get #share(): number {
    return Math.max(1, Math.floor(this.#size * SHARE_BESIDE));
  }
}
