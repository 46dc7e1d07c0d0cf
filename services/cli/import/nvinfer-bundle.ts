/** Turns a configuration of Gst-nvinfer into a bundle, and says what of it a bundle cannot hold. Nothing is written here. */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { whyUnreadable } from "../../config/load.ts";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import { beside, type NvinferFile } from "./nvinfer-file.ts";
import { CLASS_KEYS, PROPERTY_KEYS, TAKEN } from "./nvinfer-keys.ts";
import { isClassifier, moduleFor } from "./nvinfer-module.ts";
import { Reader } from "./nvinfer-reader.ts";

/** Something that the user should know; `loss`: it works differently, or not at all, until something is done. */
export interface Remark {
  readonly kind: "loss" | "note";
  readonly key: string;
  readonly text: string;
}

export interface Conversion {
  /** Content of bundle.yaml. */
  readonly bundle: Readonly<Record<string, unknown>>;
  /** Absolute path of the model, to be copied under the name in the bundle. */
  readonly model: { readonly from: string; readonly name: string };
  /** Name of the module, of those that come with Nightjar. */
  readonly module: string;
  /** For `inference` of nightjar.yaml. */
  readonly inference: Readonly<Record<string, unknown>>;
  /** Properties of njinfer, for a pipeline of one's own. */
  readonly element: Readonly<Record<string, string>>;
  readonly remarks: readonly Remark[];
}

export interface ConversionOptions {
  readonly name: string;
  /** Instead of the one that the configuration suggests. */
  readonly module?: string | undefined;
}

/** Gst-nvinfer's default; it pads with black. */
const BLACK = 0;
/** Of nvinfer, where the configuration says nothing. */
const DEFAULTS = { threshold: 0.2, iou: 0.3, classifier: 0 } as const;

/** @throws ExpectedError when the configuration is wrong, or there is no way to a bundle */
export function convert(file: NvinferFile, { name, module: wanted }: ConversionOptions): Conversion {
  const read = new Reader(file);
  const remarks: Remark[] = [...fates(file)];
  const chosen = moduleFor(read, wanted);
  remarks.push(...chosen.remarks);
  const labels = labelsOf(file, read, remarks);
  const model = modelOf(file, read, remarks);
  const bundle = {
    name,
    version: "1.0.0",
    kind: "detect",
    model: { file: model.name, ...(model.engine !== "onnx" && { engine: model.engine }) },
    module: { file: `${chosen.module}.wasm` },
    ...(labels.length > 0 && { labels }),
    input: inputOf(read, remarks),
    parameters: { ...parametersOf(read, chosen.module, remarks), ...chosen.parameters },
    ...(chosen.auxBytes > 0 && { limits: { "aux-bytes": chosen.auxBytes } }),
  };
  const inference = inferenceOf(name, read, labels, remarks);
  return { bundle, model, module: chosen.module, inference, element: elementOf(name, read), remarks };
}

function* fates({ property, classes, others }: NvinferFile): Generator<Remark> {
  for (const key of property.keys()) yield* fate(key, key, PROPERTY_KEYS);
  for (const [of, keys] of classes)
    for (const key of keys.keys()) yield* fate(`class-attrs-${of}.${key}`, key, CLASS_KEYS);
  for (const section of others)
    yield { kind: "loss", key: `[${section}]`, text: "Gst-nvinfer has no such section; it is left out" };
}

function* fate(shown: string, key: string, table: Readonly<Record<string, string>>): Generator<Remark> {
  const text = table[key];
  if (text === TAKEN) return;
  if (text === undefined) yield { kind: "loss", key: shown, text: "Gst-nvinfer has no such key; it is left out" };
  else if (text.startsWith("moot: ")) yield { kind: "note", key: shown, text: text.slice("moot: ".length) };
  else yield { kind: "loss", key: shown, text };
}

