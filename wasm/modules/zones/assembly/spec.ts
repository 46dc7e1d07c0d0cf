// Reads the parameter "zones" into a table. Every fault is one line that names the zone, the key and what was expected.

import { line, Setup } from "../../../sdk";
import { Line } from "../../../sdk/log";
import { textEquals } from "../../../sdk/text";
import { Json, Token } from "./json";
import { Writer } from "./writer";
import {
  ALL_SOURCES,
  Anchor,
  MAX_CLASSES,
  MAX_POINTS,
  MAX_ZONES,
  NAME_BYTES,
  sameName,
  Way,
  Zone,
  ZoneTable,
  ZoneType,
} from "./zone";

const SECOND: f64 = 1e9;
const LONGEST: f64 = 86_400; // s
const MOST_OBJECTS: f64 = 65_536;
const LABEL_BYTES: i32 = 256;
const PREFIX_BYTES: i32 = 4096;

@final
export class SpecReader {
  private readonly json: Json = new Json();
  private readonly points: StaticArray<f64> = new StaticArray<f64>(2 * MAX_POINTS);
  private readonly classes: StaticArray<i32> = new StaticArray<i32>(MAX_CLASSES);
  private readonly label: usize = heap.alloc(LABEL_BYTES);
  private readonly prefix: Writer = new Writer(PREFIX_BYTES);
  private table: ZoneTable = changetype<ZoneTable>(0);
  private zone: Zone = changetype<Zone>(0);
  private index: i32 = 0;
  /** "outlines" of the module. */
  private outlines: bool = true;

  constructor(private readonly setup: Setup) {}

  /** False after a message. An empty text is an empty list. */
  read(at: usize, bytes: i32, outlines: bool, table: ZoneTable): bool {
    this.table = table;
    this.outlines = outlines;
    table.clear();
    const json = this.json;
    json.begin(at, bytes);
    if (bytes == 0 || json.atEnd()) return true;
    if (json.peek() != Token.Array) return this.complain("", "expected a JSON list of zones");
    json.enterArray();
    for (this.index = 0; json.nextElement(); this.index++) if (!this.readZone()) return false;
    if (json.failed || !json.atEnd()) return this.complain("", "is no JSON");
    return true;
  }

  private readZone(): bool {
    const json = this.json;
    this.zone = changetype<Zone>(0);
    if (this.table.full) return this.complainNumber("", "expected at most so many zones: ", MAX_ZONES);
    if (json.peek() != Token.Object) return this.complainHere("", "expected an object with name, type and points");
    const zone = this.table.add();
    this.zone = zone;
    zone.source = ALL_SOURCES;
    zone.way = Way.Both;
    zone.settle = 300_000_000;
    zone.margin = 0.01;
    zone.crowdTime = 2_000_000_000;
    zone.tolerance = Math.PI / 2;
    zone.stride = 0.05;
    json.enterObject();
    while (json.nextKey()) {
      if (!this.readMember(zone)) return false;
      if (json.failed) return this.complainHere("", "is no JSON");
    }
    if (json.failed) return this.complainHere("", "is no JSON");
    return this.check(zone) && this.finish(zone);
  }

  private readMember(zone: Zone): bool {
    const json = this.json;
    if (json.keyIs("name")) return this.readName(zone);
    if (json.keyIs("type")) return this.readType(zone);
    if (json.keyIs("points")) return this.readPoints(zone);
    if (json.keyIs("classes")) return this.readClasses(zone);
    if (json.keyIs("anchor")) return this.readAnchor(zone);
    if (json.keyIs("count")) return this.readWay(zone);
    if (json.keyIs("source")) {
      const value = this.number("source", 0, 4_294_967_295, "a source's number");
      zone.source = <i32>(<u32>value);
      return !isNaN(value);
    }
    if (json.keyIs("settle")) return this.setTime(offsetof<Zone>("settle"), "settle", 0);
    if (json.keyIs("dwell")) return this.setTime(offsetof<Zone>("dwell"), "dwell", 0.001);
    if (json.keyIs("crowdTime")) return this.setTime(offsetof<Zone>("crowdTime"), "crowdTime", 0);
    if (json.keyIs("margin"))
      return this.setNumber(offsetof<Zone>("margin"), "margin", 0, 1, "heights of the picture, 0 to 1", 1);
    if (json.keyIs("stride"))
      return this.setNumber(offsetof<Zone>("stride"), "stride", 0.001, 1, "heights of the picture, 0.001 to 1", 1);
    if (json.keyIs("tolerance"))
      return this.setNumber(offsetof<Zone>("tolerance"), "tolerance", 1, 179, "degrees, 1 to 179", Math.PI / 180);
    if (json.keyIs("direction")) {
      zone.hasDirection = 1;
      const expected = "degrees clockwise from the right, -360 to 360";
      return this.setNumber(offsetof<Zone>("direction"), "direction", -360, 360, expected, Math.PI / 180);
    }
    if (json.keyIs("crowd")) {
      const value = this.number("crowd", 1, MOST_OBJECTS, "a number of objects from 1 on");
      zone.crowd = <i32>value;
      return !isNaN(value);
    }
    this.place().text(": unknown key ").bytes(json.keyText, json.keyLength).error();
    return false;
  }

