// Which class a track has, when the detector takes the same object for this now and for that then: every detection votes for
// its class with its confidence, older votes fade, and another class takes over only when it is clearly ahead. A label
// then changes when the evidence does and not from frame to frame.

/** Classes of one track that are counted; the weakest gives way to a new one. */
const CANDIDATES: i32 = 4;
/** i32 class ids, then f32 votes. */
export const VOTES_BYTES: usize = 32;
const WEIGHTS: usize = 16;
/** How far ahead of the track's class another one must be. */
const LEAD: f32 = 1.25;

/**
 * A detection of class `classId`; `span` is for how many detections a vote counts, on average. The class of the track, which
 * was `current`; with a span of 1 it is the detection's.
 */
export function vote(votes: usize, current: i32, classId: i32, confidence: f32, span: i32): i32 {
  fade(votes, 1 - 1 / <f32>span);
  const index = candidate(votes, classId);
  add(votes, index, confidence);
  if (classId == current) return current;
  return weightOf(votes, index) > LEAD * weightFor(votes, current) ? classId : current;
}

/** The first detection of a track. */
export function firstVote(votes: usize, classId: i32, confidence: f32): void {
  memory.fill(votes, 0, VOTES_BYTES);
  store<i32>(votes, classId);
  store<f32>(votes + WEIGHTS, confidence);
}

function fade(votes: usize, factor: f32): void {
  for (let i = 0; i < CANDIDATES; i++) store<f32>(votes + WEIGHTS + ((<usize>i) << 2), weightOf(votes, i) * factor);
}

/** The place of a class; that of the weakest one, emptied, when it has none. */
function candidate(votes: usize, classId: i32): i32 {
  let weakest = 0;
  for (let i = 0; i < CANDIDATES; i++) {
    if (weightOf(votes, i) > 0 && load<i32>(votes + ((<usize>i) << 2)) == classId) return i;
    if (weightOf(votes, i) < weightOf(votes, weakest)) weakest = i;
  }
  store<i32>(votes + ((<usize>weakest) << 2), classId);
  store<f32>(votes + WEIGHTS + ((<usize>weakest) << 2), 0);
  return weakest;
}

function add(votes: usize, index: i32, confidence: f32): void {
  store<f32>(votes + WEIGHTS + ((<usize>index) << 2), weightOf(votes, index) + confidence);
}

function weightFor(votes: usize, classId: i32): f32 {
  for (let i = 0; i < CANDIDATES; i++) if (load<i32>(votes + ((<usize>i) << 2)) == classId) return weightOf(votes, i);
  return 0;
}

function weightOf(votes: usize, index: i32): f32 {
  return load<f32>(votes + WEIGHTS + ((<usize>index) << 2));
}