/** Same formula on both sides: value = scale * (pixel - mean). */
function inputOf(read: Reader, remarks: Remark[]): Record<string, unknown> {
  const offsets = read.numbers("offsets") ?? [0];
  const mean = offsets.length === 1 ? [...offsets, ...offsets, ...offsets] : offsets;
  if (mean.length !== 3) throw read.wrong("offsets", "three numbers, one per colour");
  const color = read.choice("model-color-format", { 0: "RGB", 1: "BGR", 2: "GRAY" }, "0");
  if (color === "GRAY") {
    remarks.push({
      kind: "loss",
      key: "model-color-format",
      text: "grey pictures are not made: the model needs three colours",
    });
  }
  const isFitted = read.flag("maintain-aspect-ratio");
  const dims = read.numbers("infer-dims");
  if (dims !== undefined) {
    const text = `a model with open axes needs input.width: ${dims[2]} and input.height: ${dims[1]} in bundle.yaml; one with its own size must not have them`;
    remarks.push({ kind: "note", key: "infer-dims", text });
  }
  return {
    color: color === "BGR" ? "BGR" : "RGB",
    layout: read.choice("network-input-order", { 0: "NCHW", 1: "NHWC" }, "0"),
    scale: read.number("net-scale-factor") ?? 1,
    mean: mean.every((each) => each === mean[0]) ? mean[0] : mean,
    letterbox: !isFitted ? "stretch" : read.flag("symmetric-padding") ? "centre" : "bottom-right",
    fill: BLACK,
  };
}

function parametersOf(read: Reader, module: string, remarks: Remark[]): Record<string, unknown> {
  if (module === "classifier") {
    return { activation: "none", "confidence-threshold": read.number("classifier-threshold") ?? DEFAULTS.classifier };
  }
  const byClass = read.classIds().map((id) => [id, thresholdOf(read, String(id))] as const);
  const base = thresholdOf(read, "all") ?? DEFAULTS.threshold;
  const own = byClass.filter(([, value]) => value !== undefined && value !== base);
  const topK = read.classNumber("all", "topk");
  return {
    "confidence-threshold": base,
    ...(own.length > 0 && perClass(own as [number, number][], module, remarks)),
    ...suppression(read, module, remarks),
    ...(topK !== undefined && topK > 0 && { "top-k": topK }),
  };
}

/** What comes through: above the threshold before the clustering, and strictly above the one behind it. */
function thresholdOf(read: Reader, of: string): number | undefined {
  const before = read.classNumber(of, "pre-cluster-threshold") ?? read.classNumber(of, "threshold");
  const behind = read.classNumber(of, "post-cluster-threshold");
  if (before === undefined && behind === undefined) return undefined;
  const least = before ?? (of === "all" ? DEFAULTS.threshold : (thresholdOf(read, "all") ?? DEFAULTS.threshold));
  return Math.max(least, behind ?? 0);
}

function perClass(own: readonly [number, number][], module: string, remarks: Remark[]): Record<string, unknown> {
  if (module === "yolo-end2end" || module === "detr") {
    const text = `${module} has one threshold for all classes; inference.classThresholds in nightjar.yaml has one for each label`;
    remarks.push({ kind: "loss", key: "class-attrs-N", text });
    return {};
  }
  const list: (number | null)[] = Array(Math.max(...own.map(([id]) => id)) + 1).fill(null);
  for (const [id, value] of own) list[id] = value;
  return { "class-thresholds": list };
}

const CLUSTER_MODES = ["GroupRectangles", "DBSCAN", "NMS", "DBSCAN and NMS", "none"];

function suppression(read: Reader, module: string, remarks: Remark[]): Record<string, unknown> {
  const mode = read.number("cluster-mode") ?? 0;
  const name = CLUSTER_MODES[mode];
  if (name === undefined) throw read.wrong("cluster-mode", "a number from 0 to 4");
  const isSuppressing = /^yolo(-obb|-seg|-pose)?$/.test(module);
  if (mode === 2 && !isSuppressing) {
    const text = `${module} expects a model that leaves no doubles: nothing is suppressed`;
    remarks.push({ kind: "loss", key: "cluster-mode", text });
  }
  if (!isSuppressing) return {};
  if (mode === 4) {
    remarks.push({ kind: "note", key: "cluster-mode", text: "none: iou-threshold 1 lets every box through" });
    return { "iou-threshold": 1 };
  }
  if (mode !== 2) {
    const text = `${name} has no counterpart: non-maximum suppression is used; compare results, and set iou-threshold`;
    remarks.push({ kind: "loss", key: "cluster-mode", text });
  }
  const differing = read.classIds().some((id) => read.classNumber(String(id), "nms-iou-threshold") !== undefined);
  if (differing) {
    remarks.push({
      kind: "loss",
      key: "class-attrs-N.nms-iou-threshold",
      text: "one iou-threshold holds for all classes",
    });
  }
  return { "iou-threshold": read.classNumber("all", "nms-iou-threshold") ?? DEFAULTS.iou };
}

