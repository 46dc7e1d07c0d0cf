// The SDK: what a module imports. The exports that the host calls are in exports.ts.

export {
  DataType,
  EventRecord,
  FrameFlags,
  Kind,
  ObjectFlags,
  ObjectRecord,
  Status,
  UNTRACKED,
} from "./abi";
export { iou, plausible } from "./boxes";
export { Candidates } from "./candidates";
export { Frame } from "./frame";
export { line } from "./log";
export { Module, serve } from "./module";
export { Kept } from "./nms";
export { Parameters } from "./params";
export { bestClass, maximaOfColumns, maximaOfRows } from "./scores";
export { Setup } from "./setup";
export { Tensor } from "./tensors";