  private readName(zone: Zone): bool {
    const length = this.json.text(zone.name, NAME_BYTES - 1);
    return length > 0 || this.complainHere("name", "expected a text of 1 to 31 bytes");
  }

  private readType(zone: Zone): bool {
    const length = this.json.text(this.label, LABEL_BYTES);
    if (this.wordIs(length, "region")) zone.type = ZoneType.Region;
    else if (this.wordIs(length, "line")) zone.type = ZoneType.Line;
    return zone.type != 0 || this.complainHere("type", "expected region or line");
  }

  private readAnchor(zone: Zone): bool {
    const length = this.json.text(this.label, LABEL_BYTES);
    if (this.wordIs(length, "bottom")) zone.anchor = Anchor.Bottom;
    else if (this.wordIs(length, "centre")) zone.anchor = Anchor.Centre;
    else if (this.wordIs(length, "top")) zone.anchor = Anchor.Top;
    else if (this.wordIs(length, "left")) zone.anchor = Anchor.Left;
    else if (this.wordIs(length, "right")) zone.anchor = Anchor.Right;
    else return this.complainHere("anchor", "expected bottom, centre, top, left or right");
    return true;
  }

  private readWay(zone: Zone): bool {
    const length = this.json.text(this.label, LABEL_BYTES);
    if (this.wordIs(length, "both")) zone.way = Way.Both;
    else if (this.wordIs(length, "in")) zone.way = Way.In;
    else if (this.wordIs(length, "out")) zone.way = Way.Out;
    else return this.complainHere("count", "expected both, in or out");
    return true;
  }

  private readPoints(zone: Zone): bool {
    const json = this.json;
    const expected = "expected a list of [x, y] with numbers from 0 to 1, shares of the picture's width and height";
    if (json.peek() != Token.Array) return this.complainHere("points", expected);
    let count = 0;
    json.enterArray();
    while (json.nextElement()) {
      if (count >= MAX_POINTS) return this.complainNumber("points", "expected at most ", MAX_POINTS);
      if (json.peek() != Token.Array) return this.complainHere("points", expected);
      json.enterArray();
      for (let axis = 0; axis < 2; axis++) {
        const value = json.nextElement() ? json.number() : NaN;
        if (!(value >= 0 && value <= 1)) return this.complainHere("points", expected);
        this.points[2 * count + axis] = value;
      }
      if (json.nextElement()) return this.complainHere("points", expected);
      count++;
    }
    zone.pointCount = count;
    zone.points = this.table.reserve((<usize>count) << 4);
    if (zone.points == 0) return this.complainHere("points", "expected less text, all zones together");
    memory.copy(zone.points, changetype<usize>(this.points), (<usize>count) << 4);
    return true;
  }

  private readClasses(zone: Zone): bool {
    const json = this.json;
    const expected = "expected a list of class ids, or of labels that the bundle has";
    if (json.peek() != Token.Array) return this.complainHere("classes", expected);
    let count = 0;
    json.enterArray();
    while (json.nextElement()) {
      if (count >= MAX_CLASSES) return this.complainNumber("classes", "expected at most ", MAX_CLASSES);
      const id = json.peek() == Token.Text ? this.labelId() : json.number();
      if (!(id >= 0 && id <= 65_535) || id != Math.floor(id)) return this.complainHere("classes", expected);
      this.classes[count++] = <i32>id;
    }
    zone.classCount = count;
    zone.classes = this.table.reserve((<usize>count) << 2);
    if (zone.classes == 0) return this.complainHere("classes", "expected less text, all zones together");
    memory.copy(zone.classes, changetype<usize>(this.classes), (<usize>count) << 2);
    return true;
  }

  /** The class of a label, -1 when the bundle has none of that name. */
  private labelId(): f64 {
    const length = this.json.text(this.label, LABEL_BYTES);
    for (let i = 0; length >= 0 && i < this.setup.labelCount; i++) {
      const label = this.setup.label(i);
      if (<i32>label.bytes == length && memory.compare(label.at, this.label, <usize>length) == 0) return <f64>i;
    }
    return -1;
  }

