// One frame: what came in, and the places for what goes out.

import {
  EVENT_LABEL_AT,
  EVENT_LABEL_BYTES,
  EVENT_RULE_AT,
  EVENT_RULE_BYTES,
  EVENT_TYPE_AT,
  EVENT_TYPE_BYTES,
  EventRecord,
  FrameBlock,
  FrameFlags,
  NO_TIME,
  ObjectRecord,
  UNTRACKED,
} from "./abi";
import { Setup } from "./setup";
import { copyText, writeText } from "./text";

/** aux, auxBytes, maskWidth, maskHeight, keypoints, attributes. */
const AUX_FIELDS_BYTES: usize = 16;

@final
export class Frame {
  private block: FrameBlock = changetype<FrameBlock>(0);

  constructor(private readonly setup: Setup) {}

  /** Called by the SDK. */
  attach(block: FrameBlock): Frame {
    this.block = block;
    block.objectsOut = 0;
    block.eventsOut = 0;
    block.auxOut = 0;
    const tensors = this.setup.tensors;
    for (let i = 0; i < tensors.length; i++) {
      unchecked(tensors[i]).data = load<usize>(block.tensors + ((<usize>i) << 2));
    }
    return this;
  }

  get sourceId(): u32 {
    return this.block.sourceId;
  }

  get number(): i32 {
    return this.block.frameNumber;
  }

  /** Nanoseconds: of the stream when it has times, else of the wall clock at capture. */
  get time(): u64 {
    return this.block.pts != NO_TIME ? this.block.pts : this.block.capture;
  }

  /** Pixels of the frame. */
  get width(): i32 {
    return <i32>this.block.width;
  }

  get height(): i32 {
    return <i32>this.block.height;
  }

  /** Whether detection ran on this frame; not so on frames that `interval` skips. */
  get inferred(): bool {
    return (this.block.flags & FrameFlags.Inferred) != 0;
  }

  /** Whether the source restarted before this frame: what is known of its objects no longer holds. */
  get discontinuity(): bool {
    return (this.block.flags & FrameFlags.Discontinuity) != 0;
  }

  get objectCount(): i32 {
    return <i32>this.block.objectsIn;
  }

  /** Object `index` that came in, 0 to objectCount - 1. */
  object(index: i32): ObjectRecord {
    return changetype<ObjectRecord>(this.block.objectsInAt + <usize>index * offsetof<ObjectRecord>());
  }

  /** Objects that went out so far. */
  get outCount(): i32 {
    return <i32>this.block.objectsOut;
  }

  get full(): bool {
    return <i32>this.block.objectsOut >= this.setup.maxObjects;
  }

  /** A new object: all zero, no id, no parent. The caller must have looked at `full`. */
  addObject(): ObjectRecord {
    const record = this.nextObject();
    memory.fill(changetype<usize>(record), 0, offsetof<ObjectRecord>());
    record.objectId = UNTRACKED;
    record.parent = -1;
    record.input = -1;
    return record;
  }

  /**
   * A copy of object `index` that came in, as its continuation; the element keeps its mask, keypoints and attributes.
   * The caller must have looked at `full`.
   */
  continueObject(index: i32): ObjectRecord {
    const record = this.nextObject();
    memory.copy(changetype<usize>(record), changetype<usize>(this.object(index)), offsetof<ObjectRecord>());
    record.input = index;
    record.parent = -1;
    memory.fill(changetype<usize>(record) + offsetof<ObjectRecord>("aux"), 0, AUX_FIELDS_BYTES);
    return record;
  }

  get eventsFull(): bool {
    return <i32>this.block.eventsOut >= this.setup.maxEvents;
  }

  /** A new event of a type (ASCII, up to 23 characters), all else zero. The caller must have looked at `eventsFull`. */
  addEvent(type: string): EventRecord {
    const at = this.block.eventsOutAt + <usize>this.block.eventsOut * offsetof<EventRecord>();
    this.block.eventsOut++;
    memory.fill(at, 0, offsetof<EventRecord>());
    writeText(at + EVENT_TYPE_AT, EVENT_TYPE_BYTES, type);
    const event = changetype<EventRecord>(at);
    event.objectId = UNTRACKED;
    event.object = -1;
    event.classId = -1;
    return event;
  }

  /** Names the zone or line of an event (UTF-8, up to 31 bytes). */
  setRule(event: EventRecord, at: usize, bytes: u32): void {
    copyText(changetype<usize>(event) + EVENT_RULE_AT, EVENT_RULE_BYTES, at, bytes);
  }

  /** Names the class of an event when the bundle has labels. */
  setClass(event: EventRecord, classId: i32): void {
    event.classId = classId;
    if (<u32>classId >= <u32>this.setup.labelCount) return;
    const label = this.setup.label(classId);
    copyText(changetype<usize>(event) + EVENT_LABEL_AT, EVENT_LABEL_BYTES, label.at, label.bytes);
  }

  private nextObject(): ObjectRecord {
    const index = <usize>this.block.objectsOut;
    this.block.objectsOut++;
    return changetype<ObjectRecord>(this.block.objectsOutAt + index * offsetof<ObjectRecord>());
  }
}
