// Counts, and who is where, as bytes, so that another instance goes on with them.
//
//   u32 magic, u32 version, u32 sources, u32 bytes
//   for each source: u32 id, u32 tallies, u32 objects, u32 0, u64 time
//     Tally[tallies]
//     for each object: Tracked, u32 visits, u32 0, Visit[visits]; a visit names its tally by its place in the list above
//
// Events that wait for their place in a frame are not saved: what they tell of has been counted.

import { Status } from "../../../sdk";
import { MAX_SOURCES, NONE, Source, Tally, Tracked, Visit, VisitState } from "./records";
import { Store } from "./store";
import { ZoneType } from "./zone";
import { Zones } from "./zones";

const MAGIC: u32 = 0x4e5a4a4e; // "NJZN"
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;
const SOURCE_HEADER_BYTES: usize = 24;
const OBJECT_HEADER_BYTES: usize = 8;
const TALLY_BYTES: usize = offsetof<Tally>();
const OBJECT_BYTES: usize = offsetof<Tracked>();
const VISIT_BYTES: usize = offsetof<Visit>();

let cursor: usize = 0;
let limit: usize = 0;

/** The bytes used, or Status.BadLimits. */
export function saveZones(zones: Zones, at: usize, capacity: i32): i32 {
  const store = zones.store;
  if (!begin(at, capacity, HEADER_BYTES)) return Status.BadLimits;
  for (let i = 0; i < store.sourceCount; i++) if (!saveSource(store, store.source(i))) return Status.BadLimits;
  const bytes = cursor - at;
  putWord(at, MAGIC);
  putWord(at + 4, VERSION);
  putWord(at + 8, <u32>store.sourceCount);
  putWord(at + 12, <u32>bytes);
  return <i32>bytes;
}

function saveSource(store: Store, source: Source): bool {
  const header = take(SOURCE_HEADER_BYTES);
  if (header == 0) return false;
  let tallies: u32 = 0;
  for (let at = source.tallies; at >= 0; at = store.tally(at).next) {
    const to = take(TALLY_BYTES);
    if (to == 0) return false;
    memory.copy(to, store.tallies.at(at), TALLY_BYTES);
    changetype<Tally>(to).next = 0;
    changetype<Tally>(to).zone = 0;
    // For the visits below: where in the list it stands.
    store.tally(at).zone |= <i32>(tallies << PLACE_SHIFT);
    tallies++;
  }
  let objects: u32 = 0;
  let complete = true;
  for (let at = source.objects; at >= 0 && complete; at = store.object(at).next, objects++)
    complete = saveObject(store, at);
  for (let at = source.tallies; at >= 0; at = store.tally(at).next) store.tally(at).zone &= ZONE_MASK;
  putWord(header, source.id);
  putWord(header + 4, tallies);
  putWord(header + 8, objects);
  putWord(header + 12, 0);
  putTime(header + 16, source.time);
  return complete;
}

const PLACE_SHIFT: u32 = 16;
const ZONE_MASK: i32 = 0xffff;

function saveObject(store: Store, index: i32): bool {
  const object = store.object(index);
  const to = take(OBJECT_BYTES + OBJECT_HEADER_BYTES);
  if (to == 0) return false;
  memory.copy(to, changetype<usize>(object), OBJECT_BYTES);
  unlink(changetype<Tracked>(to));
  let visits: u32 = 0;
  for (let at = object.visits; at >= 0; at = store.visit(at).next, visits++) {
    const place = take(VISIT_BYTES);
    if (place == 0) return false;
    memory.copy(place, store.visits.at(at), VISIT_BYTES);
    changetype<Visit>(place).next = 0;
    changetype<Visit>(place).tally = store.tally(store.visit(at).tally).zone >> PLACE_SHIFT;
  }
  putWord(to + OBJECT_BYTES, visits);
  putWord(to + OBJECT_BYTES + 4, 0);
  return true;
}

/** Where a record lies says nothing: two instances that know the same give the same bytes. */
function unlink(object: Tracked): void {
  object.source = 0;
  object.next = 0;
  object.chained = 0;
  object.visits = 0;
}

/** Status.BadState, with the module as new, when the bytes are not a state. */
export function restoreZones(zones: Zones, at: usize, bytes: i32): i32 {
  const store = zones.store;
  store.clear();
  zones.outbox.clear();
  if (readState(store, at, bytes)) {
    for (let i = 0; i < store.sourceCount; i++) zones.attach(i);
    return Status.Ok;
  }
  store.clear();
  return Status.BadState;
}

