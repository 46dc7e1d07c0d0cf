/** Slows down whoever guesses passwords: each failure makes the next try of the same address, and for the same user, wait longer. */
import { isIPv6 } from "node:net";

/** Failures that cost nothing: people mistype. */
const FREE = 3;
const FIRST_WAIT_MS = 1000;
/** Of an address. */
const LONGEST_ADDRESS_WAIT_MS = 15 * 60_000;
/** Of a user: short, for else anybody could lock a user out from anywhere. */
const LONGEST_USER_WAIT_MS = 30_000;
/** A failure is forgotten after this. */
const MEMORY_MS = 3600_000;
/** Addresses and users that are remembered; the oldest go first. */
const MOST = 10_000;

interface Record {
  failures: number;
  /** Milliseconds of the clock. */
  last: number;
  until: number;
}

export class Throttle {
  readonly #now: () => number;
  /** In the order of their last failure. */
  readonly #records = new Map<string, Record>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Milliseconds that a try has to wait; 0: it may be made. */
  waitMs(address: string, user: string): number {
    const waits = keysOf(address, user).map((key) => (this.#records.get(key)?.until ?? 0) - this.#now());
    return Math.max(0, ...waits);
  }

  /** A try begins: it counts as failed until it is known better, so that many at once are no way around. */
  tried(address: string, user: string): void {
    const [addressKey, userKey] = keysOf(address, user);
    this.#add(addressKey, LONGEST_ADDRESS_WAIT_MS);
    this.#add(userKey, LONGEST_USER_WAIT_MS);
  }

  /** The try that began has failed: the wait begins now, however long the look took. */
  failed(address: string, user: string): void {
    for (const key of keysOf(address, user)) {
      const record = this.#records.get(key);
      if (record === undefined) continue;
      record.until += this.#now() - record.last;
      record.last = this.#now();
    }
  }

  succeeded(address: string, user: string): void {
    for (const key of keysOf(address, user)) this.#records.delete(key);
  }

  #add(key: string, longestMs: number): void {
    const now = this.#now();
    const known = this.#records.get(key);
    const failures = (known !== undefined && now - known.last < MEMORY_MS ? known.failures : 0) + 1;
    const wait = failures <= FREE ? 0 : Math.min(longestMs, FIRST_WAIT_MS * 2 ** (failures - FREE - 1));
    this.#records.delete(key);
    this.#records.set(key, { failures, last: now, until: now + wait });
    const oldest = this.#records.size > MOST ? this.#records.keys().next().value : undefined;
    if (oldest !== undefined) this.#records.delete(oldest);
  }
}

function keysOf(address: string, user: string): [address: string, user: string] {
  return [`address ${networkOf(address)}`, `user ${user.slice(0, 64)}`];
}

/** Who has one IPv6 address has 2^64 of them: the first four groups count. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("%")[0]?.split("::") ?? [];
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  return [...first, ...zeros, ...last].slice(0, 4).join(":");
}
