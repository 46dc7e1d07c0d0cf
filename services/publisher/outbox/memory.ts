/** The messages that are in memory: waiting, in flight, set aside. */
import { isStored, perClass, STORED_CLASSES } from "./database.ts";
import type { Entry } from "./entry.ts";
import { Lane, type WaitingLine } from "./lane.ts";
import { CLASSES, type MessageClass } from "./types.ts";

export class Memory {
  readonly lanes = perClass(() => new Lane());
  readonly inFlight = new Set<Entry>();
  /** Topics that the broker does not allow. */
  readonly blockedTopics = new Set<string>();
  /** By sequence, those of the durable numbering. */
  readonly #durable = new Map<number, Entry>();
  #bytes = 0;
  /** Of each class, those that the store will never have. */
  readonly #volatile = perClass(() => ({ messages: 0, bytes: 0 }));

  get bytes(): number {
    return this.#bytes;
  }

  volatile(kind: MessageClass): { readonly messages: number; readonly bytes: number } {
    return this.#volatile[kind];
  }

  has(sequence: number): boolean {
    return this.#durable.has(sequence);
  }

  /** Sequences that must not be taken from the disk: the sender has them. */
  held(): number[] {
    return [...this.#durable.values()]
      .filter(({ storage, state }) => storage === "disk" && state !== "parked")
      .map(({ sequence }) => sequence);
  }

  add(entry: Entry): void {
    this.#bytes += entry.bytes;
    if (entry.durable) this.#durable.set(entry.sequence, entry);
    else this.#count(entry, 1);
    this.#queue(entry);
  }

  /** It waits again. */
  putBack(entry: Entry): void {
    entry.state = "waiting";
    if (this.blockedTopics.has(entry.topic)) this.setAside(entry);
    else this.#lineOf(entry).insert(entry);
  }

  launch(entry: Entry): void {
    entry.state = "in-flight";
    this.inFlight.add(entry);
  }

  /** It leaves memory for good: acknowledged, lost, or on the disk alone. */
  remove(entry: Entry): void {
    entry.state = "gone";
    this.#bytes -= entry.bytes;
    this.inFlight.delete(entry);
    if (entry.durable) this.#durable.delete(entry.sequence);
    else this.#count(entry, -1);
    const { newest, blocked } = this.lanes[entry.class];
    blocked.delete(entry);
    if (newest.get(entry.topic) === entry) newest.delete(entry.topic);
  }

  /** What is on the disk need not be in memory: it is read again when it is its turn. */
  park(entry: Entry): void {
    this.remove(entry);
    const lane = this.lanes[entry.class];
    lane.more = true;
    lane.cursor = Math.min(lane.cursor, entry.sequence - 1);
  }

  /** Its topic is blocked. On the disk it is out of the way; one that is not there yet, or never will be, waits apart. */
  setAside(entry: Entry): void {
    if (entry.storage === "disk") this.park(entry);
    else {
      entry.state = "parked";
      this.lanes[entry.class].blocked.add(entry);
    }
  }

  block(topic: string): void {
    this.blockedTopics.add(topic);
    for (const { live, late } of Object.values(this.lanes))
      for (const line of [live, late])
        for (const entry of [...line.waiting()]) if (entry.topic === topic) this.setAside(entry);
  }

  unblock(topic: string): boolean {
    if (!this.blockedTopics.delete(topic)) return false;
    for (const kind of CLASSES) {
      const lane = this.lanes[kind];
      for (const entry of [...lane.blocked]) {
        if (entry.topic !== topic) continue;
        lane.blocked.delete(entry);
        this.putBack(entry);
      }
      if (isStored(kind)) {
        lane.more = true;
        lane.cursor = 0;
      }
    }
    return true;
  }

  /** Everything waits again, and what is on the disk is read from its beginning. */
  rewind(): void {
    for (const entry of [...this.inFlight]) {
      this.inFlight.delete(entry);
      this.putBack(entry);
    }
    for (const kind of STORED_CLASSES) {
      const lane = this.lanes[kind];
      for (const line of [lane.live, lane.late])
        for (const entry of [...line.waiting()]) if (entry.storage === "disk") this.park(entry);
      lane.late.clear();
      lane.cursor = 0;
      lane.more = true;
    }
  }

  /** What is on the disk is looked for again. */
  readAgain(): void {
    for (const kind of STORED_CLASSES) {
      this.lanes[kind].more = true;
      this.lanes[kind].cursor = 0;
    }
  }

  /** The clock was replaced: what is in memory keeps its age. Milliseconds. */
  moveTimes(by: number): void {
    for (const { live, late, blocked } of Object.values(this.lanes))
      for (const entry of [...live.waiting(), ...late.waiting(), ...blocked]) entry.created += by;
    for (const entry of this.inFlight) entry.created += by;
  }

  /** The lowest durable sequence in memory that did not come from the disk; beyond it, the disk holds what is here. */
  lowestLive(kind: MessageClass): number {
    const { live, unstored } = this.lanes[kind];
    let lowest = live.first()?.sequence ?? Number.MAX_SAFE_INTEGER;
    for (const { sequence } of unstored) {
      lowest = Math.min(lowest, sequence);
      break;
    }
    for (const entry of this.inFlight)
      if (entry.class === kind && entry.durable && !entry.fromDisk) lowest = Math.min(lowest, entry.sequence);
    return lowest;
  }

  /** When the oldest of a class was taken, by the steady clock; infinity when none is here. */
  oldest(kind: MessageClass): number {
    const { live, late } = this.lanes[kind];
    const flying = [...this.inFlight].filter((entry) => entry.class === kind).map(({ created }) => created);
    return Math.min(live.first()?.created ?? Infinity, late.first()?.created ?? Infinity, ...flying);
  }

  /** The store has given up what waits here too. */
  removeGivenUp(isGone: (sequence: number) => boolean): void {
    for (const { live, late } of Object.values(this.lanes))
      for (const line of [live, late])
        for (const entry of [...line.waiting()])
          if (entry.storage === "disk" && entry.durable && isGone(entry.sequence)) this.remove(entry);
  }

  /** The oldest of a class that waits and fits. */
  oldestWaiting(kind: MessageClass, fits: (entry: Entry) => boolean): Entry | undefined {
    const { live, blocked } = this.lanes[kind];
    for (const entry of live.waiting()) if (fits(entry)) return entry;
    for (const entry of blocked) if (fits(entry)) return entry;
    return undefined;
  }

  /** The store that these messages were numbered by is gone: they stay in memory until they are sent. */
  makeVolatile(): void {
    for (const entry of [...this.#durable.values()]) {
      this.#durable.delete(entry.sequence);
      entry.durable = false;
      entry.storage = "memory";
      this.#count(entry, 1);
      entry.settle(true);
    }
    for (const kind of STORED_CLASSES) {
      const lane = this.lanes[kind];
      lane.unstored.clear();
      lane.deletes.clear();
      lane.cursor = 0;
      lane.more = false;
    }
  }

  #queue(entry: Entry): void {
    if (this.blockedTopics.has(entry.topic)) this.setAside(entry);
    else this.#lineOf(entry).push(entry);
  }

  #lineOf(entry: Entry): WaitingLine {
    const { live, late } = this.lanes[entry.class];
    return entry.fromDisk ? late : live;
  }

  #count(entry: Entry, sign: 1 | -1): void {
    const count = this.#volatile[entry.class];
    count.messages += sign;
    count.bytes += sign * entry.bytes;
  }
}
