// A turned box has four equal descriptions (half turns, and quarter turns with swapped sides): which of them is nearest to
// what is known.

const HALF_TURN: f64 = Math.PI;
const QUARTER_TURN: f64 = Math.PI / 2;

/** The angle that differs from `angle` by half turns and is nearest to `known`. */
export function nearestTurn(angle: f64, known: f64): f64 {
  return angle - HALF_TURN * Math.round((angle - known) / HALF_TURN);
}

/**
 * Whether a box of this aspect and angle is nearer to what is known when its sides are taken the other way round, with a
 * quarter turn more: detectors change from one description to the other where their range of angles ends.
 */
export function isSwapped(aspect: f64, angle: f64, knownAspect: f64, knownAngle: f64): bool {
  const straight = unlikeness(aspect / knownAspect, nearestTurn(angle, knownAngle) - knownAngle);
  const swapped = unlikeness(1 / (aspect * knownAspect), nearestTurn(angle + QUARTER_TURN, knownAngle) - knownAngle);
  return swapped < straight;
}

/** An eighth of a turn weighs as much as a doubled aspect. */
function unlikeness(ratio: f64, turn: f64): f64 {
  const turns = turn / (Math.PI / 4);
  const doublings = Math.log(ratio) / Math.LN2;
  return turns * turns + doublings * doublings;
}

/** A quarter turn more: the angle that goes with swapped sides. */
export function quarterTurn(angle: f64): f64 {
  return angle + QUARTER_TURN;
}
