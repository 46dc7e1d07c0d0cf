// Boxes as left, top, right, bottom in pixels.

/** Intersection over union of two boxes, 0..1; 0 when one of them is empty. */
export function iou(
  left1: f64,
  top1: f64,
  right1: f64,
  bottom1: f64,
  left2: f64,
  top2: f64,
  right2: f64,
  bottom2: f64,
): f64 {
  const width = Math.min(right1, right2) - Math.max(left1, left2);
  const height = Math.min(bottom1, bottom2) - Math.max(top1, top2);
  if (!(width > 0 && height > 0)) return 0;
  const overlap = width * height;
  const union = (right1 - left1) * (bottom1 - top1) + (right2 - left2) * (bottom2 - top2) - overlap;
  return union > 0 ? overlap / union : 0;
}

/** No real detection is that far away or that large (pixels). */
export const LARGEST: f32 = 1e6;

/** Whether a centre and size can be a box: finite, not absurd, and of some area. */
export function plausible(x: f32, y: f32, width: f32, height: f32): bool {
  return abs(x) <= LARGEST && abs(y) <= LARGEST && width > 0 && width <= LARGEST && height > 0 && height <= LARGEST;
}
