// What ONNX Runtime says of a model that it cannot load, with what to do about it.

/** Its words, and what is the matter with the file. */
const CAUSES: readonly (readonly [said: RegExp, cause: string])[] = [
  [
    /Protobuf parsing failed|ModelProto does not have a graph/i,
    "is not a complete ONNX model: the copy or the download broke off, or it is another kind of file; copy it again, or export it again",
  ],
  [
    /Unsupported model IR version|opset|IR_VERSION/i,
    "was exported for a newer ONNX than this version reads; export it again with a lower opset",
  ],
  [
    /external data|external_data|\.data\b/i,
    "keeps its weights in a second file, which is not there; export it as one file",
  ],
  [
    /is not a registered function\/op|No Op registered|custom op/i,
    "has an operation that ONNX Runtime does not know; export it with standard operations only",
  ],
];

const OTHER = "is not a model that ONNX Runtime can run; export it again";

/** "FILE is not a complete ONNX model: …; copy it again (ONNX Runtime: Protobuf parsing failed)" */
export function modelProblem(file: string, said: string): string {
  const cause = CAUSES.find(([words]) => words.test(said))?.[1] ?? OTHER;
  const words = said
    .replace(/^Load model from .*? failed:\s*/, "")
    .trim()
    .replace(/\.$/, "");
  return `${file} ${cause} (ONNX Runtime: ${words})`;
}

/** ONNX Runtime's words on a run that failed, without its source code locations. */
export function runProblem(file: string, shape: string, said: string): string {
  const words = said
    .replace(/^Non-zero status code returned while running /, "")
    .replace(/Status Message: (\/\S+:\d+ .*?\) (?=\S+ (was false|[!=<>]=? )))?/, "")
    .replaceAll(/\s+/g, " ")
    .trim();
  return `${file} failed on a first run with an input of ${shape}: its layers do not fit each other or this input; export it again (ONNX Runtime: ${words})`;
}
