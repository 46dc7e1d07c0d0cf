// What one object does in one zone, frame after frame.
//
//   region   Arriving ── settle ──► Inside ◄──► Leaving ── settle ──► gone
//            (out again: gone)      "region-entered"      "region-left"
//   line     Crossing: the object has crossed the line, on balance; it counts once the object is farther from the line than
//            `margin`, or has not crossed it again for `settle`. One that goes back on the way counts nothing.

import { EventFlags, Frame } from "../../../sdk";
import { crossings, distanceTo, isInside } from "./geometry";
import { Outbox } from "./outbox";
import { CrowdState, NONE, Tally, TOLD_DWELL, TOLD_WRONG, Tracked, Visit, VisitState } from "./records";
import { Store } from "./store";
import { Way, Zone } from "./zone";

const SECOND: f64 = 1e9;
/** Strides in the wrong direction, one after the other, before it is said. */
const WRONG_STRIDES: i32 = 2;

@final
export class Rules {
  constructor(
    private readonly store: Store,
    private readonly outbox: Outbox,
  ) {}

  /** `index`: of the tally. `visit`: of the object in this zone, NONE when it has none. `out`: the object among those out. */
  region(frame: Frame, now: u64, zone: Zone, index: i32, object: Tracked, visitIndex: i32, out: i32): void {
    const x = load<f64>(object.anchors + ((<usize>zone.anchor) << 4));
    const y = load<f64>(object.anchors + ((<usize>zone.anchor) << 4), 8);
    const inside = covers(zone, x, y) && zone.takes(object.classId);
    if (visitIndex < 0) {
      if (!inside) return;
      visitIndex = this.store.addVisit(object, index);
      if (visitIndex < 0) return;
      const fresh = this.store.visit(visitIndex);
      fresh.state = VisitState.Arriving;
      fresh.since = now;
      fresh.fromX = x;
      fresh.fromY = y;
    }
    const visit = this.store.visit(visitIndex);
    const tally = this.store.tally(index);
    if (!inside) this.outside(frame, now, zone, tally, object, visitIndex, out);
    else this.within(frame, now, zone, tally, object, visit, x, y, out);
  }

  private within(
    frame: Frame,
    now: u64,
    zone: Zone,
    tally: Tally,
    object: Tracked,
    visit: Visit,
    x: f64,
    y: f64,
    out: i32,
  ): void {
    if (visit.state == VisitState.Arriving) {
      if (now - visit.since < zone.settle) return;
      visit.enteredAt = visit.since;
      tally.members++;
      tally.in++;
      this.outbox.tell(frame, "region-entered", zone, <f64>tally.in, 0, object, out);
    }
    visit.state = VisitState.Inside;
    const stayed = now - visit.enteredAt;
    if (zone.dwell > 0 && stayed >= zone.dwell && !(visit.told & TOLD_DWELL)) {
      visit.told |= TOLD_DWELL;
      this.outbox.tell(frame, "dwell", zone, <f64>stayed / SECOND, 0, object, out);
    }
    if (zone.hasDirection) this.checkWay(frame, zone, object, visit, x, y, out);
  }

  private outside(frame: Frame, now: u64, zone: Zone, tally: Tally, object: Tracked, visitIndex: i32, out: i32): void {
    const visit = this.store.visit(visitIndex);
    if (visit.state == VisitState.Arriving) {
      this.store.dropVisit(object, visitIndex);
      return;
    }
    if (visit.state == VisitState.Inside) {
      visit.state = VisitState.Leaving;
      visit.since = now;
    }
    if (now - visit.since < zone.settle) return;
    this.leave(frame, zone, tally, object, visit, visit.since, out);
    this.store.dropVisit(object, visitIndex);
  }

  private leave(frame: Frame, zone: Zone, tally: Tally, object: Tracked, visit: Visit, at: u64, out: i32): void {
    tally.members--;
    tally.out++;
    const stayed = at > visit.enteredAt ? <f64>(at - visit.enteredAt) / SECOND : 0;
    this.outbox.tell(frame, "region-left", zone, stayed, 0, object, out);
  }

  /** Looks at the direction after each stride: shorter ways are the trembling of boxes. */
  private checkWay(frame: Frame, zone: Zone, object: Tracked, visit: Visit, x: f64, y: f64, out: i32): void {
    const aspect = <f64>frame.width / <f64>frame.height;
    const dx = (x - visit.fromX) * aspect;
    const dy = y - visit.fromY;
    const length = Math.sqrt(dx * dx + dy * dy);
    if (length < zone.stride) return;
    visit.fromX = x;
    visit.fromY = y;
    const along = (dx * Math.cos(zone.direction) + dy * Math.sin(zone.direction)) / length;
    const deviation = Math.acos(Math.max(-1, Math.min(1, along)));
    visit.wrong = deviation > zone.tolerance ? visit.wrong + 1 : 0;
    if (visit.wrong < WRONG_STRIDES || visit.told & TOLD_WRONG) return;
    visit.told |= TOLD_WRONG;
    this.outbox.tell(frame, "wrong-way", zone, (deviation * 180) / Math.PI, 0, object, out);
  }

