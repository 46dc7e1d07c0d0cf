/** Configurations of Gst-nvinfer, in both forms, and the bundles that come of them. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type Conversion, convert } from "../../../../services/cli/import/nvinfer-bundle.ts";
import { readNvinferFile } from "../../../../services/cli/import/nvinfer-file.ts";
import { CLASS_KEYS, PROPERTY_KEYS } from "../../../../services/cli/import/nvinfer-keys.ts";
import { EXIT } from "../../../../services/log/errors.ts";
import { bundleSchema } from "../../../../services/postprocess/bundle_schema.ts";

const root = mkdtempSync(join(tmpdir(), "nightjar-import-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
  writeFileSync(join(folder, "labels.txt"), "car\ntruck\nbus\nbicycle\nperson\n");
});

function from(text: string, { file = "config.txt", module }: { file?: string; module?: string } = {}): Conversion {
  const path = join(folder, file);
  writeFileSync(path, text);
  return convert(readNvinferFile(path), { name: "gate", module });
}

const YOLO = `
# a detector
[property]
gpu-id=0
net-scale-factor=0.0039215697906911373
model-color-format=0
onnx-file=model.onnx
model-engine-file=model.onnx_b4_gpu0_fp16.engine
labelfile-path=labels.txt
batch-size=4
network-mode=2
num-detected-classes=5
interval=2
gie-unique-id=7
network-type=0
cluster-mode=2
maintain-aspect-ratio=1
symmetric-padding=1
parse-bbox-func-name=NvDsInferParseCustomYoloV8
custom-lib-path=/opt/lib/libnvdsinfer_custom_impl_Yolo.so
filter-out-class-ids=1;3

[class-attrs-all]
nms-iou-threshold=0.45
pre-cluster-threshold=0.25
topk=200

[class-attrs-4]
pre-cluster-threshold=0.6
detected-min-w=4
`;

const AS_YAML = `
property:
  net-scale-factor: 0.0039215697906911373
  onnx-file: model.onnx
  labelfile-path: labels.txt
  num-detected-classes: 5
  interval: 2
  gie-unique-id: 7
  cluster-mode: 2
  maintain-aspect-ratio: 1
  symmetric-padding: 1
  parse-bbox-func-name: NvDsInferParseCustomYoloV8
  filter-out-class-ids: 1;3
class-attrs-all:
  nms-iou-threshold: 0.45
  pre-cluster-threshold: 0.25
  topk: 200
class-attrs-4:
  pre-cluster-threshold: 0.6
`;

const keysOf = ({ remarks }: Conversion, kind: string) =>
  remarks.filter((each) => each.kind === kind).map(({ key }) => key);
const remark = ({ remarks }: Conversion, key: string) => remarks.find((each) => each.key === key)?.text;

describe("a detector", () => {
  it("becomes a bundle that says the same", () => {
    const { bundle, inference, element, module } = from(YOLO);
    expect(bundle).toEqual({
      name: "gate",
      version: "1.0.0",
      kind: "detect",
      model: { file: "model.onnx" },
      module: { file: "yolo.wasm" },
      labels: ["car", "truck", "bus", "bicycle", "person"],
      input: { color: "RGB", layout: "NCHW", scale: 0.0039215697906911373, mean: 0, letterbox: "centre", fill: 0 },
      parameters: {
        "confidence-threshold": 0.25,
        "class-thresholds": [null, null, null, null, 0.6],
        "iou-threshold": 0.45,
        "top-k": 200,
      },
    });
    expect(bundleSchema.safeParse(bundle).error).toBeUndefined();
    expect(module).toBe("yolo");
    expect(inference).toEqual({ bundle: "./gate", interval: 2, classes: ["car", "bus", "person"] });
    expect(element).toMatchObject({ "unique-id": "7", interval: "2" });
  });

  it("may be YAML as yaml-cpp takes it: with a directive of its own kind, and keys that come twice", () => {
    const yaml = `%YAML:1.0\n${AS_YAML}  pre-cluster-threshold: 0.7\n`;
    expect(from(yaml, { file: "config.yml" }).bundle["parameters"]).toMatchObject({ "iou-threshold": 0.45 });
  });

  it("is the same bundle from YAML", () => {
    const [fromKeys, fromYaml] = [from(YOLO), from(AS_YAML, { file: "config.yml" })];
    expect(fromYaml.bundle).toEqual(fromKeys.bundle);
    expect(fromYaml.inference).toEqual(fromKeys.inference);
  });

  it("loses nothing that is not said, and says nothing of what was taken", () => {
    const conversion = from(YOLO);
    expect(keysOf(conversion, "loss")).toEqual([]);
    expect(keysOf(conversion, "note").sort()).toEqual(
      ["batch-size", "custom-lib-path", "gpu-id", "model-engine-file", "module", "network-mode"].sort(),
    );
  });
});

describe("preprocessing", () => {
  const inputOf = (lines: string) =>
    from(`[property]\nonnx-file=m.onnx\nparse-bbox-func-name=Yolo\ncluster-mode=2\n${lines}`).bundle["input"] as object;

  it.each([
    ["offsets=123.675;116.28;103.53\nnet-scale-factor=0.0173", { mean: [123.675, 116.28, 103.53], scale: 0.0173 }],
    ["offsets=128;128;128", { mean: 128, scale: 1 }],
    ["model-color-format=1", { color: "BGR" }],
    ["", { letterbox: "stretch", color: "RGB", mean: 0, scale: 1, fill: 0 }],
    ["maintain-aspect-ratio=1", { letterbox: "bottom-right" }],
    ["maintain-aspect-ratio=1\nsymmetric-padding=1", { letterbox: "centre" }],
    ["network-input-order=1", { layout: "NHWC" }],
  ])("of %j is %j", (lines, expected) => {
    expect(inputOf(lines)).toMatchObject(expected);
  });
});

describe("thresholds", () => {
  const parametersOf = (classes: string, module = "yolo") =>
    from(`[property]\nonnx-file=m.onnx\ncluster-mode=2\n${classes}`, { module }).bundle["parameters"];

  it.each([
    ["", { "confidence-threshold": 0.2, "iou-threshold": 0.3 }],
    ["[class-attrs-all]\nthreshold=0.4", { "confidence-threshold": 0.4 }],
    ["[class-attrs-all]\npre-cluster-threshold=0.1\npost-cluster-threshold=0.5", { "confidence-threshold": 0.5 }],
    ["[class-attrs-2]\npost-cluster-threshold=0.1", { "confidence-threshold": 0.2 }],
    ["[class-attrs-all]\ntopk=-1", { "confidence-threshold": 0.2 }],
  ])("of %j are %j", (classes, expected) => {
    const parameters = parametersOf(classes);
    expect(parameters).toMatchObject(expected);
    expect(parameters).not.toHaveProperty("class-thresholds");
    expect(parameters).not.toHaveProperty("top-k");
  });

  it("by class have no place where a module has one for all", () => {
    const conversion = from("[property]\nonnx-file=m.onnx\n[class-attrs-1]\npre-cluster-threshold=0.7", {
      module: "detr",
    });
    expect(conversion.bundle["parameters"]).toEqual({ "confidence-threshold": 0.2 });
    expect(remark(conversion, "class-attrs-N")).toContain("inference.classThresholds");
  });
});

describe("what has no counterpart", () => {
  it.each([
    ["cluster-mode=1", "cluster-mode", "DBSCAN has no counterpart: non-maximum suppression is used"],
    ["input-tensor-from-meta=1", "input-tensor-from-meta", "tensors of nvdspreprocess are not taken"],
    ["enable-dla=1", "enable-dla", "the deep-learning accelerator of Jetsons is not used"],
    ["model-color-format=2", "model-color-format", "grey pictures are not made"],
    ["mean-file=mean.ppm", "mean-file", "offsets"],
    ["secondary-reinfer-interval=10", "secondary-reinfer-interval", "every object is looked at in every frame"],
    ["batchsize=4", "batchsize", "Gst-nvinfer has no such key"],
  ])("%s is said", (line, key, text) => {
    const base = "[property]\nonnx-file=m.onnx\nparse-bbox-func-name=NvDsInferParseYoloV8\ncluster-mode=2\n";
    const conversion = from(
      line.startsWith("cluster-mode") ? base.replace("cluster-mode=2\n", `${line}\n`) : base + line,
    );
    expect(keysOf(conversion, "loss")).toContain(key);
    expect(remark(conversion, key)).toContain(text);
  });

  it.each([
    ["network-type=2", "semantic segmentation (network-type 2) has no module"],
    ["network-type=100", "network-type 100 leaves the decoding to the application"],
    ["", "Gst-nvinfer decodes DetectNet"],
    ["parse-bbox-func-name=NvDsInferParseCustomSSD", "the parser NvDsInferParseCustomSSD is not known"],
  ])("%j cannot become a bundle without a module of one's own", (line, text) => {
    expect(() => from(`[property]\nonnx-file=m.onnx\n${line}`)).toThrow(text);
    expect(() => from(`[property]\nonnx-file=m.onnx\n${line}`)).toThrow(
      /name one with --module \(.*yolo.*\), or write a module/,
    );
    expect(from(`[property]\nonnx-file=m.onnx\n${line}`, { module: "yolo" }).module).toBe("yolo");
  });
});

describe("modules", () => {
  it.each([
    ["NvDsInferParseYolo", "yolo"],
    ["NvDsInferParseYoloE2E", "yolo-end2end"],
    ["NvDsInferParseCustomYoloOBB", "yolo-obb"],
    ["NvDsInferParseYoloPose", "yolo-pose"],
    ["NvDsInferParseCustomRTDETR", "detr"],
  ])("a parser called %s is taken for %s", (parser, module) => {
    expect(from(`[property]\nonnx-file=m.onnx\nparse-bbox-func-name=${parser}`).module).toBe(module);
  });

  it("a secondary classifier keeps its threshold, its labels and the objects that it looks at", () => {
    writeFileSync(join(folder, "colours.txt"), "black;blue;red\n");
    const { bundle, element, module } = from(
      "[property]\nonnx-file=m.onnx\nlabelfile-path=colours.txt\nnetwork-type=1\nprocess-mode=2\nclassifier-threshold=0.51\noperate-on-gie-id=1\noperate-on-class-ids=0;2\n",
    );
    expect(module).toBe("classifier");
    expect(bundle).toMatchObject({
      labels: ["black", "blue", "red"],
      parameters: { activation: "none", "confidence-threshold": 0.51 },
      limits: { "aux-bytes": 4096 },
    });
    expect(element).toMatchObject({ "process-mode": "secondary", "infer-on-gie-id": "1", "infer-on-class-ids": "0:2" });
  });
});

it("labels that are not there are a loss, and no obstacle to the rest", () => {
  const conversion = from(YOLO.replace("labels.txt", "elsewhere/labels.txt"));
  expect(keysOf(conversion, "loss")).toEqual(["labelfile-path", "filter-out-class-ids"]);
  expect(conversion.bundle).not.toHaveProperty("labels");
});

describe("a file that is none", () => {
  it.each([
    [
      "deepstream-app's",
      "[application]\n[primary-gie]\nconfig-file=config_infer.txt\n",
      "import what its primary-gie names instead, config_infer.txt",
    ],
    [
      "nvinferserver's",
      "infer_config {\n  unique_id: 1\n}\n",
      "it is of Gst-nvinferserver (Triton), which has no counterpart",
    ],
    ["nvdspreprocess'", "[property]\ntarget-unique-ids=1\n", "found target-unique-ids, a key of Gst-nvdspreprocess"],
    ["empty", "", "found no section; expected a configuration of Gst-nvinfer"],
    [
      "no key file",
      "[property]\nthis is not\n",
      'config.txt:2: found "this is not", expected key=value in a [section]',
    ],
    [
      "wrong in a number",
      "[property]\nonnx-file=m\nparse-bbox-func-name=yolo\nnet-scale-factor=1/255\n",
      'net-scale-factor: found "1/255", expected a number',
    ],
    ["without a model", "[property]\nparse-bbox-func-name=yolo\n", "onnx-file: found nothing, expected a model"],
  ])("(%s) is refused in one message", (_, text, message) => {
    expect(() => from(text)).toThrow(message);
  });
});

describe("nightjar import nvinfer-config", () => {
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(resolve("bin/nightjar"), ["import", "nvinfer-config", ...args], {
      encoding: "utf8",
      cwd: folder,
    });
    return { status, stdout, stderr };
  };

  it("writes a bundle that nightjar bundle verify accepts", () => {
    copyFileSync("build/bundles/street/model.onnx", join(folder, "model.onnx"));
    writeFileSync(join(folder, "config_infer_primary_street.txt"), YOLO);
    const { status, stdout, stderr } = run("config_infer_primary_street.txt");
    expect(status, stderr).toBe(EXIT.ok);
    expect(readdirSync(join(folder, "street")).sort()).toEqual(["bundle.yaml", "model.onnx", "yolo.wasm"]);
    expect(parse(readFileSync(join(folder, "street", "bundle.yaml"), "utf8"))).toMatchObject({ name: "street" });
    expect(stdout).toContain("next: nightjar bundle verify street");
    const verified = execFileSync(resolve("bin/nightjar"), ["bundle", "verify", "street"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(verified).toContain("street");
    expect(run("config_infer_primary_street.txt").stderr).toContain("is there already");
  }, 60_000);

  it("writes nothing with --dry-run, and gives JSON to programs", () => {
    writeFileSync(join(folder, "config_infer_primary_street.txt"), YOLO);
    const { status, stdout } = run("config_infer_primary_street.txt", "--dry-run", "--json");
    expect(status).toBe(EXIT.ok);
    expect(JSON.parse(stdout)).toMatchObject({ directory: null, module: "yolo", inference: { interval: 2 } });
    expect(existsSync(join(folder, "street"))).toBe(false);
  }, 20_000);
});

it("the migration page knows every key", () => {
  const page = readFileSync("docs/migration.md", "utf8");
  const missing = [...Object.keys(PROPERTY_KEYS), ...Object.keys(CLASS_KEYS)].filter(
    (key) => !page.includes(`\`${key}\``),
  );
  expect(missing).toEqual([]);
});

/** A checkout of NVIDIA/DeepStream, which is not part of this tree. */
const CHECKOUT = process.env["DEEPSTREAM_CHECKOUT"] ?? "";
const samples = existsSync(CHECKOUT)
  ? readdirSync(CHECKOUT, { recursive: true, encoding: "utf8" }).filter((path) =>
      /(config_infer|pgie|sgie)[^/]*\.(txt|ya?ml)$/.test(path),
    )
  : [];

it.skipIf(samples.length === 0)(
  `every sample of a DeepStream checkout is read (${samples.length === 0 ? "skipped: DEEPSTREAM_CHECKOUT names none" : samples.length})`,
  () => {
    const faults = samples.flatMap((sample) => {
      try {
        const file = readNvinferFile(join(CHECKOUT, sample));
        convert(file, { name: "sample", module: "yolo" });
        // A key that is misspelt in the sample itself.
        const unknown = [...file.property.keys()].filter(
          (key) => PROPERTY_KEYS[key] === undefined && key !== "process_mode",
        );
        return unknown.map((key) => `${sample}: ${key}`);
      } catch (error) {
        const { message } = error as Error;
        return /Gst-nvinferserver|Gst-nvdspreprocess|it is of deepstream-app|expected a model/.test(message)
          ? []
          : [message];
      }
    });
    expect(faults).toEqual([]);
  },
);
