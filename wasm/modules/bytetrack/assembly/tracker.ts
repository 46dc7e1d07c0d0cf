// ByteTrack (Zhang et al., ECCV 2022): nearly every detection takes part. Tracks are matched first with the detections of
// high score; then those without one with the detections of low score, which are often the same objects half hidden.
//
//   Tentative ── second detection ──► Tracked ── none in a frame ──► Lost ── more than track-buffer frames ──► gone
//       │ none in the next frame ► gone   ▲                            │
//       (first frame: Tracked at once)    └── a detection of high score ┘
//
// Frames without inference only move the filters on: nobody is missed when nobody looked.

import { Frame, ObjectFlags, ObjectRecord, Setup } from "../../../sdk";
import { freezeShape, initiate, predict, update } from "./kalman";
import { Matcher, overlapOf, similarityOf } from "./matcher";
import { Reporter } from "./reporter";
import { Settings } from "./settings";
import { Source, Sources } from "./sources";
import { State, Track, TrackPool } from "./track";
import { isSwapped, nearestTurn, quarterTurn } from "./turns";
import { firstVote, vote } from "./votes";

/** Tracks of one source, and of all together; a detection beyond that stays without one. */
export const SOURCE_TRACKS: i32 = 256;
export const ALL_TRACKS: i32 = 4096;
export const MAX_SOURCES: i32 = 1024;

/** Largest distance in the second matching, and for tentative tracks. */
const SECOND_THRESHOLD: f64 = 0.5;
const TENTATIVE_THRESHOLD: f64 = 0.7;
const NO_TRACK: i32 = -1;
/** Not finite, or without area: such a detection does not exist. */
const NO_BOX: i32 = -2;
/** Two tracks that overlap more than this are one object. */
const DUPLICATE: f64 = 0.85;

@final
export class Tracker {
  readonly settings: Settings;
  readonly pool: TrackPool;
  readonly sources: Sources;
  nextId: u64;
  private readonly matcher: Matcher;
  private readonly reporter: Reporter;
  private readonly tracks: StaticArray<i32> = new StaticArray<i32>(SOURCE_TRACKS);
  private count: i32 = 0;
  // The lost ones among them, by place, and where they are.
  private readonly lost: StaticArray<i32> = new StaticArray<i32>(SOURCE_TRACKS);
  private readonly lostX: StaticArray<f64> = new StaticArray<f64>(SOURCE_TRACKS);
  private readonly trackOf: StaticArray<i32>; // by detection, or NO_TRACK, or NO_BOX

  constructor(setup: Setup) {
    const settings = new Settings();
    const pool = new TrackPool(ALL_TRACKS);
    this.settings = settings;
    this.pool = pool;
    this.sources = new Sources(MAX_SOURCES, pool);
    this.nextId = setup.firstObjectId;
    this.matcher = new Matcher(pool, SOURCE_TRACKS, setup.maxObjects);
    this.reporter = new Reporter(settings);
    this.trackOf = new StaticArray<i32>(setup.maxObjects);
  }

  process(frame: Frame): void {
    const source = this.sources.find(frame.sourceId);
    this.gather(source);
    if (frame.discontinuity) this.forget(source);
    this.movePredictions();
    if (frame.inferred || frame.objectCount > 0) this.observe(source, frame);
    this.emit(frame);
    this.report(frame);
    this.store(source);
  }

  /** One frame of detections. */
  private observe(source: Source, frame: Frame): void {
    source.frames++;
    for (let i = 0; i < frame.objectCount; i++) this.trackOf[i] = isBox(frame.object(i)) ? NO_TRACK : NO_BOX;
    this.matchHigh(frame);
    this.matchLow(frame);
    this.matchTentative(frame);
    this.begin(source, frame);
    this.endOverdue();
    this.endDuplicates();
  }

  private movePredictions(): void {
    for (let i = 0; i < this.count; i++) {
      const track = this.at(i);
      track.age++;
      track.detection = -1;
      if (track.state == State.Lost) freezeShape(track.filter);
      if (track.state != State.Leaving) predict(track.filter);
    }
  }

  private matchHigh(frame: Frame): void {
    const settings = this.settings;
    this.collect(State.Tracked, State.Lost);
    this.collectFree(frame, settings.trackThreshold, Infinity);
    this.matcher.match(frame, settings.matchThreshold, true, settings.classAgnostic);
    this.apply(frame);
  }

  private matchLow(frame: Frame): void {
    const settings = this.settings;
    this.collect(State.Tracked, State.Tracked);
    this.collectFree(frame, settings.lowThreshold, settings.trackThreshold);
    this.matcher.match(frame, SECOND_THRESHOLD, false, settings.classAgnostic);
    this.apply(frame);
    this.countMissed();
  }

