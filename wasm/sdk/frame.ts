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

const KEYPOINT_BYTES: usize = 12;
const ATTRIBUTE_BYTES: usize = 12;

@final
export class Frame {
  private block: FrameBlock = changetype<FrameBlock>(0);

  constructor(private readonly setup: Setup) {}

  /** Called by the SDK. */
  attach(block: FrameBlock): Frame {
    block.objectsOut = 0;
    block.eventsOut = 0;
    block.auxOut = 0;
    block.user = 0;
    block.userBytes = 0;
    return this.place(block);
  }

  /** Called by the SDK. */
  place(block: FrameBlock): Frame {
    this.block = block;
    const tensors = this.setup.tensors;
    for (let i = 0; i < tensors.length; i++) {
      unchecked(tensors[i]).data = load<usize>(block.tensors + ((<usize>i) << 2));
    }
    return this;
  }

  /** For files of the SDK. */
  get raw(): FrameBlock {
    return this.block;
  }

  /** Bytes of the arena for masks, keypoints, attributes and user metadata out. */
  get auxCapacity(): i32 {
    return this.setup.auxBytes;
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

  /** Object `index` that went out, 0 to outCount - 1. */
  outObject(index: i32): ObjectRecord {
    return changetype<ObjectRecord>(this.block.objectsOutAt + <usize>index * offsetof<ObjectRecord>());
  }

  /**
   * Room for a mask of an object: f32[height][width], zeroed, stretched over its box, values 0..1. 0 when the frame's arena
   * (limits.aux-bytes) is full. To be asked for before keypoints and attributes, and before those of other objects.
   */
  addMask(object: ObjectRecord, width: i32, height: i32): usize {
    const at = this.extend(object, (<usize>(width * height)) << 2);
    if (at == 0) return 0;
    object.maskWidth = <u16>width;
    object.maskHeight = <u16>height;
    return at;
  }

  /** Room for keypoints of an object: f32[count][3], zeroed: x, y (pixels, as the box), confidence 0..1. 0 when the arena is full. */
  addKeypoints(object: ObjectRecord, count: i32): usize {
    const at = this.extend(object, <usize>count * KEYPOINT_BYTES);
    if (at != 0) object.keypoints = <u16>count;
    return at;
  }

  /**
   * One more attribute of an object, after mask and keypoints. False when the arena is full.
   *
   * @param group which of the model's classifiers said it, from 0
   */
  addAttribute(object: ObjectRecord, group: u32, classId: u32, confidence: f32): bool {
    const at = this.extend(object, ATTRIBUTE_BYTES);
    if (at == 0) return false;
    store<u32>(at, group);
    store<u32>(at + 4, classId);
    store<f32>(at + 8, confidence);
    object.attributes++;
    return true;
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
   * Numbers that are none become 0. The caller must have looked at `full`.
   */
  continueObject(index: i32): ObjectRecord {
    const record = this.nextObject();
    memory.copy(changetype<usize>(record), changetype<usize>(this.object(index)), offsetof<ObjectRecord>());
    record.input = index;
    record.parent = -1;
    memory.fill(changetype<usize>(record) + offsetof<ObjectRecord>("aux"), 0, AUX_FIELDS_BYTES);
    record.userBytes = 0;
    clean(record);
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

  /** More of the arena for an object whose part of it is the last; 0 when there is no more, or another's part came after. */
  private extend(object: ObjectRecord, bytes: usize): usize {
    const used: u32 = object.auxBytes == 0 ? (this.block.auxOut + 3) & ~3 : this.block.auxOut;
    if (object.auxBytes != 0 && object.aux + object.auxBytes != used) return 0;
    if (used > <u32>this.setup.auxBytes || bytes > <usize>(<u32>this.setup.auxBytes - used)) return 0;
    if (object.auxBytes == 0) object.aux = used;
    object.auxBytes += <u32>bytes;
    this.block.auxOut = used + <u32>bytes;
    const at = this.block.auxOutAt + <usize>used;
    memory.fill(at, 0, bytes);
    return at;
  }

  private nextObject(): ObjectRecord {
    const index = <usize>this.block.objectsOut;
    this.block.objectsOut++;
    return changetype<ObjectRecord>(this.block.objectsOutAt + index * offsetof<ObjectRecord>());
  }
}

/** NaN and infinities to 0: the host refuses them, for all objects of the batch. */
function clean(object: ObjectRecord): void {
  // 0, or NaN where one of them is no number.
  const sum =
    (object.left + object.top + object.width + object.height + object.angle + object.confidence) * 0 +
    object.trackerConfidence * 0;
  if (sum == 0) return;
  object.left = numberOf(object.left);
  object.top = numberOf(object.top);
  object.width = numberOf(object.width);
  object.height = numberOf(object.height);
  object.angle = numberOf(object.angle);
  object.confidence = numberOf(object.confidence);
  object.trackerConfidence = numberOf(object.trackerConfidence);
}

function numberOf(value: f32): f32 {
  return isFinite(value) ? value : 0;
}