  /** `from`: the object's anchors in its last frame. */
  line(frame: Frame, now: u64, zone: Zone, index: i32, object: Tracked, from: usize, visitIndex: i32, out: i32): void {
    const at = (<usize>zone.anchor) << 4;
    const x = load<f64>(object.anchors + at);
    const y = load<f64>(object.anchors + at, 8);
    const fromX = load<f64>(from + at);
    const fromY = load<f64>(from + at, 8);
    if (isNear(zone, fromX, fromY, x, y)) {
      const change = crossings(zone.points, zone.pointCount, fromX, fromY, x, y);
      if (change != 0 && zone.takes(object.classId)) {
        visitIndex = this.cross(now, index, object, visitIndex, change);
      }
    }
    if (visitIndex < 0) return;
    const visit = this.store.visit(visitIndex);
    const settled = now - visit.since >= zone.settle;
    if (
      !settled &&
      !(distanceTo(zone.points, zone.pointCount, x, y, <f64>frame.width / <f64>frame.height) > zone.margin)
    )
      return;
    this.count(frame, zone, this.store.tally(index), object, visit.net, out);
    this.store.dropVisit(object, visitIndex);
  }

  /** The visit after a crossing; NONE when the object is back where it came from. */
  private cross(now: u64, index: i32, object: Tracked, visitIndex: i32, change: i32): i32 {
    if (visitIndex < 0) {
      visitIndex = this.store.addVisit(object, index);
      if (visitIndex < 0) return NONE;
      this.store.visit(visitIndex).state = VisitState.Crossing;
    }
    const visit = this.store.visit(visitIndex);
    visit.net += change;
    visit.since = now;
    if (visit.net != 0) return visitIndex;
    this.store.dropVisit(object, visitIndex);
    return NONE;
  }

  private count(frame: Frame, zone: Zone, tally: Tally, object: Tracked, net: i32, out: i32): void {
    const isIn = net > 0;
    if (!(zone.way & (isIn ? Way.In : Way.Out))) return;
    if (isIn) tally.in++;
    else tally.out++;
    const value = <f64>(isIn ? tally.in : tally.out);
    this.outbox.tell(frame, "line-crossing", zone, value, isIn ? EventFlags.In : EventFlags.Out, object, out);
  }

  /** The object is not coming back: what it was in, it has left when it was seen last. */
  end(frame: Frame, zone: Zone, tally: Tally, object: Tracked, visit: Visit): void {
    if (visit.state == VisitState.Crossing) this.count(frame, zone, tally, object, visit.net, NONE);
    else if (visit.state == VisitState.Inside) this.leave(frame, zone, tally, object, visit, object.time, NONE);
    else if (visit.state == VisitState.Leaving) this.leave(frame, zone, tally, object, visit, visit.since, NONE);
  }

  /** "crowded" when there have been enough objects for long enough, "crowd-cleared" when there no longer are. */
  crowd(frame: Frame, now: u64, zone: Zone, tally: Tally): void {
    const many = tally.inside >= zone.crowd;
    if (tally.crowd == CrowdState.Calm || tally.crowd == CrowdState.Rising) this.rise(frame, now, zone, tally, many);
    else this.fall(frame, now, zone, tally, many);
  }

  private rise(frame: Frame, now: u64, zone: Zone, tally: Tally, many: bool): void {
    if (!many) {
      tally.crowd = CrowdState.Calm;
      return;
    }
    if (tally.crowd == CrowdState.Calm) this.begin(tally, CrowdState.Rising, now);
    if (now - tally.since < zone.crowdTime) return;
    tally.crowd = CrowdState.Crowded;
    tally.crowdedAt = tally.since;
    this.outbox.tell(frame, "crowded", zone, <f64>tally.inside, 0, null, NONE);
  }

  private fall(frame: Frame, now: u64, zone: Zone, tally: Tally, many: bool): void {
    if (many) {
      tally.crowd = CrowdState.Crowded;
      return;
    }
    if (tally.crowd == CrowdState.Crowded) this.begin(tally, CrowdState.Falling, now);
    if (now - tally.since < zone.crowdTime) return;
    tally.crowd = CrowdState.Calm;
    this.outbox.tell(frame, "crowd-cleared", zone, <f64>(tally.since - tally.crowdedAt) / SECOND, 0, null, NONE);
  }

  private begin(tally: Tally, state: i32, now: u64): void {
    tally.crowd = state;
    tally.since = now;
  }
}

/** Whether a point lies in a region. */
export function covers(zone: Zone, x: f64, y: f64): bool {
  if (x < zone.left || x > zone.right || y < zone.top || y > zone.bottom) return false;
  return isInside(zone.points, zone.pointCount, x, y);
}

/** Whether the way could touch the line. */
function isNear(zone: Zone, fromX: f64, fromY: f64, x: f64, y: f64): bool {
  return (
    Math.min(fromX, x) <= zone.right &&
    Math.max(fromX, x) >= zone.left &&
    Math.min(fromY, y) <= zone.bottom &&
    Math.max(fromY, y) >= zone.top
  );
}
