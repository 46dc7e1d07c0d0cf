// Kalman filter of ByteTrack: centre x, centre y, aspect (width / height) and height, each with its velocity per frame; and,
// which ByteTrack does not have, the angle of an oriented box.
//
// All noise is independent between the five, and only a value's own velocity moves it, so the 10 x 10 covariance is five
// 2 x 2 blocks for ever: the same numbers as the full matrices give, at a fraction of the work. For the same reason the
// angle changes nothing for upright boxes: it stays 0.

const POSITION: f64 = 1.0 / 20; // standard deviations, in heights
const VELOCITY: f64 = 1.0 / 160;
const ASPECT: f64 = 1e-2;
const ASPECT_VELOCITY: f64 = 1e-5;
const ASPECT_MEASURED: f64 = 1e-1;
// Radians. Detectors err by some degrees; vehicles turn by a few degrees a frame at most, and gradually.
const ANGLE: f64 = 0.035;
const ANGLE_VELOCITY: f64 = 0.0044;
const ANGLE_MEASURED: f64 = 0.087;

/** Index of a value. */
export const X: i32 = 0;
export const Y: i32 = 1;
export const A: i32 = 2;
export const H: i32 = 3;
export const T: i32 = 4; // angle, radians

export const VALUES: i32 = 5;
/** Kinds of number: value, velocity, variance, covariance, velocity's variance; f64[KINDS][VALUES]. */
export const KINDS: i32 = 5;
export const KALMAN_BYTES: usize = 5 * 5 * 8;
const VELOCITIES: usize = 40;
const VARIANCES: usize = 80;
const COVARIANCES: usize = 120;
const VELOCITY_VARIANCES: usize = 160;

/** A filter at a first box. */
export function initiate(filter: usize, x: f64, y: f64, aspect: f64, height: f64, angle: f64): void {
  const position = 2 * POSITION * height;
  const velocity = 10 * VELOCITY * height;
  begin(filter, X, x, position, velocity);
  begin(filter, Y, y, position, velocity);
  begin(filter, A, aspect, ASPECT, ASPECT_VELOCITY);
  begin(filter, H, height, position, velocity);
  initiateAngle(filter, angle);
}

/** The angle of a first box. */
export function initiateAngle(filter: usize, angle: f64): void {
  begin(filter, T, angle, 2 * ANGLE_MEASURED, 10 * ANGLE_VELOCITY);
}

/** One frame later. */
export function predict(filter: usize): void {
  const height = valueOf(filter, H);
  const position = POSITION * height;
  const velocity = VELOCITY * height;
  advance(filter, X, position, velocity);
  advance(filter, Y, position, velocity);
  advance(filter, A, ASPECT, ASPECT_VELOCITY);
  advance(filter, H, position, velocity);
  advance(filter, T, ANGLE, ANGLE_VELOCITY);
}

/** A box was measured. `angle` must be the turn of the box that is nearest to the filter's (turns.ts). */
export function update(filter: usize, x: f64, y: f64, aspect: f64, height: f64, angle: f64): void {
  const position = POSITION * valueOf(filter, H);
  correct(filter, X, x, position);
  correct(filter, Y, y, position);
  correct(filter, A, aspect, ASPECT_MEASURED);
  correct(filter, H, height, position);
  correct(filter, T, angle, ANGLE_MEASURED);
  const turn = valueOf(filter, T);
  if (abs(turn) > Math.PI)
    store<f64>(filter + ((<usize>T) << 3), turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI)));
}

/** x, y, aspect, height or angle. */
export function valueOf(filter: usize, index: i32): f64 {
  return load<f64>(filter + ((<usize>index) << 3));
}

/** A lost object is not expected to grow, shrink or turn further. */
export function freezeShape(filter: usize): void {
  store<f64>(filter + VELOCITIES + ((<usize>H) << 3), 0);
  store<f64>(filter + VELOCITIES + ((<usize>T) << 3), 0);
}

function begin(filter: usize, index: i32, value: f64, deviation: f64, velocityDeviation: f64): void {
  const at = filter + ((<usize>index) << 3);
  store<f64>(at, value);
  store<f64>(at + VELOCITIES, 0);
  store<f64>(at + VARIANCES, deviation * deviation);
  store<f64>(at + COVARIANCES, 0);
  store<f64>(at + VELOCITY_VARIANCES, velocityDeviation * velocityDeviation);
}

function advance(filter: usize, index: i32, deviation: f64, velocityDeviation: f64): void {
  const at = filter + ((<usize>index) << 3);
  const covariance = load<f64>(at + COVARIANCES);
  const velocityVariance = load<f64>(at + VELOCITY_VARIANCES);
  const variance = load<f64>(at + VARIANCES) + 2 * covariance + velocityVariance;
  store<f64>(at, load<f64>(at) + load<f64>(at + VELOCITIES));
  store<f64>(at + VARIANCES, variance + deviation * deviation);
  store<f64>(at + COVARIANCES, covariance + velocityVariance);
  store<f64>(at + VELOCITY_VARIANCES, velocityVariance + velocityDeviation * velocityDeviation);
}

function correct(filter: usize, index: i32, measured: f64, deviation: f64): void {
  const at = filter + ((<usize>index) << 3);
  const variance = load<f64>(at + VARIANCES);
  const covariance = load<f64>(at + COVARIANCES);
  const total = variance + deviation * deviation;
  const gain = variance / total;
  const velocityGain = covariance / total;
  const innovation = measured - load<f64>(at);
  store<f64>(at, load<f64>(at) + gain * innovation);
  store<f64>(at + VELOCITIES, load<f64>(at + VELOCITIES) + velocityGain * innovation);
  store<f64>(at + VARIANCES, variance - gain * variance);
  store<f64>(at + COVARIANCES, covariance - gain * covariance);
  store<f64>(at + VELOCITY_VARIANCES, load<f64>(at + VELOCITY_VARIANCES) - velocityGain * covariance);
}
