// Decoding of a raw YOLO head and non-maximum suppression, written from the definition: for each anchor the class with
// the best score; anchors from the threshold on, best first; a box goes when it overlaps a better one of its class.

export interface Detection {
  left: number;
  top: number;
  width: number;
  height: number;
  confidence: number;
  classId: number;
}

export interface ReferenceOptions {
  confidence: number;
  /** By class id; NaN or missing: `confidence`. */
  classThresholds?: readonly number[];
  iou: number;
  agnostic?: boolean;
  topK?: number;
  /** Pixels of one unit of the boxes; 1. */
  unit?: number;
}

const f32 = Math.fround;

/** `head` is [4 + classes][anchors]. */
export function decode(head: Float32Array, classes: number, anchors: number, options: ReferenceOptions): Detection[] {
  const found: Detection[] = [];
  for (let anchor = 0; anchor < anchors; anchor++) {
    const field = (row: number) => head[row * anchors + anchor]!;
    const detection = detectionOf(field, classes, options.unit ?? 1);
    if (detection && detection.confidence >= thresholdOf(detection.classId, options)) found.push(detection);
  }
  // Array.sort is stable: among equals the lower anchor comes first.
  found.sort((a, b) => b.confidence - a.confidence);
  return suppress(found, options);
}

function detectionOf(field: (row: number) => number, classes: number, unit: number): Detection | undefined {
  let classId = -1;
  let confidence = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c++) {
    const score = field(4 + c);
    if (Number.isFinite(score) && score > confidence) {
      confidence = score;
      classId = c;
    }
  }
  const pixels = (row: number) => f32(field(row) * unit);
  const [x, y, width, height] = [pixels(0), pixels(1), pixels(2), pixels(3)];
  const plausible =
    Math.abs(x) <= 1e6 && Math.abs(y) <= 1e6 && width > 0 && width <= 1e6 && height > 0 && height <= 1e6;
  if (classId < 0 || !plausible) return undefined;
  return { left: f32(x - f32(width * 0.5)), top: f32(y - f32(height * 0.5)), width, height, confidence, classId };
}

function thresholdOf(classId: number, { classThresholds, confidence }: ReferenceOptions): number {
  const own = classThresholds?.[classId];
  return f32(own === undefined || Number.isNaN(own) ? confidence : own);
}

function suppress(sorted: readonly Detection[], { iou, agnostic = false, topK = 300 }: ReferenceOptions): Detection[] {
  const kept: Detection[] = [];
  for (const candidate of sorted) {
    if (kept.length >= topK) break;
    const rivals = kept.filter((other) => agnostic || other.classId === candidate.classId);
    if (!rivals.some((other) => overlaps(other, candidate, f32(iou)))) kept.push(candidate);
  }
  return kept;
}

/** overlap > iou * (area + area - overlap), in the numbers of the module. */
function overlaps(a: Detection, b: Detection, iou: number): boolean {
  const right = (box: Detection) => f32(box.left + box.width);
  const bottom = (box: Detection) => f32(box.top + box.height);
  const width = Math.max(0, f32(Math.min(right(a), right(b)) - Math.max(a.left, b.left)));
  const height = Math.max(0, f32(Math.min(bottom(a), bottom(b)) - Math.max(a.top, b.top)));
  const overlap = f32(width * height);
  const area = (box: Detection) => f32(f32(right(box) - box.left) * f32(bottom(box) - box.top));
  return overlap > f32(iou * f32(f32(area(a) + area(b)) - overlap));
}

/** Soft-NMS as Bodla et al. (2017) define it, in double precision. */
export function suppressSoftly(
  found: readonly Detection[],
  decay: (iou: number) => number,
  { confidence, agnostic = false }: Pick<ReferenceOptions, "confidence" | "agnostic">,
): Detection[] {
  const left = found.map((detection) => ({ ...detection }));
  const taken: Detection[] = [];
  while (left.length > 0 && taken.length < 300) {
    const best = left.reduce((a, b) => (b.confidence > a.confidence ? b : a));
    if (best.confidence < confidence) break;
    taken.push(best);
    left.splice(left.indexOf(best), 1);
    for (const other of left) {
      if (agnostic || other.classId === best.classId)
        other.confidence = f32(other.confidence * decay(iouOf(best, other)));
    }
  }
  return taken;
}

function iouOf(a: Detection, b: Detection): number {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (a.width * a.height + b.width * b.height - width * height);
}
