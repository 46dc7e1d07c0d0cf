/** The messages of one class that are in memory and wait: live ones, and those that were read from the disk. */
import type { Entry } from "./entry.ts";

/** Entries in the order of their sequences; what is no longer waiting is passed over. */
export class WaitingLine {
  #entries: Entry[] = [];
  #head = 0;

  /** Entries in it, those that no longer wait included. */
  get length(): number {
    return this.#entries.length - this.#head;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Puts an entry back where its sequence belongs; near the head, as a rule. */
  insert(entry: Entry): void {
    let at = this.#head;
    while (at < this.#entries.length && this.#entries[at]!.sequence < entry.sequence) at += 1;
    this.#entries.splice(at, 0, entry);
  }

  first(): Entry | undefined {
    while (this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head]!;
      if (entry.state === "waiting") return entry;
      this.#head += 1;
      this.#trim();
    }
    this.clear();
    return undefined;
  }

  shift(): Entry | undefined {
    const entry = this.first();
    if (entry === undefined) return undefined;
    this.#head += 1;
    this.#trim();
    return entry;
  }

  /** The oldest that fits, out of the line; those before it keep their places. */
  take(fits: (entry: Entry) => boolean): Entry | undefined {
    const first = this.first();
    if (first === undefined || fits(first)) return this.shift();
    const at = this.#entries.findIndex(
      (entry, index) => index > this.#head && entry.state === "waiting" && fits(entry),
    );
    return at < 0 ? undefined : this.#entries.splice(at, 1)[0];
  }

  /** What lies before the head, with its payloads, is let go. */
  #trim(): void {
    if (this.#head <= 1000 || this.#head * 2 <= this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }

  /** What waits, oldest first. */
  *waiting(): Generator<Entry> {
    for (let at = this.#head; at < this.#entries.length; at++)
      if (this.#entries[at]!.state === "waiting") yield this.#entries[at]!;
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
  }
}

export class Lane {
  /** Came since the connection is up, or since the last commit. */
  readonly live = new WaitingLine();
  /** Read from the disk. */
  readonly late = new WaitingLine();
  /** Not on the disk, and neither acknowledged nor lost; in the order of sequence. */
  readonly unstored = new Set<Entry>();
  /** Of a class that keeps the latest: by topic. */
  readonly newest = new Map<string, Entry>();
  /** Of a topic that the broker does not allow, and not on the disk. */
  readonly blocked = new Set<Entry>();
  /** Acknowledged or lost, to be taken from the disk. */
  readonly deletes = new Set<number>();
  /** The disk has been read up to this sequence. */
  cursor = 0;
  /** There are messages on the disk whose turn to be read has come. */
  more = false;
  /** When the last read found nothing: it had looked at what lies below this sequence. */
  readBelow = 0;
  reading = false;
}
