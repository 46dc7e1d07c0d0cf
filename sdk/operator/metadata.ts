/**
 * The metadata of a batch as an operator sees it: batch, frames, objects, events, with the ownership of NvDs metadata:
 * objects and events are acquired from the batch, filled in, and appended to a frame. Lengths are pixels of the frame.
 */

/** How sure the model is of each cell of an object's box, 0..1. */
export interface Mask {
  /** Cells; the mask is stretched over the box. */
  readonly width: number;
  readonly height: number;
  /** Row by row, `width * height` numbers. */
  readonly data: Float32Array;
}

export interface Keypoint {
  /** Pixels of the frame. */
  readonly x: number;
  readonly y: number;
  /** 0..1 */
  readonly confidence: number;
}

/** What a classifier said about an object. */
export interface Attribute {
  /** Which of the object's classifiers, from 0 in the order in which they spoke. */
  readonly group: number;
  /** By that classifier's own labels. */
  readonly classId: number;
  /** 0..1 */
  readonly confidence: number;
}

/** What elements before this one found of an object, beyond its fields. Changes are not taken back: they stay with the object. */
export interface ObjectExtras {
  readonly mask: Mask | undefined;
  readonly keypoints: readonly Keypoint[];
  readonly attributes: readonly Attribute[];
}

/**
 * What an operator says about a frame or an object in a form of its own: anything that JSON can carry in an object or array, or bytes.
 * Elements downstream find it as NJ_MODULE_META, consumers of messages as `user`: JSON as it is, bytes as base64.
 */
export type UserMetadata = Uint8Array | readonly unknown[] | { readonly [key: string]: unknown };

const NO_EXTRAS: ObjectExtras = { mask: undefined, keypoints: [], attributes: [] };

/** An object in a frame. Plain fields: change what is wrong. */
export class ObjectMetadata {
  classId = 0;
  /** 0..1 */
  confidence = 0;
  left = 0;
  top = 0;
  width = 0;
  height = 0;
  /** Clockwise on screen, about the centre of the box. */
  angleDegrees = 0;
  /** The track; undefined when there is none. */
  objectId: bigint | undefined = undefined;
  /** 0..1 */
  trackerConfidence = 0;
  /** Frames since the track began. */
  age = 0;
  /** No detection in this frame: the tracker's estimate. */
  isPredicted = false;
  /** The first frame of its track. */
  isNew = false;
  /** The object that this one is part of. */
  parent: ObjectMetadata | undefined = undefined;
  /** Said about this object; undefined: nothing. Counts against limits.aux-bytes of the bundle. */
  user: UserMetadata | undefined = undefined;
  /** Place in the frame that came in; -1 for an object that was acquired. */
  readonly input: number;
  /** As far as limits.aux-bytes of the bundle had room for it: masks are large. */
  readonly mask: Mask | undefined;
  readonly keypoints: readonly Keypoint[];
  readonly attributes: readonly Attribute[];

  /** Not to be called: batch.acquireObject() makes them. */
  constructor(input = -1, extras = NO_EXTRAS) {
    this.input = input;
    this.mask = extras.mask;
    this.keypoints = extras.keypoints;
    this.attributes = extras.attributes;
  }
}

/** Something to report. Texts that are too long for the record are cut: type 23 bytes, rule and label 31. */
export class EventMetadata {
  /** "crowd", "line-crossing", … */
  type = "";
  /** The name of the zone or line; empty where there is none. */
  rule = "";
  label = "";
  objectId: bigint | undefined = undefined;
  /** -1: about no class. */
  classId = -1;
  /** The object of the same frame that it is about. */
  object: ObjectMetadata | undefined = undefined;
  x = 0;
  y = 0;
  /** What the type says: a count, seconds, … */
  value = 0;
  /** Across a line; empty for everything else. */
  direction: "in" | "out" | "" = "";
}

/** What is known of a frame before an operator sees it. */
export interface FrameFacts {
  readonly batchId: number;
  readonly sourceId: number;
  readonly frameNumber: number;
  readonly pts: bigint;
  readonly captureNs: bigint;
  readonly width: number;
  readonly height: number;
  readonly isInferred: boolean;
  readonly isDiscontinuity: boolean;
}

export class FrameMetadata {
  /** Place in the batch, from 0. */
  readonly batchId: number;
  /** The camera. */
  readonly sourceId: number;
  readonly frameNumber: number;
  /** ns; 2^64 - 1 when unknown */
  readonly pts: bigint;
  /** ns since 1970 */
  readonly captureNs: bigint;
  readonly width: number;
  readonly height: number;
  /** Detection ran on this frame; it may have found nothing. */
  readonly isInferred: boolean;
  /** The source restarted: forget what is known of it. */
  readonly isDiscontinuity: boolean;
  /** Said about this frame; undefined: nothing. Counts against limits.aux-bytes of the bundle. */
  user: UserMetadata | undefined = undefined;
  readonly #objects: ObjectMetadata[];
  readonly #events: EventMetadata[] = [];
  readonly #limits: { readonly objects: number; readonly events: number };

  constructor(facts: FrameFacts, objects: ObjectMetadata[], limits: { objects: number; events: number }) {
    this.batchId = facts.batchId;
    this.sourceId = facts.sourceId;
    this.frameNumber = facts.frameNumber;
    this.pts = facts.pts;
    this.captureNs = facts.captureNs;
    this.width = facts.width;
    this.height = facts.height;
    this.isInferred = facts.isInferred;
    this.isDiscontinuity = facts.isDiscontinuity;
    this.#objects = objects;
    this.#limits = limits;
  }

  get objects(): readonly ObjectMetadata[] {
    return this.#objects;
  }

  get events(): readonly EventMetadata[] {
    return this.#events;
  }

  /** Adds what was acquired from the batch. Throws RangeError when the frame has no room for more. */
  append(meta: ObjectMetadata | EventMetadata): void {
    const [list, limit, key] =
      meta instanceof ObjectMetadata
        ? ([this.#objects as unknown[], this.#limits.objects, "objects"] as const)
        : ([this.#events as unknown[], this.#limits.events, "events"] as const);
    if (list.length >= limit) throw new RangeError(`a frame has at most ${limit} ${key} (limits.${key} of the bundle)`);
    list.push(meta);
  }

  /** Takes an object out of the frame (njanalytics drops it unless it keeps untracked objects). */
  remove(object: ObjectMetadata): void {
    const place = this.#objects.indexOf(object);
    if (place >= 0) this.#objects.splice(place, 1);
  }
}

export class BatchMetadata {
  readonly frames: readonly FrameMetadata[];

  constructor(frames: readonly FrameMetadata[]) {
    this.frames = frames;
  }

  /** A new object; it is in no frame until it is appended to one. */
  acquireObject(): ObjectMetadata {
    return new ObjectMetadata();
  }

  /** A new event; it is in no frame until it is appended to one. */
  acquireEvent(): EventMetadata {
    return new EventMetadata();
  }
}
