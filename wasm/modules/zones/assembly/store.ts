// The records of all sources: found by their keys, made, and given back.

import {
  MAX_OBJECTS,
  MAX_SOURCES,
  MAX_TALLIES,
  MAX_VISITS,
  NONE,
  Pool,
  Source,
  Tally,
  Tracked,
  Visit,
} from "./records";
import { ALL_SOURCES, NAME_BYTES, sameName, Zone, ZoneTable } from "./zone";

const BUCKETS: i32 = 8192;

@final
export class Store {
  readonly tallies: Pool = new Pool(MAX_TALLIES, offsetof<Tally>());
  readonly objects: Pool = new Pool(MAX_OBJECTS, offsetof<Tracked>());
  readonly visits: Pool = new Pool(MAX_VISITS, offsetof<Visit>());
  private readonly sources: usize = heap.alloc(<usize>MAX_SOURCES * offsetof<Source>());
  /** An object's visit found no place. */
  isFull: bool = false;
  private sourceTotal: i32 = 0;
  private calls: u64 = 0;
  private lastFound: i32 = 0;
  /** First object of each hash. */
  private readonly buckets: StaticArray<i32> = new StaticArray<i32>(BUCKETS);

  constructor() {
    this.clear();
  }

  clear(): void {
    this.tallies.clear();
    this.objects.clear();
    this.visits.clear();
    this.sourceTotal = 0;
    for (let i = 0; i < BUCKETS; i++) this.buckets[i] = NONE;
  }

  get sourceCount(): i32 {
    return this.sourceTotal;
  }

  @inline
  source(index: i32): Source {
    return changetype<Source>(this.sources + <usize>index * offsetof<Source>());
  }

  @inline
  tally(index: i32): Tally {
    return changetype<Tally>(this.tallies.at(index));
  }

  @inline
  object(index: i32): Tracked {
    return changetype<Tracked>(this.objects.at(index));
  }

  @inline
  visit(index: i32): Visit {
    return changetype<Visit>(this.visits.at(index));
  }

  /** Index of the source, a new one when it was not seen before. */
  findSource(id: u32): i32 {
    this.calls++;
    let found = NONE;
    if (this.lastFound < this.sourceTotal && this.source(this.lastFound).id == id) found = this.lastFound;
    for (let i = 0; found < 0 && i < this.sourceTotal; i++) if (this.source(i).id == id) found = i;
    if (found < 0) found = this.addSource(id);
    this.lastFound = found;
    this.source(found).used = this.calls;
    return found;
  }

  /** A source without anything; the least recently seen one gives way when there are too many. */
  addSource(id: u32): i32 {
    const index = this.sourceTotal < MAX_SOURCES ? this.sourceTotal++ : this.evict();
    const source = this.source(index);
    memory.fill(changetype<usize>(source), 0, offsetof<Source>());
    source.id = id;
    source.tallies = NONE;
    source.objects = NONE;
    return index;
  }

  private evict(): i32 {
    let oldest = 0;
    for (let i = 1; i < this.sourceTotal; i++) if (this.source(i).used < this.source(oldest).used) oldest = i;
    this.dropObjects(oldest);
    const source = this.source(oldest);
    for (let index = source.tallies; index >= 0; ) {
      const next = this.tally(index).next;
      this.tallies.release(index);
      index = next;
    }
    return oldest;
  }

  /** Forgets the objects of a source and what they did; counts stay. */
  dropObjects(index: i32): void {
    const source = this.source(index);
    while (source.objects >= 0) this.dropObject(source.objects, NONE);
    for (let at = source.tallies; at >= 0; at = this.tally(at).next) this.tally(at).members = 0;
  }

  /** Index of a tracked object of a source, NONE when it is new. */
  findObject(source: i32, id: u64): i32 {
    for (let index = this.buckets[hashOf(source, id)]; index >= 0; index = this.object(index).chained) {
      const object = this.object(index);
      if (object.id == id && object.source == source) return index;
    }
    return NONE;
  }

  /** NONE when there are too many. */
  addObject(sourceIndex: i32, id: u64): i32 {
    const index = this.objects.take();
    if (index < 0) return NONE;
    const object = this.object(index);
    const source = this.source(sourceIndex);
    const bucket = hashOf(sourceIndex, id);
    object.id = id;
    object.source = sourceIndex;
    object.visits = NONE;
    object.next = source.objects;
    source.objects = index;
    object.chained = this.buckets[bucket];
    this.buckets[bucket] = index;
    return index;
  }

  /** `before`: the object before it in the list of its source, NONE for the first. */
  dropObject(index: i32, before: i32): void {
    const object = this.object(index);
    for (let visit = object.visits; visit >= 0; ) {
      const next = this.visit(visit).next;
      this.visits.release(visit);
      visit = next;
    }
    if (before < 0) this.source(object.source).objects = object.next;
    else this.object(before).next = object.next;
    this.unchain(index, hashOf(object.source, object.id));
    this.objects.release(index);
  }

