// Transformer detectors: RT-DETR and RF-DETR.
//
// Input: two outputs of a frame, class scores [queries, classes] and boxes [queries, 4], in either order, or one, [queries,
// 4 + classes]; float32, float16, or int8 with a scale. Boxes are centre x, centre y, width, height in parts of the network's picture (or
// in its pixels: box-units). Scores are logits, or probabilities (scores). One column more than labels is "no object".
// Output: the best pairs of query and class, best first. Nothing is suppressed: the model gives each object once.

import {
  Candidates,
  Frame,
  Kind,
  logitOf,
  Module,
  Parameters,
  plausible,
  Setup,
  Status,
  serve,
  sigmoid,
} from "../../../sdk";
import { QueryHead } from "./head";

export { nj_abi, nj_alloc, nj_configure, nj_init, nj_kind, nj_process } from "../../../sdk/exports";

const SCORES: StaticArray<string> = ["logits", "probabilities"];
const UNITS: StaticArray<string> = ["normalised", "pixels"];

@final
class Detr extends Module {
  private head: QueryHead = changetype<QueryHead>(0);
  private setup: Setup = changetype<Setup>(0);
  private candidates: Candidates = changetype<Candidates>(0);
  private taken: StaticArray<bool> = changetype<StaticArray<bool>>(0);
  private isLogits: bool = true;
  private isOneClass: bool = false;
  /** Of the scores as the model gives them. */
  private lowest: f32 = 0;
  private limit: i32 = 300;
  private unitX: f32 = 1;
  private unitY: f32 = 1;

  constructor() {
    super(Kind.Detect);
  }

  init(setup: Setup): i32 {
    const head = QueryHead.find(setup);
    if (!head) return Status.BadTensors;
    this.setup = setup;
    this.head = head;
    this.candidates = new Candidates(head.queries * head.classes);
    this.taken = new StaticArray<bool>(head.queries);
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    const confidence = parameters.number("confidence-threshold", 0.5, 0, 1);
    this.isLogits = parameters.choice("scores", SCORES, 0) == 0;
    this.isOneClass = parameters.flag("one-class-per-query", false);
    this.limit = min(parameters.integer("top-k", 300, 1, i32.MAX_VALUE), this.setup.maxObjects);
    const isPixels = parameters.choice("box-units", UNITS, 0) == 1;
    this.unitX = isPixels ? 1 : <f32>this.setup.networkWidth;
    this.unitY = isPixels ? 1 : <f32>this.setup.networkHeight;
    this.lowest = this.isLogits ? logitOf(confidence) : <f32>confidence;
    return parameters.result;
  }

  process(frame: Frame): i32 {
    this.findCandidates();
    memory.fill(changetype<usize>(this.taken), 0, this.taken.length);
    for (let rank = 0; rank < this.candidates.count && frame.outCount < this.limit; rank++) this.add(rank, frame);
    return Status.Ok;
  }

  private findCandidates(): void {
    const head = this.head;
    this.candidates.clear();
    head.begin();
    for (let query = 0; query < head.queries; query++) {
      for (let c = 0; c < head.classes; c++) {
        const score = head.score(query, c);
        if (!(score >= this.lowest && score < Infinity)) continue;
        const probability = this.isLogits ? sigmoid(score) : score;
        this.candidates.add(max<f32>(probability, 0), query * head.classes + c);
      }
    }
    this.candidates.sort();
  }

  private add(rank: i32, frame: Frame): void {
    const head = this.head;
    const index = this.candidates.index(rank);
    const query = index / head.classes;
    if (this.isOneClass && this.taken[query]) return;
    const x = head.box(query, 0) * this.unitX;
    const y = head.box(query, 1) * this.unitY;
    const width = head.box(query, 2) * this.unitX;
    const height = head.box(query, 3) * this.unitY;
    if (!plausible(x, y, width, height)) return;
    this.taken[query] = true;
    const object = frame.addObject();
    object.left = x - width * 0.5;
    object.top = y - height * 0.5;
    object.width = width;
    object.height = height;
    object.confidence = min<f32>(this.candidates.score(rank), 1);
    object.classId = index % head.classes;
  }
}

serve(new Detr());