  private check(zone: Zone): bool {
    if (load<u8>(zone.name) == 0) return this.complainHere("name", "is missing");
    if (zone.type == 0) return this.complainHere("type", "is missing; expected region or line");
    const isRegion = zone.type == ZoneType.Region;
    if (isRegion && zone.pointCount < 3) return this.complainHere("points", "expected 3 or more for a region");
    if (!isRegion && zone.pointCount < 2) return this.complainHere("points", "expected 2 or more for a line");
    if (isRegion && zone.way != Way.Both) return this.complainHere("count", "is a key of lines");
    if (!isRegion && zone.dwell > 0) return this.complainHere("dwell", "is a key of regions");
    if (!isRegion && zone.crowd > 0) return this.complainHere("crowd", "is a key of regions");
    if (!isRegion && zone.hasDirection) return this.complainHere("direction", "is a key of regions");
    for (let i = 0; i < this.table.count - 1; i++) {
      const other = this.table.at(i);
      if (!sameName(other.name, zone.name)) continue;
      if (other.source != zone.source && other.source != ALL_SOURCES && zone.source != ALL_SOURCES) continue;
      return this.complainHere("name", "is the name of another zone of the same source; names must differ");
    }
    return true;
  }

  /** Bounds, and the parts of the frame's metadata that stay the same. */
  private finish(zone: Zone): bool {
    zone.left = zone.top = Infinity;
    zone.right = zone.bottom = -Infinity;
    for (let i = 0; i < zone.pointCount; i++) {
      const x = load<f64>(zone.points + ((<usize>i) << 4));
      const y = load<f64>(zone.points + ((<usize>i) << 4), 8);
      zone.left = Math.min(zone.left, x);
      zone.top = Math.min(zone.top, y);
      zone.right = Math.max(zone.right, x);
      zone.bottom = Math.max(zone.bottom, y);
    }
    const prefix = this.prefix.clear().quoted(zone.name);
    zone.nameTextBytes = prefix.bytes;
    zone.nameTextAt = this.keep(prefix);
    prefix.clear().raw('{"name":').quoted(zone.name);
    prefix.raw(zone.type == ZoneType.Line ? ',"type":"line"' : ',"type":"region"');
    if (this.outlines) this.writePoints(zone);
    zone.textBytes = prefix.bytes;
    zone.textAt = this.keep(prefix);
    if (zone.textAt != 0 && zone.nameTextAt != 0) return true;
    return this.complainHere("", "expected less text, all zones together");
  }

  private writePoints(zone: Zone): void {
    const prefix = this.prefix.raw(',"points":[');
    for (let i = 0; i < zone.pointCount; i++) {
      prefix.raw(i == 0 ? "[" : ",[").share(load<f64>(zone.points + ((<usize>i) << 4)));
      prefix
        .raw(",")
        .share(load<f64>(zone.points + ((<usize>i) << 4), 8))
        .raw("]");
    }
    prefix.raw("]");
  }

  private keep(text: Writer): usize {
    if (text.overflow) return 0;
    const at = this.table.reserve(<usize>text.bytes);
    if (at != 0) memory.copy(at, text.at, <usize>text.bytes);
    return at;
  }

  private setTime(field: usize, key: string, least: f64): bool {
    const value = this.number(key, least, LONGEST, "seconds, up to 86400");
    if (isNaN(value)) return false;
    store<u64>(changetype<usize>(this.zone) + field, <u64>Math.round(value * SECOND));
    return true;
  }

  private setNumber(field: usize, key: string, low: f64, high: f64, expected: string, factor: f64): bool {
    const value = this.number(key, low, high, expected);
    if (isNaN(value)) return false;
    store<f64>(changetype<usize>(this.zone) + field, value * factor);
    return true;
  }

  /** NaN after a message. */
  private number(key: string, low: f64, high: f64, expected: string): f64 {
    const value = this.json.peek() == Token.Number ? this.json.number() : NaN;
    if (value >= low && value <= high) return value;
    this.place().text(": ").text(key).text(": expected ").text(expected).error();
    return NaN;
  }

  private wordIs(length: i32, word: string): bool {
    return length >= 0 && textEquals(this.label, <u32>length, word);
  }

  private complain(key: string, problem: string): bool {
    line("parameter zones")
      .text(key.length > 0 ? ": " : "")
      .text(key)
      .text(" ")
      .text(problem)
      .error();
    return false;
  }

  private complainHere(key: string, problem: string): bool {
    const message = this.place();
    if (key.length > 0) message.text(": ").text(key);
    message.text(": ").text(problem).error();
    return false;
  }

  private complainNumber(key: string, problem: string, count: i32): bool {
    const message = this.place();
    if (key.length > 0) message.text(": ").text(key);
    message.text(": ").text(problem).integer(count).error();
    return false;
  }

  /** parameter zones[2] (gate) */
  private place(): Line {
    const message = line("parameter zones[").integer(this.index).text("]");
    const name = this.zone;
    if (changetype<usize>(name) == 0 || load<u8>(name.name) == 0) return message;
    let bytes: u32 = 0;
    while (bytes < <u32>NAME_BYTES && load<u8>(name.name + bytes) != 0) bytes++;
    return message.text(" (").bytes(name.name, bytes).text(")");
  }
}
