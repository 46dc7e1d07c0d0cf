/**
 * Brokers of MQTT 3.1.1, and some of 5, refuse a message by ending the connection. This finds the message that connections
 * end over, so that those behind it get through, and leaves all others alone: connections end for many other reasons.
 *
 * After some connections in a row that ended before anything was acknowledged, messages go one at a time, and each connection
 * begins with a silence. Where a connection holds through the silence and ends as soon as the message is sent, again and
 * again, the message is to blame. A connection that ends within the silence acquits it.
 */
import type { Blame } from "./broker-problem.ts";

/** So many connections in a row without an acknowledgement: from then on, one message at a time. */
const FRUITLESS_LIMIT = 3;
/** So many acknowledgements end that caution. */
const CAUTION_ACKS = 50;
/** So many more that ended over the same message alone, each after a silence. */
const BLAME_LIMIT = 5;
/** Where the broker named a reason that has to do with a message, so many over the same one are enough. */
const NAMED_LIMIT = 2;
/** Of the silence, milliseconds. It is longer where connections took longer to end. */
const SILENCE = { leastMs: 1000, mostMs: 30_000 };

/** What is to be done with the only message that was in flight. */
export type Verdict = "none" | "message" | "topic";

export class Suspicion {
  readonly #now: () => number;
  #fruitless = 0;
  /** Those of them that ended without a reason. */
  #unclear = 0;
  #caution = 0;
  /** The message that was alone in flight when connections ended, and how many. */
  #suspect: { readonly key: string; readonly ends: number } | undefined;
  /** The longest that one of them has lasted after a message was sent. */
  #tookMs = 0;
  #sentAt = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Messages go one at a time. */
  get isCautious(): boolean {
    return this.#caution > 0;
  }

  /** How long a new connection stays silent first, milliseconds. */
  get silenceMs(): number {
    if (this.#unclear < FRUITLESS_LIMIT) return 0;
    return Math.min(SILENCE.mostMs, Math.max(SILENCE.leastMs, 2 * this.#tookMs));
  }

  sent(): void {
    this.#sentAt = this.#now();
  }

  acknowledged(): void {
    this.#caution = Math.max(0, this.#caution - 1);
    this.#fruitless = 0;
    this.#acquit();
  }

  /** The connection ended. @param inFlight keys of the messages that had no answer */
  ended(blame: Blame, inFlight: readonly string[]): Verdict {
    const [alone] = inFlight;
    const wasAlone = inFlight.length === 1 && this.isCautious;
    if (alone !== undefined) this.#fruitless += 1;
    if (this.#fruitless >= FRUITLESS_LIMIT || blame === "message" || blame === "topic") this.#caution = CAUTION_ACKS;
    if (blame === "nobody" || alone === undefined) {
      this.#acquit();
      return "none";
    }
    if (blame === "perhaps") return this.#endedSilently(alone, wasAlone);
    return wasAlone && this.#suspected(alone, NAMED_LIMIT) ? blame : "none";
  }

  #endedSilently(key: string, wasAlone: boolean): Verdict {
    const tookMs = this.#now() - this.#sentAt;
    const wasPrompt = this.silenceMs > 0 && tookMs <= this.silenceMs;
    this.#unclear += 1;
    this.#tookMs = Math.max(this.#tookMs, tookMs);
    return wasAlone && wasPrompt && this.#suspected(key, BLAME_LIMIT) ? "message" : "none";
  }

  /** One more connection has ended over this message. True when these are enough. */
  #suspected(key: string, limit: number): boolean {
    const ends = this.#suspect?.key === key ? this.#suspect.ends + 1 : 1;
    this.#suspect = { key, ends };
    if (ends < limit) return false;
    this.#acquit();
    return true;
  }

  #acquit(): void {
    this.#unclear = 0;
    this.#tookMs = 0;
    this.#suspect = undefined;
  }
}
