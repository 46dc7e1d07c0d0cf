// Events on their way out. Those that find no place in their frame wait for the source's next one; when too many wait, the
// oldest go and that is said.

import { EventRecord, Frame, line, UNTRACKED } from "../../../sdk";
import { EVENT_TYPE_AT, EVENT_TYPE_BYTES } from "../../../sdk/abi";
import { writeText } from "../../../sdk/text";
import { Tracked } from "./records";
import { Zone } from "./zone";

const CAPACITY: i32 = 512;
const EVENT_BYTES: usize = offsetof<EventRecord>();

@final
export class Outbox {
  private readonly events: usize = heap.alloc(<usize>CAPACITY * EVENT_BYTES);
  private readonly draft: EventRecord = changetype<EventRecord>(heap.alloc(EVENT_BYTES));
  private readonly sources: StaticArray<u32> = new StaticArray<u32>(CAPACITY);
  private waiting: i32 = 0;

  /** Gives out what waits for this frame's source, oldest first. */
  flush(frame: Frame): void {
    if (this.waiting == 0) return;
    let kept = 0;
    for (let i = 0; i < this.waiting; i++) {
      if (this.sources[i] == frame.sourceId && !frame.eventsFull)
        memory.copy(changetype<usize>(frame.addEvent("")), this.at(i), EVENT_BYTES);
      else this.keep(i, kept++);
    }
    this.waiting = kept;
  }

  /** A new event; `type` at most 23 characters. `out`: index of the object among those out, -1 when it is not in the frame. */
  tell(frame: Frame, type: string, zone: Zone, value: f64, flags: u32, object: Tracked | null, out: i32): void {
    const event = this.draft;
    const at = changetype<usize>(event);
    memory.fill(at, 0, EVENT_BYTES);
    writeText(at + EVENT_TYPE_AT, EVENT_TYPE_BYTES, type);
    frame.setRule(event, zone.name, textBytes(zone.name));
    event.objectId = UNTRACKED;
    event.classId = -1;
    event.object = out;
    event.value = value;
    event.flags = flags;
    let x = (zone.left + zone.right) / 2;
    let y = (zone.top + zone.bottom) / 2;
    if (object) {
      event.objectId = object.id;
      frame.setClass(event, object.classId);
      x = load<f64>(object.anchors + ((<usize>zone.anchor) << 4));
      y = load<f64>(object.anchors + ((<usize>zone.anchor) << 4), 8);
    }
    event.x = <f32>(x * <f64>frame.width);
    event.y = <f32>(y * <f64>frame.height);
    if (frame.eventsFull || this.isWaiting(frame.sourceId)) this.put(frame.sourceId);
    else memory.copy(changetype<usize>(frame.addEvent("")), at, EVENT_BYTES);
  }

  clear(): void {
    this.waiting = 0;
  }

  private isWaiting(source: u32): bool {
    for (let i = 0; i < this.waiting; i++) if (this.sources[i] == source) return true;
    return false;
  }

  /** The draft waits; by then its object is another one's place. */
  private put(source: u32): void {
    if (this.waiting == CAPACITY) {
      line("more events than limits.events of the bundle allows; the oldest of ")
        .integer(CAPACITY)
        .text(" is lost")
        .warning();
      for (let i = 1; i < CAPACITY; i++) this.keep(i, i - 1);
      this.waiting--;
    }
    this.draft.object = -1;
    memory.copy(this.at(this.waiting), changetype<usize>(this.draft), EVENT_BYTES);
    this.sources[this.waiting++] = source;
  }

  private keep(from: i32, to: i32): void {
    if (from == to) return;
    memory.copy(this.at(to), this.at(from), EVENT_BYTES);
    this.sources[to] = this.sources[from];
  }

  private at(i: i32): usize {
    return this.events + <usize>i * EVENT_BYTES;
  }
}

function textBytes(at: usize): u32 {
  let bytes: u32 = 0;
  while (load<u8>(at + bytes) != 0) bytes++;
  return bytes;
}
