// Regions and lines written a second time, plainly: the whole history of each object is kept and looked at again in every frame,
// points are found inside by their winding number, crossings by the sign of the determinant. Slow on purpose.

export interface ZoneSpec {
  name: string;
  type: "region" | "line";
  points: [number, number][];
  source?: number;
  classes?: number[];
  anchor?: "bottom" | "centre" | "top" | "left" | "right";
  settle?: number;
  margin?: number;
  count?: "both" | "in" | "out";
  dwell?: number;
  crowd?: number;
  crowdTime?: number;
  direction?: number;
  tolerance?: number;
  stride?: number;
}

/** An object of one frame, pixels of a picture of 1280 x 720. */
export interface Seen {
  id: number;
  classId: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Told {
  type: string;
  rule: string;
  id: number;
  value: number;
  direction: "" | "in" | "out";
}

export interface Counted {
  in: number;
  out: number;
  now: number;
}

interface Sight {
  time: number;
  x: number;
  y: number;
  classId: number;
}

const WIDTH = 1280;
const HEIGHT = 720;
const ASPECT = WIDTH / HEIGHT;

/** One source, `forgetAfter` in nanoseconds. */
export class ReferenceZones {
  readonly #zones: ReferenceZone[];

  constructor(zones: readonly ZoneSpec[], forgetAfter = 2e9) {
    this.#zones = zones.map((zone) => new ReferenceZone(zone, forgetAfter));
  }

  /** What is told of a frame, in any order. */
  update(time: number, objects: readonly Seen[]): Told[] {
    return this.#zones.flatMap((zone) => zone.update(time, objects));
  }

  counts(): Record<string, Counted> {
    return Object.fromEntries(this.#zones.map((zone) => [zone.spec.name, zone.counted]));
  }
}

class ReferenceZone {
  readonly spec: Required<Omit<ZoneSpec, "source" | "classes" | "direction">> & ZoneSpec;
  readonly counted: Counted = { in: 0, out: 0, now: 0 };
  readonly #forgetAfter: number;
  /** What was seen of each object since it appeared. */
  readonly #histories = new Map<number, Sight[]>();
  /** How many events of each object have been told. */
  readonly #told = new Map<number, number>();
  readonly #occupancy: { time: number; inside: number }[] = [];
  #crowdTold = 0;

  constructor(spec: ZoneSpec, forgetAfter: number) {
    this.#forgetAfter = forgetAfter;
    this.spec = {
      anchor: "bottom",
      settle: 0.3,
      margin: 0.01,
      count: "both",
      dwell: 0,
      crowd: 0,
      crowdTime: 2,
      tolerance: 90,
      stride: 0.05,
      ...spec,
    };
  }