  private matchTentative(frame: Frame): void {
    const settings = this.settings;
    this.collect(State.Tentative, State.Tentative);
    this.collectFree(frame, settings.trackThreshold, Infinity);
    this.matcher.match(frame, TENTATIVE_THRESHOLD, true, settings.classAgnostic);
    this.apply(frame);
    for (let row = 0; row < this.matcher.trackCount; row++) {
      const track = this.pool.at(this.matcher.tracks[row]);
      if (track.detection < 0) track.state = State.Free;
    }
  }

  /** Detections that no track took begin tracks of their own. */
  private begin(source: Source, frame: Frame): void {
    this.matcher.clear();
    this.collectFree(frame, Math.max(this.settings.trackThreshold, this.settings.newTrackThreshold), Infinity);
    for (let i = 0; i < this.matcher.detectionCount && this.count < SOURCE_TRACKS; i++) {
      const index = this.pool.take();
      if (index < 0) return;
      this.tracks[this.count++] = index;
      this.start(this.pool.at(index), index, this.matcher.detections[i], frame);
      if (source.frames == 1) this.confirm(this.pool.at(index));
    }
  }

  private start(track: Track, index: i32, detection: i32, frame: Frame): void {
    const object = frame.object(detection);
    const x = <f64>object.left + <f64>object.width / 2;
    const y = <f64>object.top + <f64>object.height / 2;
    initiate(track.filter, x, y, <f64>object.width / <f64>object.height, <f64>object.height, <f64>object.angle);
    track.classId = object.classId;
    firstVote(track.votes, object.classId, object.confidence);
    track.state = State.Tentative;
    track.firstTime = frame.time;
    track.similarity = 1;
    this.note(track, index, detection, frame);
  }

  private confirm(track: Track): void {
    track.state = State.Tracked;
    track.id = this.nextId++;
  }

  /** Tracks in one of two states that have no detection yet. */
  private collect(state: i32, other: i32): void {
    this.matcher.clear();
    for (let i = 0; i < this.count; i++) {
      const track = this.at(i);
      if ((track.state == state || track.state == other) && track.detection < 0) this.matcher.addTrack(this.tracks[i]);
    }
  }

  /** Detections of a score from `low` to below `high` that have no track yet. */
  private collectFree(frame: Frame, low: f64, high: f64): void {
    for (let i = 0; i < frame.objectCount; i++) {
      const score = <f64>frame.object(i).confidence;
      if (this.trackOf[i] == NO_TRACK && score >= low && score < high) this.matcher.addDetection(i, frame.object(i));
    }
  }

  /** Continues the tracks that found a detection. */
  private apply(frame: Frame): void {
    for (let row = 0; row < this.matcher.trackCount; row++) {
      const detection = this.matcher.detectionOf(row);
      if (detection >= 0) this.proceed(this.matcher.tracks[row], detection, frame);
    }
  }

  private proceed(index: i32, detection: i32, frame: Frame): void {
    const track = this.pool.at(index);
    const object = frame.object(detection);
    track.similarity = <f32>similarityOf(track, object);
    measure(track, object);
    track.classId = vote(track.votes, track.classId, object.classId, object.confidence, this.settings.classMemory);
    if (track.state == State.Tentative) this.confirm(track);
    else track.state = State.Tracked;
    this.note(track, index, detection, frame);
  }

  private note(track: Track, index: i32, detection: i32, frame: Frame): void {
    const object = frame.object(detection);
    track.detection = detection;
    track.componentId = object.componentId;
    track.confidence = object.confidence;
    if (object.angle != 0) track.oriented = 1;
    track.lastTime = frame.time;
    track.missed = 0;
    track.hits++;
    this.trackOf[detection] = index;
  }

  private countMissed(): void {
    for (let i = 0; i < this.count; i++) {
      const track = this.at(i);
      if (track.detection >= 0 || (track.state != State.Tracked && track.state != State.Lost)) continue;
      track.missed++;
      track.state = State.Lost;
    }
  }

  private endOverdue(): void {
    for (let i = 0; i < this.count; i++) {
      const track = this.at(i);
      if (track.state == State.Lost && track.missed > this.settings.trackBuffer) track.state = State.Leaving;
    }
  }

  /** Of a tracked and a lost track in one place, the one that was seen longer stays. */
  private endDuplicates(): void {
    const lost = this.gatherLost();
    if (lost == 0) return;
    for (let i = 0; i < this.count; i++) {
      const tracked = this.at(i);
      if (tracked.state == State.Tracked) this.endTwin(tracked, lost);
    }
  }

  private gatherLost(): i32 {
    let count = 0;
    for (let i = 0; i < this.count; i++) {
      const track = this.at(i);
      if (track.state != State.Lost) continue;
      unchecked((this.lost[count] = i));
      // A turned one is always looked at.
      unchecked((this.lostX[count++] = track.oriented ? NaN : track.x));
    }
    return count;
  }