  private unchain(index: i32, bucket: i32): void {
    const chained = this.object(index).chained;
    if (this.buckets[bucket] == index) {
      this.buckets[bucket] = chained;
      return;
    }
    let at = this.buckets[bucket];
    while (this.object(at).chained != index) at = this.object(at).chained;
    this.object(at).chained = chained;
  }

  /** The visit of an object in a zone; NONE when there are too many. */
  addVisit(object: Tracked, tally: i32): i32 {
    const index = this.visits.take();
    if (index < 0) {
      this.isFull = true;
      return NONE;
    }
    const visit = this.visit(index);
    visit.tally = tally;
    visit.next = object.visits;
    object.visits = index;
    return index;
  }

  dropVisit(object: Tracked, index: i32): void {
    const next = this.visit(index).next;
    if (object.visits == index) object.visits = next;
    else {
      let at = object.visits;
      while (this.visit(at).next != index) at = this.visit(at).next;
      this.visit(at).next = next;
    }
    this.visits.release(index);
  }

  /** Turns the list of a source's objects round: those that were added first come first. */
  turnObjects(sourceIndex: i32): void {
    let turned = NONE;
    for (let at = this.source(sourceIndex).objects; at >= 0; ) {
      const next = this.object(at).next;
      this.object(at).next = turned;
      turned = at;
      at = next;
    }
    this.source(sourceIndex).objects = turned;
  }

  /** Turns the list of an object's visits round. */
  turnVisits(object: Tracked): void {
    let turned = NONE;
    for (let at = object.visits; at >= 0; ) {
      const next = this.visit(at).next;
      this.visit(at).next = turned;
      turned = at;
      at = next;
    }
    object.visits = turned;
  }

  /**
   * Gives the source the tallies of the zones at hand: a zone of the same name and type goes on with its counts and with
   * who is in it, others are new, and what is no zone any more is forgotten. False when there are too many.
   */
  attach(sourceIndex: i32, table: ZoneTable): bool {
    const source = this.source(sourceIndex);
    const before = source.tallies;
    source.ready = 1;
    for (let at = before; at >= 0; at = this.tally(at).next) this.tally(at).zone = NONE;
    let first = NONE;
    let last = NONE;
    let complete = true;
    for (let i = 0; i < table.count; i++) {
      const zone = table.at(i);
      if (zone.source != ALL_SOURCES && <u32>zone.source != source.id) continue;
      let index = this.findTally(before, zone);
      if (index < 0) index = this.newTally(zone);
      if (index < 0) {
        complete = false;
        continue;
      }
      this.tally(index).zone = i;
      if (last < 0) first = index;
      else this.linkLater(last, index);
      last = index;
    }
    this.dropOthers(source, before);
    source.tallies = this.relink(first);
    return complete;
  }

  // The old list must stay whole while the new one is put together: the new links are kept beside it.
  private readonly later: StaticArray<i32> = new StaticArray<i32>(MAX_TALLIES);

  private linkLater(from: i32, to: i32): void {
    this.later[from] = to;
    this.later[to] = NONE;
  }

  private relink(first: i32): i32 {
    for (let at = first; at >= 0; at = this.later[at]) this.tally(at).next = this.later[at];
    return first;
  }

  private findTally(first: i32, zone: Zone): i32 {
    for (let at = first; at >= 0; at = this.tally(at).next) {
      const tally = this.tally(at);
      if (tally.type == zone.type && sameName(tally.name, zone.name)) {
        this.later[at] = NONE;
        return at;
      }
    }
    return NONE;
  }

  newTally(zone: Zone): i32 {
    const index = this.tallies.take();
    if (index < 0) return NONE;
    const tally = this.tally(index);
    memory.copy(tally.name, zone.name, NAME_BYTES);
    tally.type = zone.type;
    tally.next = NONE;
    this.later[index] = NONE;
    return index;
  }

  private dropOthers(source: Source, first: i32): void {
    for (let object = source.objects; object >= 0; object = this.object(object).next) {
      const tracked = this.object(object);
      for (let visit = tracked.visits; visit >= 0; ) {
        const next = this.visit(visit).next;
        if (this.tally(this.visit(visit).tally).zone < 0) this.dropVisit(tracked, visit);
        visit = next;
      }
    }
    for (let at = first; at >= 0; ) {
      const next = this.tally(at).next;
      if (this.tally(at).zone < 0) this.tallies.release(at);
      at = next;
    }
  }
}

function hashOf(source: i32, id: u64): i32 {
  return <i32>(((id ^ ((<u64>source) << 40)) * 0x9e3779b97f4a7c15) >> 51);
}
