// Where a transformer detector has its scores and boxes.

import { BOX_FIELDS, FieldView, line, Setup, Tensor } from "../../../sdk";

@final
export class QueryHead {
  private readonly scores: FieldView;
  private readonly boxes: FieldView;

  private constructor(
    scores: Tensor,
    boxes: Tensor,
    readonly queries: i32,
    readonly classes: i32,
    firstScore: i32,
  ) {
    this.scores = new FieldView(scores, 0, firstScore, classes, queries, false);
    this.boxes = new FieldView(boxes, 0, 0, BOX_FIELDS, queries, false);
  }

  /** The head among a model's outputs; null after a message that says what was expected. */
  static find(setup: Setup): QueryHead | null {
    const tensors = setup.tensors;
    const labels = setup.labelCount;
    for (let i = 0; i < tensors.length; i++) if (tensors[i].rank != 2 || !tensors[i].isReal) return refuse(setup);
    if (tensors.length == 1) {
      const classes = classesOf(tensors[0].dim(1) - BOX_FIELDS, labels);
      if (classes > 0) return new QueryHead(tensors[0], tensors[0], tensors[0].dim(0), classes, BOX_FIELDS);
    }
    if (tensors.length == 2 && tensors[0].dim(0) == tensors[1].dim(0)) {
      // Boxes have four columns; with four classes the labels' order of outputs (boxes first) decides.
      const boxes = tensors[0].dim(1) == BOX_FIELDS ? 0 : 1;
      const classes = classesOf(tensors[1 - boxes].dim(1), labels);
      if (tensors[boxes].dim(1) == BOX_FIELDS && classes > 0) {
        return new QueryHead(tensors[1 - boxes], tensors[boxes], tensors[0].dim(0), classes, 0);
      }
    }
    return refuse(setup);
  }

  /** Before the scores and boxes of a frame are read. */
  begin(): void {
    this.scores.lookAt();
    this.boxes.lookAt();
  }

  score(query: i32, classId: i32): f32 {
    return this.scores.at(query, classId);
  }

  /** Centre x, centre y, width, height: `field` 0..3. */
  box(query: i32, field: i32): f32 {
    return this.boxes.at(query, field);
  }
}

/** Classes among the columns: as many as labels, the one behind them is "no object"; 0 when they do not fit. */
function classesOf(columns: i32, labels: i32): i32 {
  if (labels == 0) return max(columns, 0);
  return columns == labels || columns == labels + 1 ? labels : 0;
}

function refuse(setup: Setup): QueryHead | null {
  const message = line("the model gives");
  for (let i = 0; i < setup.tensors.length; i++) setup.tensors[i].describe(message.text(i > 0 ? ", " : " "));
  message.text("; expected scores [queries, classes] and boxes [queries, 4], or one output [queries, 4 + classes]");
  if (setup.labelCount > 0) message.text(", with ").integer(setup.labelCount).text(" classes as there are labels");
  message.error();
  return null;
}
