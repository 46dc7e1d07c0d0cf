// YOLO, end to end (v10, 26): the model has suppressed overlaps itself.
//
// Input: one output of a frame, [objects, 6] or its transpose; float32, float16, or int8 with a scale. A row is left, top, right,
// bottom in pixels of the network (or in parts of it: box-units), score 0..1, class id. Rows that mean nothing have a low score.
// Output: the rows from the threshold on, best first.

import {
  Candidates,
  FieldView,
  Frame,
  Kind,
  line,
  Module,
  Parameters,
  plausible,
  Setup,
  Status,
  serve,
} from "../../../sdk";

export { nj_abi, nj_alloc, nj_configure, nj_init, nj_kind, nj_process } from "../../../sdk/exports";

const FIELDS: i32 = 6;
const SCORE: i32 = 4;
const CLASS: i32 = 5;
const UNITS: StaticArray<string> = ["pixels", "normalised"];
/** As the element and the trackers have it: 16 bits. */
const LAST_CLASS: f32 = 65535;

@final
class YoloEndToEnd extends Module {
  private rows: FieldView = changetype<FieldView>(0);
  private rowCount: i32 = 0;
  private candidates: Candidates = changetype<Candidates>(0);
  private setup: Setup = changetype<Setup>(0);
  private lastClass: f32 = LAST_CLASS;
  private threshold: f32 = 0.25;
  private limit: i32 = 300;
  private unitX: f32 = 1;
  private unitY: f32 = 1;

  constructor() {
    super(Kind.Detect);
  }

  init(setup: Setup): i32 {
    this.setup = setup;
    if (setup.tensors.length != 1) {
      line("the model has ").integer(setup.tensors.length).text(" outputs, expected one: [objects, 6]").error();
      return Status.BadTensors;
    }
    const tensor = setup.tensors[0];
    const isTransposed = tensor.dim(1) != FIELDS && tensor.dim(0) == FIELDS;
    if (tensor.rank != 2 || !tensor.isReal || (tensor.dim(1) != FIELDS && !isTransposed)) {
      tensor
        .describe(line("the model's output "))
        .text(" is not [objects, 6] of float32, float16 or scaled int8")
        .error();
      return Status.BadTensors;
    }
    this.rowCount = tensor.dim(isTransposed ? 1 : 0);
    this.rows = new FieldView(tensor, 0, 0, FIELDS, this.rowCount, isTransposed);
    this.candidates = new Candidates(this.rowCount);
    if (setup.labelCount > 0) this.lastClass = <f32>(setup.labelCount - 1);
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    this.threshold = <f32>parameters.number("confidence-threshold", 0.25, 0, 1);
    this.limit = min(parameters.integer("top-k", 300, 1, i32.MAX_VALUE), this.setup.maxObjects);
    const isNormalised = parameters.choice("box-units", UNITS, 0) == 1;
    this.unitX = isNormalised ? <f32>this.setup.networkWidth : 1;
    this.unitY = isNormalised ? <f32>this.setup.networkHeight : 1;
    return parameters.result;
  }

  process(frame: Frame): i32 {
    this.rows.lookAt();
    this.candidates.clear();
    for (let row = 0; row < this.rowCount; row++) {
      const score = this.rows.at(row, SCORE);
      if (score >= this.threshold && score < Infinity) this.candidates.add(max<f32>(score, 0), row);
    }
    this.candidates.sort();
    for (let rank = 0; rank < this.candidates.count && frame.outCount < this.limit; rank++) this.add(rank, frame);
    return Status.Ok;
  }

  private add(rank: i32, frame: Frame): void {
    const row = this.candidates.index(rank);
    const left = this.rows.at(row, 0) * this.unitX;
    const top = this.rows.at(row, 1) * this.unitY;
    const width = this.rows.at(row, 2) * this.unitX - left;
    const height = this.rows.at(row, 3) * this.unitY - top;
    // Half precision and scales leave a class id a little beside its number.
    const classId = floor<f32>(this.rows.at(row, CLASS) + 0.5);
    if (!plausible(left, top, width, height) || !(classId >= 0 && classId <= this.lastClass)) return;
    const object = frame.addObject();
    object.left = left;
    object.top = top;
    object.width = width;
    object.height = height;
    object.confidence = min<f32>(this.candidates.score(rank), 1);
    object.classId = <i32>classId;
  }
}

serve(new YoloEndToEnd());