  update(time: number, objects: readonly Seen[]): Told[] {
    const told: Told[] = [];
    for (const object of objects) {
      const history = this.#histories.get(object.id) ?? [];
      this.#histories.set(object.id, history);
      history.push({ time, classId: object.classId, ...anchorOf(object, this.spec.anchor) });
      told.push(...this.#newEvents(object.id, history, false));
    }
    for (const [id, history] of this.#histories) {
      if (time - history.at(-1)!.time <= this.#forgetAfter) continue;
      told.push(...this.#newEvents(id, history, true));
      this.#histories.delete(id);
      this.#told.delete(id);
    }
    if (this.spec.type === "region") {
      this.counted.now = [...this.#histories.values()].filter((history) => this.#visit(history, false).inside).length;
      told.push(...this.#crowdEvents(time));
    }
    return told;
  }

  /** Of an object's whole life, those that were not told yet; they count now. */
  #newEvents(id: number, history: readonly Sight[], over: boolean): Told[] {
    const { events } = this.spec.type === "region" ? this.#visit(history, over) : this.#passage(history, over);
    const fresh = events.slice(this.#told.get(id) ?? 0);
    this.#told.set(id, events.length);
    return fresh.map((event) => {
      if (event.type === "region-entered" || event.direction === "in") this.counted.in++;
      if (event.type === "region-left" || event.direction === "out") this.counted.out++;
      const isCount = event.type === "region-entered" || event.type === "line-crossing";
      const count = event.direction === "out" ? this.counted.out : this.counted.in;
      return { ...event, id, rule: this.spec.name, value: isCount ? count : event.value };
    });
  }

  #isInside({ x, y, classId }: Sight): boolean {
    return this.#takes(classId) && windingNumber(this.spec.points, x, y) !== 0;
  }

  #takes(classId: number): boolean {
    const { classes } = this.spec;
    return classes === undefined || classes.length === 0 || classes.includes(classId);
  }

  /** The life of an object in a region. */
  #visit(history: readonly Sight[], over: boolean): { events: Event[]; inside: boolean } {
    const events: Event[] = [];
    const settle = this.spec.settle * 1e9;
    let arrived: Sight | undefined;
    let left: Sight | undefined;
    let entered = false;
    let dwellTold = false;
    let walk: Walk | undefined;
    const end = (at: number) => {
      events.push(event("region-left", (at - arrived!.time) / 1e9));
      [arrived, left, entered, dwellTold] = [undefined, undefined, false, false];
    };
    for (const sight of history) {
      if (this.#isInside(sight)) {
        left = undefined;
        if (!arrived) {
          arrived = sight;
          walk = { from: sight, wrong: 0, told: false };
        }
        const stayed = sight.time - arrived.time;
        if (!entered && stayed < settle) continue;
        if (!entered) events.push(event("region-entered", 0));
        entered = true;
        if (this.spec.dwell > 0 && !dwellTold && stayed >= this.spec.dwell * 1e9) {
          dwellTold = true;
          events.push(event("dwell", stayed / 1e9));
        }
        if (this.spec.direction !== undefined) events.push(...this.#step(walk!, sight));
      } else if (entered) {
        left ??= sight;
        if (sight.time - left.time >= settle) end(left.time);
      } else arrived = undefined;
    }
    const inside = entered;
    if (over && entered) end(left ? left.time : history.at(-1)!.time);
    return { events, inside };
  }

  #step(walk: Walk, to: Sight): Event[] {
    const dx = (to.x - walk.from.x) * ASPECT;
    const dy = to.y - walk.from.y;
    if (Math.hypot(dx, dy) < this.spec.stride) return [];
    walk.from = to;
    const heading = (Math.atan2(dy, dx) * 180) / Math.PI;
    const off = Math.abs(((((heading - this.spec.direction!) % 360) + 540) % 360) - 180);
    walk.wrong = off > this.spec.tolerance ? walk.wrong + 1 : 0;
    if (walk.wrong < 2 || walk.told) return [];
    walk.told = true;
    return [event("wrong-way", off)];
  }

  /** The life of an object at a line. */
  #passage(history: readonly Sight[], over: boolean): { events: Event[] } {
    const events: Event[] = [];
    let net = 0;
    let since = 0;
    const count = () => {
      const direction = net > 0 ? "in" : "out";
      if (this.spec.count === "both" || this.spec.count === direction)
        events.push({ ...event("line-crossing", 0), direction });
      net = 0;
    };
    history.forEach((sight, i) => {
      const before = history[i - 1];
      if (!before) return;
      const change = this.#takes(sight.classId) ? crossed(this.spec.points, before, sight) : 0;
      if (change !== 0) {
        net += change;
        since = sight.time;
      }
      if (net === 0) return;
      const far = distance(this.spec.points, sight) > this.spec.margin;
      if (far || sight.time - since >= this.spec.settle * 1e9) count();
    });
    if (over && net !== 0) count();
    return { events };
  }

  #crowdEvents(time: number): Told[] {
    const { crowd, crowdTime, name } = this.spec;
    if (crowd === 0) return [];
    this.#occupancy.push({ time, inside: this.counted.now });
    const events: Told[] = [];
    let crowdedAt: number | undefined;
    let since: number | undefined;
    const told = (type: string, value: number) => events.push({ type, rule: name, id: -1, value, direction: "" });
    for (const { time: at, inside } of this.#occupancy) {
      const changes = inside >= crowd !== (crowdedAt !== undefined);
      if (!changes) since = undefined;
      else since ??= at;
      if (since === undefined || at - since < crowdTime * 1e9) continue;
      if (crowdedAt === undefined) {
        crowdedAt = since;
        told("crowded", inside);
      } else {
        told("crowd-cleared", (since - crowdedAt) / 1e9);
        crowdedAt = undefined;
      }
      since = undefined;
    }
    const fresh = events.slice(this.#crowdTold);
    this.#crowdTold = events.length;
    return fresh;
  }
}

interface Event {
  type: string;
  value: number;
  direction: "" | "in" | "out";
}

interface Walk {
  from: Sight;
  wrong: number;
  told: boolean;
}

function event(type: string, value: number): Event {
  return { type, value, direction: "" };
}

function anchorOf({ left, top, width, height }: Seen, anchor: string): { x: number; y: number } {
  const shares: Record<string, [number, number]> = {
    bottom: [0.5, 1],
    centre: [0.5, 0.5],
    top: [0.5, 0],
    left: [0, 0.5],
    right: [1, 0.5],
  };
  const [across, down] = shares[anchor]!;
  const clamp = (share: number) => Math.max(0, Math.min(0.999999, share));
  return { x: clamp((left + width * across) / WIDTH), y: clamp((top + height * down) / HEIGHT) };
}

/** Sunday's winding number: how often the polygon goes round the point. */
export function windingNumber(points: readonly (readonly [number, number])[], x: number, y: number): number {
  let windings = 0;
  points.forEach(([ax, ay], i) => {
    const [bx, by] = points[(i + 1) % points.length]!;
    const side = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
    if (ay <= y && by > y && side > 0) windings++;
    if (ay > y && by <= y && side < 0) windings--;
  });
  return windings;
}

/** +1 from left to right, by where the way and each piece of the line meet. */
function crossed(points: readonly (readonly [number, number])[], from: Sight, to: Sight): number {
  let sum = 0;
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1]!;
    const [bx, by] = points[i]!;
    const before = Math.sign((bx - ax) * (from.y - ay) - (by - ay) * (from.x - ax)) >= 0;
    const after = Math.sign((bx - ax) * (to.y - ay) - (by - ay) * (to.x - ax)) >= 0;
    if (before === after) continue;
    // Where along the piece: solve a + t (b - a) = from + u (to - from) for t.
    const determinant = (bx - ax) * (to.y - from.y) - (by - ay) * (to.x - from.x);
    const t = ((from.x - ax) * (to.y - from.y) - (from.y - ay) * (to.x - from.x)) / determinant;
    if (t >= 0 && t < 1) sum += after ? 1 : -1;
  }
  return sum;
}

function distance(points: readonly (readonly [number, number])[], { x, y }: Sight): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = [points[i - 1]![0] * ASPECT, points[i - 1]![1]];
    const [bx, by] = [points[i]![0] * ASPECT, points[i]![1]];
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const t = Math.max(0, Math.min(1, ((x * ASPECT - ax) * (bx - ax) + (y - ay) * (by - ay)) / length));
    nearest = Math.min(nearest, Math.hypot(x * ASPECT - ax - t * (bx - ax), y - ay - t * (by - ay)));
  }
  return nearest;
}
