// One frame through all zones of its source.

import { Frame, line, ObjectRecord, setFrameUser, setObjectUser, UNTRACKED } from "../../../sdk";
import { Outbox } from "./outbox";
import { CrowdState, MAX_TALLIES, NONE, Tally, Tracked, Visit, VisitState } from "./records";
import { covers, Rules } from "./rules";
import { Store } from "./store";
import { Writer } from "./writer";
import { ANCHORS, Anchor, Zone, ZoneTable, ZoneType } from "./zone";

const ANCHORS_BYTES: usize = <usize>ANCHORS * 16;
/** Below 1: a box that the lower border cuts stands in a region that reaches down to it. */
const LAST: f64 = 0.999999;
const FRAME_USER_BYTES: i32 = 256 * 1024;
const OBJECT_USER_BYTES: i32 = 4096;

// One instance of a module has one of each.
const sharedStore = new Store();
const sharedOutbox = new Outbox();

@final
export class Zones {
  readonly store: Store = sharedStore;
  readonly outbox: Outbox = sharedOutbox;
  table: ZoneTable = new ZoneTable();
  forgetAfter: u64 = 2_000_000_000;
  private readonly rules: Rules = new Rules(sharedStore, sharedOutbox);
  private readonly from: usize = heap.alloc(ANCHORS_BYTES);
  /** Of the object at hand, by tally; NONE where it has none. */
  private readonly visitOf: StaticArray<i32> = new StaticArray<i32>(MAX_TALLIES);
  private readonly text: Writer = new Writer(FRAME_USER_BYTES);
  private readonly objectText: Writer = new Writer(OBJECT_USER_BYTES);
  private toldFull: bool = false;
  private toldLimit: bool = false;

  constructor() {
    for (let i = 0; i < MAX_TALLIES; i++) this.visitOf[i] = NONE;
  }

  /** Other zones: those that stay keep their counts and who is in them. */
  change(table: ZoneTable): void {
    this.table = table;
    for (let i = 0; i < this.store.sourceCount; i++) this.attach(i);
  }

  attach(source: i32): void {
    if (!this.store.attach(source, this.table)) this.limit("zones of all sources together");
  }

  process(frame: Frame): void {
    const index = this.store.findSource(frame.sourceId);
    const source = this.store.source(index);
    if (!source.ready) this.attach(index);
    const now = frame.time;
    if (frame.discontinuity || now < source.time) this.store.dropObjects(index);
    source.time = now;
    this.outbox.flush(frame);
    for (let at = source.tallies; at >= 0; at = this.store.tally(at).next) this.store.tally(at).loose = 0;
    for (let i = 0; i < frame.objectCount && !frame.full; i++) this.look(frame, now, index, i);
    this.forget(frame, now, index);
    this.finish(frame, now, source.tallies);
    if (this.store.isFull) this.limit("objects in zones of all sources together");
  }

  /** One object of the frame. */
  private look(frame: Frame, now: u64, source: i32, i: i32): void {
    const out = frame.outCount;
    const record = frame.continueObject(i);
    if (!isBox(record)) return;
    if (record.objectId != UNTRACKED) this.follow(frame, now, source, record, out);
    else this.countLoose(frame, source, record);
  }

  private follow(frame: Frame, now: u64, source: i32, record: ObjectRecord, out: i32): void {
    let index = this.store.findObject(source, record.objectId);
    const isNew = index < 0;
    if (isNew) index = this.store.addObject(source, record.objectId);
    if (index < 0) {
      this.limit("tracked objects of all sources together");
      return;
    }
    const object = this.store.object(index);
    memory.copy(this.from, object.anchors, ANCHORS_BYTES);
    putAnchors(object.anchors, record, frame);
    if (isNew) memory.copy(this.from, object.anchors, ANCHORS_BYTES);
    object.time = now;
    object.classId = record.classId;
    for (let at = object.visits; at >= 0; at = this.store.visit(at).next) this.visitOf[this.store.visit(at).tally] = at;
    this.apply(frame, now, this.store.source(source).tallies, object, out);
    if (object.visits >= 0) this.tellWhere(frame, object, record);
  }

  /** Every rule for one object. */
  private apply(frame: Frame, now: u64, tallies: i32, object: Tracked, out: i32): void {
    const store = this.store;
    for (let at = tallies; at >= 0; at = store.tally(at).next) {
      const zone = this.table.at(store.tally(at).zone);
      const visit = unchecked(this.visitOf[at]);
      if (visit >= 0) unchecked((this.visitOf[at] = NONE));
      if (zone.type == ZoneType.Region) this.rules.region(frame, now, zone, at, object, visit, out);
      else this.rules.line(frame, now, zone, at, object, this.from, visit, out);
    }
  }

  /** An object without an id is in a region or not; it cannot enter, stay or cross. */
  private countLoose(frame: Frame, source: i32, record: ObjectRecord): void {
    putAnchors(this.from, record, frame);
    for (let at = this.store.source(source).tallies; at >= 0; at = this.store.tally(at).next) {
      const tally = this.store.tally(at);
      const zone = this.table.at(tally.zone);
      if (zone.type != ZoneType.Region || !zone.takes(record.classId)) continue;
      const anchor = this.from + ((<usize>zone.anchor) << 4);
      if (covers(zone, load<f64>(anchor), load<f64>(anchor, 8))) tally.loose++;
    }
  }

