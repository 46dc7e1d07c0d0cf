// The SDK: what a module imports. The exports that the host calls are in exports.ts.

export {
  DataType,
  EventFlags,
  EventRecord,
  FrameFlags,
  Kind,
  ObjectFlags,
  ObjectRecord,
  Status,
  UNTRACKED,
} from "./abi";
export { BestClasses } from "./best_classes";
export { iou, plausible } from "./boxes";
export { Candidates } from "./candidates";
export { FieldView } from "./field_view";
export { Frame } from "./frame";
export { HALF_INFINITY, halfAtLeast, halfToFloat } from "./half";
export { KeptOriented, Overlap } from "./kept_oriented";
export { line } from "./log";
export { Module, serve } from "./module";
export { ANY_CLASS, Kept } from "./nms";
export { Gaussian, polygonIou, probIou, probIouAbove, probIouLimit } from "./oriented";
export { Parameters } from "./params";
export { RawDetector } from "./raw_detector";
export { BOX_FIELDS, RawHead } from "./raw_head";
export { Setup } from "./setup";
export { logitOf, sigmoid } from "./sigmoid";
export { Decay, SoftNms } from "./soft_nms";
export { StateReader, StateWriter } from "./state";
export { realAt, Tensor } from "./tensors";
export { setFrameUser, setObjectUser } from "./user";