/** A line for each class; what follows a semicolon (other attributes of classifiers) is looked at by classifiers only. */
function labelsOf(file: NvinferFile, read: Reader, remarks: Remark[]): string[] {
  const name = file.property.get("labelfile-path");
  const classes = read.number("num-detected-classes");
  if (name === undefined) {
    remarks.push({
      kind: "loss",
      key: "labelfile-path",
      text: "without labels, objects carry numbers only: add labels to bundle.yaml",
    });
    return [];
  }
  const path = beside(file, name);
  if (!existsSync(path)) {
    remarks.push({ kind: "loss", key: "labelfile-path", text: `${path} is not there: add labels to bundle.yaml` });
    return [];
  }
  const lines = readText(path, "labelfile-path")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const isList = isClassifier(read);
  const labels = isList ? lines.flatMap((line) => line.split(";")) : lines.map((line) => line.split(";")[0] ?? "");
  if (!isList && classes !== undefined && classes !== labels.length) {
    const text = `${path} has ${labels.length} labels, num-detected-classes is ${classes}: the model's number must be that of the labels`;
    remarks.push({ kind: "loss", key: "num-detected-classes", text });
  }
  return labels.filter((label) => label !== "");
}

function readText(path: string, key: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ExpectedError(
      EXIT.configuration,
      `${key}: ${path}: ${whyUnreadable(error)}; expected a file with one label in each line`,
      { cause: error },
    );
  }
}

function modelOf(file: NvinferFile, read: Reader, remarks: Remark[]) {
  const [onnx, engine] = [file.property.get("onnx-file"), file.property.get("model-engine-file")];
  if (onnx !== undefined) {
    if (engine !== undefined) {
      const text =
        "left out: the ONNX model runs everywhere; a TensorRT engine fits one TensorRT version and one GPU (docs/jetson.md)";
      remarks.push({ kind: "note", key: "model-engine-file", text });
    }
    return { from: beside(file, onnx), name: basename(onnx), engine: "onnx" as const };
  }
  if (engine === undefined) throw read.wrong("onnx-file", "a model: onnx-file or model-engine-file");
  remarks.push({
    kind: "loss",
    key: "model-engine-file",
    text: "a TensorRT engine fits one TensorRT version and one GPU, and has no golden check here: give onnx-file if there is one",
  });
  return { from: beside(file, engine), name: basename(engine), engine: "tensorrt" as const };
}

function inferenceOf(
  name: string,
  read: Reader,
  labels: readonly string[],
  remarks: Remark[],
): Record<string, unknown> {
  const interval = read.number("interval") ?? 0;
  const dropped = read.numbers("filter-out-class-ids") ?? [];
  if (dropped.length > 0 && labels.length === 0) {
    remarks.push({
      kind: "loss",
      key: "filter-out-class-ids",
      text: "needs labels: inference.classes names those to keep",
    });
  }
  const kept = labels.filter((_, id) => !dropped.includes(id));
  return {
    bundle: `./${name}`,
    ...(interval > 0 && { interval }),
    ...(dropped.length > 0 && labels.length > 0 && { classes: kept }),
  };
}

function elementOf(name: string, read: Reader): Record<string, string> {
  const of = (key: string, property: string) => {
    const value = read.text(key);
    return value === undefined ? {} : { [property]: value.replaceAll(";", ":") };
  };
  const size = (key: string, property: string) => {
    const value = read.classNumber("all", key);
    return value === undefined || value <= 0 ? {} : { [property]: String(value) };
  };
  return {
    bundle: name,
    ...of("gie-unique-id", "unique-id"),
    ...of("interval", "interval"),
    ...(read.number("process-mode") === 2 && { "process-mode": "secondary" }),
    ...of("operate-on-gie-id", "infer-on-gie-id"),
    ...of("operate-on-class-ids", "infer-on-class-ids"),
    ...(read.flag("output-tensor-meta") && { "output-tensor-meta": "true" }),
    ...size("detected-min-w", "detected-min-width"),
    ...size("detected-min-h", "detected-min-height"),
    ...size("detected-max-w", "detected-max-width"),
    ...size("detected-max-h", "detected-max-height"),
  };
}