  /** Ends what objects did that were not seen for too long. */
  private forget(frame: Frame, now: u64, source: i32): void {
    const store = this.store;
    let before = NONE;
    for (let index = store.source(source).objects; index >= 0; ) {
      const object = store.object(index);
      const next = object.next;
      if (now - object.time > this.forgetAfter) {
        for (let at = object.visits; at >= 0; at = store.visit(at).next) this.end(frame, object, store.visit(at));
        store.dropObject(index, before);
      } else before = index;
      index = next;
    }
  }

  private end(frame: Frame, object: Tracked, visit: Visit): void {
    const tally = this.store.tally(visit.tally);
    this.rules.end(frame, this.table.at(tally.zone), tally, object, visit);
  }

  /** Crowds, and the frame's metadata: {"zones":[{"name":…,"type":…,"points":…,"in":3,"out":1},…]} */
  private finish(frame: Frame, now: u64, tallies: i32): void {
    if (tallies < 0) return;
    const text = this.text.clear().raw('{"zones":[');
    for (let at = tallies; at >= 0; at = this.store.tally(at).next) {
      const tally = this.store.tally(at);
      const zone = this.table.at(tally.zone);
      if (zone.crowd > 0) this.rules.crowd(frame, now, zone, tally);
      if (at != tallies) text.raw(",");
      this.write(zone, tally);
    }
    text.raw("]}");
    if (text.overflow || !setFrameUser(frame, text.at, text.bytes)) this.full(text.bytes);
  }

  private write(zone: Zone, tally: Tally): void {
    const text = this.text.copy(zone.textAt, zone.textBytes).raw(',"in":').whole(tally.in);
    text.raw(',"out":').whole(tally.out);
    if (zone.type == ZoneType.Region) text.raw(',"now":').whole(<u64>tally.inside);
    if (zone.crowd > 0) text.raw(',"crowded":').raw(tally.crowd >= CrowdState.Crowded ? "true" : "false");
    text.raw("}");
  }

  /** The object's metadata: {"zones":["yard","gate"]}, the regions that it is in. */
  private tellWhere(frame: Frame, object: Tracked, record: ObjectRecord): void {
    const text = this.objectText.clear().raw('{"zones":[');
    let count = 0;
    for (let at = object.visits; at >= 0; at = this.store.visit(at).next) {
      const visit = this.store.visit(at);
      if (visit.state != VisitState.Inside && visit.state != VisitState.Leaving) continue;
      const zone = this.table.at(this.store.tally(visit.tally).zone);
      if (count++ > 0) text.raw(",");
      text.copy(zone.nameTextAt, zone.nameTextBytes);
    }
    if (count == 0) return;
    text.raw("]}");
    if (text.overflow || !setObjectUser(frame, record, text.at, text.bytes)) this.full(text.bytes);
  }

  private full(bytes: i32): void {
    if (this.toldFull) return;
    this.toldFull = true;
    line("limits.aux-bytes of the bundle leaves no room for the counts of the zones, which take ")
      .integer(bytes)
      .text(" bytes: they are left out")
      .warning();
  }

  private limit(what: string): void {
    if (this.toldLimit) return;
    this.toldLimit = true;
    line("there are too many ").text(what).text("; those beyond are left out").warning();
  }
}

function isBox(record: ObjectRecord): bool {
  const sum = record.left + record.top + record.width + record.height + record.angle;
  return isFinite(sum) && record.width >= 0 && record.height >= 0;
}

/** The anchors of an object's box, of a turned box those of the upright box around it, as shares of the picture. */
function putAnchors(to: usize, record: ObjectRecord, frame: Frame): void {
  let halfWidth = <f64>record.width / 2;
  let halfHeight = <f64>record.height / 2;
  const x = <f64>record.left + halfWidth;
  const y = <f64>record.top + halfHeight;
  if (record.angle != 0) {
    const cosine = Math.abs(Math.cos(<f64>record.angle));
    const sine = Math.abs(Math.sin(<f64>record.angle));
    const upright = halfWidth * cosine + halfHeight * sine;
    halfHeight = halfWidth * sine + halfHeight * cosine;
    halfWidth = upright;
  }
  const width = <f64>frame.width;
  const height = <f64>frame.height;
  put(to, Anchor.Bottom, x / width, (y + halfHeight) / height);
  put(to, Anchor.Centre, x / width, y / height);
  put(to, Anchor.Top, x / width, (y - halfHeight) / height);
  put(to, Anchor.Left, (x - halfWidth) / width, y / height);
  put(to, Anchor.Right, (x + halfWidth) / width, y / height);
}

function put(to: usize, anchor: i32, x: f64, y: f64): void {
  store<f64>(to + ((<usize>anchor) << 4), Math.max(0, Math.min(LAST, x)));
  store<f64>(to + ((<usize>anchor) << 4), Math.max(0, Math.min(LAST, y)), 8);
}