  private endTwin(tracked: Track, lost: i32): void {
    const x = tracked.x;
    // Upright boxes that overlap so much have centres much nearer than that.
    const reach = tracked.oriented ? Infinity : tracked.width;
    for (let k = 0; k < lost; k++) {
      if (abs(unchecked(this.lostX[k]) - x) > reach) continue;
      const other = this.at(unchecked(this.lost[k]));
      if (other.state != State.Lost || !this.areOne(tracked, other)) continue;
      // Seen until now, or until it was lost.
      const shorter = tracked.age > other.age - other.missed ? other : tracked;
      shorter.state = State.Leaving;
      if (shorter == tracked) return;
    }
  }

  private areOne(a: Track, b: Track): bool {
    return (this.settings.classAgnostic || a.classId == b.classId) && overlapOf(a, b) > DUPLICATE;
  }

  /** The source restarted: its objects are others, ids go on. */
  private forget(source: Source): void {
    source.frames = 0;
    for (let i = 0; i < this.count; i++) {
      this.at(i).state = this.at(i).state == State.Tentative ? State.Free : State.Leaving;
    }
  }

  private emit(frame: Frame): void {
    if (frame.inferred || frame.objectCount > 0) {
      for (let i = 0; i < frame.objectCount && !frame.full; i++) this.emitDetection(i, frame);
    }
    for (let i = 0; i < this.count && !frame.full; i++) this.emitPrediction(this.at(i), frame);
  }

  private emitDetection(detection: i32, frame: Frame): void {
    const index = this.trackOf[detection];
    if (index < 0 || this.pool.at(index).state != State.Tracked) {
      if (this.settings.keepUntracked && index != NO_BOX) frame.continueObject(detection);
      return;
    }
    const track = this.pool.at(index);
    track.out = frame.outCount;
    const object = frame.continueObject(detection);
    this.identify(object, track);
    if (this.settings.smoothBoxes) this.place(object, track);
  }

  /** Frames without inference show where everything should be by now; others only lost tracks, when that is asked for. */
  private emitPrediction(track: Track, frame: Frame): void {
    if (track.detection >= 0) return;
    const lost = track.state == State.Lost && track.missed <= this.settings.predictedFrames;
    if (!lost && track.state != State.Tracked) return;
    const object = frame.addObject();
    this.identify(object, track);
    this.place(object, track);
    object.flags |= ObjectFlags.Predicted;
    object.confidence = track.confidence;
    object.componentId = track.componentId;
  }

  private identify(object: ObjectRecord, track: Track): void {
    object.objectId = track.id;
    object.classId = track.classId;
    object.trackerConfidence = track.similarity;
    object.age = <u32>track.age;
    object.flags = ObjectFlags.Tracked;
    if (!track.shown) object.flags |= ObjectFlags.New;
    track.shown = 1;
  }

  private place(object: ObjectRecord, track: Track): void {
    object.left = <f32>track.left;
    object.top = <f32>track.top;
    object.width = <f32>Math.max(0, track.width);
    object.height = <f32>Math.max(0, track.height);
    object.angle = <f32>track.angle;
  }

  private report(frame: Frame): void {
    for (let i = 0; i < this.count; i++) this.reporter.report(this.at(i), frame);
  }

  private gather(source: Source): void {
    this.count = 0;
    for (let index = source.head; index >= 0; index = this.pool.at(index).next) this.tracks[this.count++] = index;
  }

  /** Puts the list of the source together again, without the tracks that ended. */
  private store(source: Source): void {
    source.head = -1;
    source.count = 0;
    for (let i = this.count - 1; i >= 0; i--) {
      const index = this.tracks[i];
      const track = this.pool.at(index);
      if (track.state == State.Free) {
        this.pool.release(index);
        continue;
      }
      track.next = source.head;
      source.head = index;
      source.count++;
    }
  }

  private at(i: i32): Track {
    return this.pool.at(unchecked(this.tracks[i]));
  }
}

/** The object's box goes into the filter, in the description that is nearest to what the filter has. */
function measure(track: Track, object: ObjectRecord): void {
  const x = <f64>object.left + <f64>object.width / 2;
  const y = <f64>object.top + <f64>object.height / 2;
  let aspect = <f64>object.width / <f64>object.height;
  let height = <f64>object.height;
  let angle = <f64>object.angle;
  if (track.oriented || angle != 0) {
    if (isSwapped(aspect, angle, track.width / track.height, track.angle)) {
      height = <f64>object.width;
      aspect = 1 / aspect;
      angle = quarterTurn(angle);
    }
    angle = nearestTurn(angle, track.angle);
  }
  update(track.filter, x, y, aspect, height, angle);
}

function isBox(object: ObjectRecord): bool {
  const sum = object.left + object.top + object.width + object.height + object.confidence + object.angle;
  return isFinite(sum) && object.width > 0 && object.height > 0;
}
