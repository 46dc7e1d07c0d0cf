// Kalman filter of ByteTrack: centre x, centre y, aspect (width / height) and height, each with its velocity per frame.
//
// All noise is independent between the four, and only a value's own velocity moves it, so the 8 x 8 covariance is four
// 2 x 2 blocks for ever: the same numbers as the full matrices give, at a fraction of the work.

const POSITION: f64 = 1.0 / 20; // standard deviations, in heights
const VELOCITY: f64 = 1.0 / 160;
const ASPECT: f64 = 1e-2;
const ASPECT_VELOCITY: f64 = 1e-5;
const ASPECT_MEASURED: f64 = 1e-1;

/** Index of a value. */
export const X: i32 = 0;
export const Y: i32 = 1;
export const A: i32 = 2;
export const H: i32 = 3;

/** f64 value, velocity, variance, covariance, velocity's variance: [5][4]. */
export const KALMAN_BYTES: usize = 5 * 4 * 8;
const VELOCITIES: usize = 32;
const VARIANCES: usize = 64;
const COVARIANCES: usize = 96;
const VELOCITY_VARIANCES: usize = 128;

/** A filter at a first box. */
export function initiate(filter: usize, x: f64, y: f64, aspect: f64, height: f64): void {
  const position = 2 * POSITION * height;
  const velocity = 10 * VELOCITY * height;
  begin(filter, X, x, position, velocity);
  begin(filter, Y, y, position, velocity);
  begin(filter, A, aspect, ASPECT, ASPECT_VELOCITY);
  begin(filter, H, height, position, velocity);
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
}

/** A box was measured. */
export function update(filter: usize, x: f64, y: f64, aspect: f64, height: f64): void {
  const position = POSITION * valueOf(filter, H);
  correct(filter, X, x, position);
  correct(filter, Y, y, position);
  correct(filter, A, aspect, ASPECT_MEASURED);
  correct(filter, H, height, position);
}

/** x, y, aspect or height. */
export function valueOf(filter: usize, index: i32): f64 {
  return load<f64>(filter + ((<usize>index) << 3));
}

/** A lost object is not expected to grow or shrink further. */
export function freezeHeight(filter: usize): void {
  store<f64>(filter + VELOCITIES + ((<usize>H) << 3), 0);
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
