/** Which module stands for the parser of a Gst-nvinfer configuration: a guess from names that are in use, and said as one. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { INSTALLATION } from "../../config/directories.ts";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import type { Remark } from "./nvinfer-bundle.ts";
import type { Reader } from "./nvinfer-reader.ts";

const OWN_MODULE = "write a module for it (docs/writing-a-module.md: nightjar module new), then give it with --module";
/** Of a masks' or attributes' frame. */
const MASK_BYTES = 4 * 1024 * 1024;
const KEYPOINT_BYTES = 256 * 1024;
const ATTRIBUTE_BYTES = 4096;

export interface ChosenModule {
  readonly module: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly auxBytes: number;
  readonly remarks: readonly Remark[];
}

const AUX: Readonly<Record<string, number>> = {
  "yolo-seg": MASK_BYTES,
  "yolo-pose": KEYPOINT_BYTES,
  classifier: ATTRIBUTE_BYTES,
};

/** Names of parsers, the particular ones first. */
const BY_PARSER: readonly (readonly [RegExp, string])[] = [
  [/obb|rotated/i, "yolo-obb"],
  [/pose|keypoint/i, "yolo-pose"],
  [/yolo.*seg|seg.*yolo/i, "yolo-seg"],
  [/end2end|e2e|yolov?10/i, "yolo-end2end"],
  [/detr/i, "detr"],
  [/yolo/i, "yolo"],
];

/** @throws ExpectedError when nothing that comes with Nightjar decodes such a model */
export function moduleFor(read: Reader, wanted: string | undefined): ChosenModule {
  const parser = parserOf(read);
  const module = wanted ?? guess(read, parser);
  if (module === undefined) throw none(read, parser);
  expectKnown(module);
  const remarks: Remark[] = [];
  if (wanted === undefined) {
    const from = parser === undefined ? "network-type" : `the name ${parser}`;
    remarks.push({
      kind: "note",
      key: "module",
      text: `${module} was chosen by ${from}; nightjar bundle verify tells whether it fits the model's outputs`,
    });
  }
  if (read.text("custom-lib-path") !== undefined) {
    remarks.push({
      kind: "note",
      key: "custom-lib-path",
      text: `a parser's library is not loaded: the module ${module} decodes instead`,
    });
  }
  if (module === "yolo" && /^NvDsInferParseYolo$/.test(parser ?? "")) {
    remarks.push({
      kind: "loss",
      key: "parse-bbox-func-name",
      text: "models exported for this parser give rows of box, score and class: export the model anew, without that last layer, or try --module yolo-end2end (nothing is suppressed then)",
    });
  }
  return { module, parameters: {}, auxBytes: AUX[module] ?? 0, remarks };
}

function parserOf(read: Reader): string | undefined {
  const keys = [
    "parse-bbox-func-name",
    "parse-bbox-instance-mask-func-name",
    "parse-classifier-func-name",
    "parse-segmentation-func-name",
  ];
  return keys.map((key) => read.text(key)).find((name) => name !== undefined && name !== "");
}

function guess(read: Reader, parser: string | undefined): string | undefined {
  if (isClassifier(read)) return "classifier";
  const type = read.choice(
    "network-type",
    { 0: "detector", 1: "classifier", 2: "segmentation", 3: "masks", 100: "other" },
    "0",
  );
  if (type === "masks") return "yolo-seg";
  if (type === "segmentation") return undefined;
  return BY_PARSER.find(([pattern]) => pattern.test(parser ?? ""))?.[1];
}

/** `is-classifier` is how DeepStream 5 and older said it. */
export function isClassifier(read: Reader): boolean {
  return read.number("network-type") === 1 || (read.text("network-type") === undefined && read.flag("is-classifier"));
}

function none(read: Reader, parser: string | undefined): ExpectedError {
  const type = read.text("network-type") ?? "0";
  const what =
    type === "2"
      ? "semantic segmentation (network-type 2) has no module"
      : type === "100"
        ? "network-type 100 leaves the decoding to the application: no module is known for it"
        : parser === undefined
          ? "without a parser of its own, Gst-nvinfer decodes DetectNet (coverage and boxes), which has no module"
          : `the parser ${parser} is not known`;
  return new ExpectedError(
    EXIT.configuration,
    `${what}: name one with --module (${modules().join(", ")}), or ${OWN_MODULE}`,
  );
}

function expectKnown(module: string): void {
  const known = modules();
  if (known.includes(module)) return;
  throw new ExpectedError(EXIT.usage, `--module: found "${module}", expected one of ${known.join(", ")}`);
}

/** Detect modules that come with Nightjar. */
export function modules(): string[] {
  const names = readdirSync(join(INSTALLATION, "build", "modules")).filter((name) => name.endsWith(".wasm"));
  return names.map((name) => name.slice(0, -".wasm".length)).filter((name) => name !== "bytetrack" && name !== "zones");
}
