// Classifiers: what an object (process-mode=secondary) or a frame is.
//
// Input: one output of a frame with a number for each class, or several (colour, make, …), each a classifier of its own; any shape;
// float32, float16, or int8 with a scale.
// Output: one object without a box, whose attributes are the best classes: the group is the number of the output, and the class
// ids of an output go on where those of the one before end, as the bundle's labels do.

import { Frame, Kind, line, Module, ObjectRecord, Parameters, Setup, Status, serve, Tensor } from "../../../sdk";
import { Activation, Probabilities } from "./probabilities";

export { nj_abi, nj_alloc, nj_configure, nj_init, nj_kind, nj_process } from "../../../sdk/exports";

const ACTIVATIONS: StaticArray<string> = ["softmax", "sigmoid", "none"];
const ATTRIBUTE_BYTES: i32 = 12;

@final
class Classifier extends Module {
  private setup: Setup = changetype<Setup>(0);
  private probabilities: Probabilities = changetype<Probabilities>(0);
  private threshold: f32 = 0;
  private topK: i32 = 1;
  private activation: u32 = Activation.Softmax;

  constructor() {
    super(Kind.Detect);
  }

  init(setup: Setup): i32 {
    this.setup = setup;
    let longest = 0;
    let classes = 0;
    for (let i = 0; i < setup.tensors.length; i++) {
      const tensor = setup.tensors[i];
      if (!tensor.isReal || tensor.length < 1) {
        tensor.describe(line("the model's output ")).text(" is not float32, float16, or int8 with a scale").error();
        return Status.BadTensors;
      }
      longest = max(longest, tensor.length);
      classes += tensor.length;
    }
    if (setup.labelCount > 0 && setup.labelCount != classes) {
      line("the model has ")
        .integer(classes)
        .text(" classes, the bundle ")
        .integer(setup.labelCount)
        .text(" labels")
        .error();
      return Status.BadTensors;
    }
    if (setup.auxBytes < ATTRIBUTE_BYTES * setup.tensors.length) {
      line("limits.aux-bytes is ")
        .integer(setup.auxBytes)
        .text(", too little for the classes of an object: expected 12 times top-k for each output")
        .error();
      return Status.BadLimits;
    }
    this.probabilities = new Probabilities(longest);
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    this.threshold = <f32>parameters.number("confidence-threshold", 0, 0, 1);
    this.topK = parameters.integer("top-k", 1, 1, 65535);
    this.activation = <u32>parameters.choice("activation", ACTIVATIONS, 0);
    return parameters.result;
  }

  process(frame: Frame): i32 {
    if (frame.full) return Status.Ok;
    let object: ObjectRecord = changetype<ObjectRecord>(0);
    let firstClass = 0;
    for (let group = 0; group < this.setup.tensors.length; group++) {
      const tensor = this.setup.tensors[group];
      object = this.addBest(frame, object, tensor, group, firstClass);
      firstClass += tensor.length;
    }
    return Status.Ok;
  }

  /** Adds the best classes of one output to the object, which is made for the first of them. */
  private addBest(frame: Frame, found: ObjectRecord, tensor: Tensor, group: i32, firstClass: i32): ObjectRecord {
    let object = found;
    this.probabilities.take(tensor, this.activation);
    for (let i = 0; i < this.topK; i++) {
      const best = this.probabilities.next(this.threshold);
      if (best < 0) break;
      const confidence = this.probabilities.last;
      if (changetype<usize>(object) == 0) {
        object = frame.addObject();
        object.classId = firstClass + best;
        object.confidence = confidence;
      }
      if (!frame.addAttribute(object, group, firstClass + best, confidence)) break;
    }
    return object;
  }
}

serve(new Classifier());