function readState(store: Store, at: usize, bytes: i32): bool {
  if (!begin(at, bytes, HEADER_BYTES)) return false;
  const sources = word(at + 8);
  if (word(at) != MAGIC || word(at + 4) != VERSION || word(at + 12) != <u32>bytes) return false;
  if (sources > <u32>MAX_SOURCES) return false;
  for (let i: u32 = 0; i < sources; i++) if (!readSource(store)) return false;
  return cursor == limit;
}

function readSource(store: Store): bool {
  const header = take(SOURCE_HEADER_BYTES);
  if (header == 0) return false;
  const index = store.addSource(word(header));
  const source = store.source(index);
  source.time = time(header + 16);
  const tallies = word(header + 4);
  const objects = word(header + 8);
  let last = NONE;
  for (let i: u32 = 0; i < tallies; i++) {
    const tally = readTally(store);
    if (tally < 0) return false;
    if (last < 0) source.tallies = tally;
    else store.tally(last).next = tally;
    last = tally;
  }
  for (let i: u32 = 0; i < objects; i++) if (!readObject(store, index)) return false;
  store.turnObjects(index);
  return true;
}

function readTally(store: Store): i32 {
  const from = take(TALLY_BYTES);
  if (from == 0) return NONE;
  const index = store.tallies.take();
  if (index < 0) return NONE;
  const tally = store.tally(index);
  memory.copy(store.tallies.at(index), from, TALLY_BYTES);
  tally.next = NONE;
  tally.zone = NONE;
  tally.members = 0; // counted again from the visits
  tally.loose = 0;
  const isType = tally.type == ZoneType.Region || tally.type == ZoneType.Line;
  return isType && <u32>tally.crowd <= 3 && load<u8>(tally.name, 31) == 0 ? index : NONE;
}

function readObject(store: Store, source: i32): bool {
  const from = take(OBJECT_BYTES + OBJECT_HEADER_BYTES);
  if (from == 0) return false;
  const saved = changetype<Tracked>(from);
  if (store.findObject(source, saved.id) >= 0) return false;
  const index = store.addObject(source, saved.id);
  if (index < 0) return false;
  const object = store.object(index);
  object.time = saved.time;
  object.classId = saved.classId;
  object.confidence = saved.confidence;
  memory.copy(object.anchors, saved.anchors, offsetof<Tracked>() - offsetof<Tracked>("a0"));
  const visits = word(from + OBJECT_BYTES);
  for (let i: u32 = 0; i < visits; i++) if (!readVisit(store, source, object)) return false;
  store.turnVisits(object);
  return true;
}

function readVisit(store: Store, source: i32, object: Tracked): bool {
  const from = take(VISIT_BYTES);
  if (from == 0) return false;
  const saved = changetype<Visit>(from);
  const tallyIndex = nthTally(store, source, saved.tally);
  if (tallyIndex < 0 || !fits(store.tally(tallyIndex), saved)) return false;
  for (let at = object.visits; at >= 0; at = store.visit(at).next)
    if (store.visit(at).tally == tallyIndex) return false;
  const index = store.addVisit(object, tallyIndex);
  if (index < 0) return false;
  const next = store.visit(index).next;
  memory.copy(store.visits.at(index), from, VISIT_BYTES);
  const visit = store.visit(index);
  visit.next = next;
  visit.tally = tallyIndex;
  if (visit.state == VisitState.Inside || visit.state == VisitState.Leaving) store.tally(tallyIndex).members++;
  return true;
}

function fits(tally: Tally, visit: Visit): bool {
  if (tally.type == ZoneType.Line) return visit.state == VisitState.Crossing && visit.net != 0;
  return visit.state >= VisitState.Arriving && visit.state <= VisitState.Leaving;
}

function nthTally(store: Store, source: i32, place: i32): i32 {
  if (place < 0) return NONE;
  let at = store.source(source).tallies;
  for (let i = 0; i < place && at >= 0; i++) at = store.tally(at).next;
  return at;
}

function begin(at: usize, bytes: i32, header: usize): bool {
  if (bytes < 0 || <usize>bytes < header) return false;
  cursor = at + header;
  limit = at + <usize>bytes;
  return true;
}

/** The next so many bytes, 0 when there are fewer. */
function take(bytes: usize): usize {
  if (bytes > limit - cursor) return 0;
  const at = cursor;
  cursor += bytes;
  return at;
}

// `store` is the name of the records here, and of a built-in function elsewhere.
function putWord(at: usize, value: u32): void {
  store<u32>(at, value);
}

function putTime(at: usize, value: u64): void {
  store<u64>(at, value);
}

function word(at: usize): u32 {
  return load<u32>(at);
}

function time(at: usize): u64 {
  return load<u64>(at);
}
