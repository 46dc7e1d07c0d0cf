import { describe, expect, it } from "vitest";
import { DataType, Kind } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import type { ObjectOut } from "../../services/postprocess/support/records.ts";
import { TestModule, type TestModuleOptions } from "../support/module.ts";
import { randomFrom } from "../support/random.ts";
import { asFloat16, asInt8, type Typed } from "../support/typed.ts";
import { type Head, headWith, setBox, transposed } from "./yolo_heads.ts";
import { decode, type ReferenceOptions, suppressSoftly } from "./yolo_reference.ts";

const labels = (count: number) => Array.from({ length: count }, (_, i) => `class ${i}`);

function yolo(head: Head, parameters: Parameters = {}, options: TestModuleOptions = {}): TestModule {
  const outputs = [[4 + head.classes, head.anchors]];
  return new TestModule("yolo", Kind.Detect, { outputs, labels: labels(head.classes), parameters, ...options });
}

const boxes = (objects: ObjectOut[]) =>
  objects.map(({ left, top, width, height, confidence, classId }) => ({
    left,
    top,
    width,
    height,
    confidence,
    classId,
  }));

function expectSame(
  head: Head,
  parameters: Parameters,
  reference: ReferenceOptions,
  options?: TestModuleOptions,
): void {
  const { objects } = yolo(head, parameters, options).run({ outputs: [head.values] });
  expect(boxes(objects)).toEqual(decode(head.values, head.classes, head.anchors, reference));
}

/** One anchor with a box, and a score for its class 0. */
function single(box: readonly number[], score: number): Head {
  const head = { values: new Float32Array(6 * 5), classes: 2, anchors: 5 };
  setBox(head.values, head.anchors, 3, box);
  head.values[4 * head.anchors + 3] = score;
  return head;
}

describe("the yolo module against the definition", () => {
  it.each([
    { classes: 80, anchors: 8400, objects: 100, each: 6 },
    { classes: 5, anchors: 8400, objects: 30, each: 6 },
    { classes: 1, anchors: 2100, objects: 20, each: 4 },
    { classes: 7, anchors: 1021, objects: 50, each: 8 },
    { classes: 3, anchors: 3, objects: 1, each: 1 },
    { classes: 600, anchors: 700, objects: 10, each: 5 },
  ])("gives the same boxes for $classes classes and $anchors anchors", ({ classes, anchors, objects, each }) => {
    const head = headWith(objects, each, classes, anchors, classes * 7 + anchors);
    expectSame(head, {}, { confidence: 0.25, iou: 0.45 });
  });

  it.each([0, 0.05, 0.5, 0.99, 1])("for a threshold of %f", (confidence) => {
    const head = headWith(20, 6, 10, 500, 3);
    expectSame(head, { "confidence-threshold": confidence }, { confidence, iou: 0.45 });
  });

  it.each([0, 0.2, 0.9, 1])("for an IoU threshold of %f", (iou) => {
    const head = headWith(20, 6, 10, 500, 4);
    expectSame(head, { "iou-threshold": iou }, { confidence: 0.25, iou });
  });

  it("when classes suppress each other", () => {
    const head = headWith(60, 6, 3, 2100, 5);
    expectSame(head, { "class-agnostic": true }, { confidence: 0.25, iou: 0.45, agnostic: true });
  });

  it("with thresholds of their own for some classes", () => {
    const head = headWith(60, 6, 4, 2100, 6);
    const classThresholds = [0.8, Number.NaN, 0.1];
    expectSame(head, { "class-thresholds": [0.8, null, 0.1] }, { confidence: 0.25, iou: 0.45, classThresholds });
  });

  it("up to top-k objects, and up to the limit of the frame", () => {
    const head = headWith(60, 2, 4, 2100, 7);
    expectSame(head, { "top-k": 7 }, { confidence: 0.25, iou: 0.45, topK: 7 });
    expectSame(head, {}, { confidence: 0.25, iou: 0.45, topK: 9 }, { maxObjects: 9 });
  });

  it("when every anchor is a candidate", () => {
    const random = randomFrom(8);
    const head = { values: Float32Array.from({ length: 84 * 8400 }, random), classes: 80, anchors: 8400 };
    for (let i = 0; i < 8400; i++) setBox(head.values, 8400, i, [random() * 640, random() * 640, 30, 30]);
    expectSame(head, {}, { confidence: 0.25, iou: 0.45 });
  });

  it("when the head is transposed", () => {
    const head = headWith(40, 6, 6, 1001, 9);
    const module = yolo(head, {}, { outputs: [[head.anchors, 4 + head.classes]] });
    const { objects } = module.run({ outputs: [transposed(head)] });
    expect(boxes(objects)).toEqual(decode(head.values, 6, 1001, { confidence: 0.25, iou: 0.45 }));
  });

  it("when scores and boxes are sprinkled with NaN and infinities", () => {
    const random = randomFrom(10);
    const head = headWith(40, 6, 8, 1003, 10);
    const poison = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30, -1e30];
    for (let i = 0; i < 2000; i++) head.values[Math.floor(random() * head.values.length)] = poison[i % 3]!;
    for (let i = 0; i < 100; i++) head.values[Math.floor(random() * 4 * head.anchors)] = poison[i % 5]!;
    expectSame(head, {}, { confidence: 0.25, iou: 0.45 });
  });
});

/** A module for one head, or for boxes and scores apart. */
function typed(head: Head, outputs: readonly { dims: number[]; tensor: Typed }[], parameters: Parameters = {}) {
  const options = outputs.map(({ dims, tensor: { dataType, scale, zeroPoint } }) => ({
    dims,
    dataType,
    scale,
    zeroPoint,
  }));
  const module = new TestModule("yolo", Kind.Detect, { outputs: options, labels: labels(head.classes), parameters });
  return boxes(module.run({ outputs: outputs.map(({ tensor }) => tensor.bytes) }).objects);
}

/** The head with boxes in parts of the picture, as quantised models give them. */
function normalised({ values, classes, anchors }: Head): Head {
  return { values: values.map((value, i) => (i < 4 * anchors ? value / 640 : value)), classes, anchors };
}

describe("the yolo module on half precision and int8", () => {
  const sizes = [
    { classes: 80, anchors: 8400 },
    { classes: 3, anchors: 8400 },
    { classes: 7, anchors: 1021 },
    { classes: 300, anchors: 130 },
    { classes: 2, anchors: 9 },
  ];

  it.each(sizes)("gives the boxes of the halves for $classes classes and $anchors anchors", ({ classes, anchors }) => {
    const head = headWith(Math.min(60, anchors / 6), 5, classes, anchors, classes + anchors);
    const tensor = asFloat16(head.values);
    const found = typed(head, [{ dims: [4 + classes, anchors], tensor }]);
    expect(found).toEqual(decode(tensor.real, classes, anchors, { confidence: 0.25, iou: 0.45 }));
    expect(found.length).toBeGreaterThan(0);
  });

  it.each(sizes)("gives the boxes of the int8 for $classes classes and $anchors anchors", ({ classes, anchors }) => {
    const head = normalised(headWith(Math.min(60, anchors / 6), 5, classes, anchors, classes + anchors));
    const tensor = asInt8(head.values, 1 / 255, -128);
    const found = typed(head, [{ dims: [4 + classes, anchors], tensor }], { "box-units": "normalised" });
    expect(found).toEqual(decode(tensor.real, classes, anchors, { confidence: 0.25, iou: 0.45, unit: 640 }));
    expect(found.length).toBeGreaterThan(0);
  });

  it.each(["rows", "columns"])("takes boxes and scores apart, each with a scale of its own, in %s", (orientation) => {
    const head = headWith(50, 5, 6, 2100, 21);
    const [boxValues, scoreValues] = [head.values.slice(0, 4 * 2100), head.values.slice(4 * 2100)];
    const turned = (values: Float32Array, fields: number) =>
      orientation === "rows" ? values : transposed({ values, classes: fields - 4, anchors: 2100 });
    const box = asInt8(turned(boxValues, 4), 2.6, -128);
    const score = asInt8(turned(scoreValues, 6), 1 / 256, -127);
    const dims = (fields: number) => (orientation === "rows" ? [fields, 2100] : [2100, fields]);
    const outputs = [
      { dims: dims(6), tensor: score },
      { dims: dims(4), tensor: box },
    ];
    const step = Math.fround(2.6);
    const real = asInt8(boxValues, step, -128).real;
    const whole = Float32Array.from([...real, ...asInt8(scoreValues, 1 / 256, -127).real]);
    expect(typed(head, outputs)).toEqual(decode(whole, 6, 2100, { confidence: 0.25, iou: 0.45 }));
  });

  it.each([asFloat16, (values: Float32Array) => asInt8(values, 1 / 255, -128)])(
    "takes a transposed head (%#)",
    (type) => {
      const head = normalised(headWith(40, 6, 6, 1001, 9));
      const tensor = type(transposed(head));
      const found = typed(head, [{ dims: [1001, 10], tensor }], { "box-units": "normalised" });
      const { real } = type(head.values);
      expect(found).toEqual(decode(real, 6, 1001, { confidence: 0.25, iou: 0.45, unit: 640 }));
    },
  );

  it.each([0, 0.004, 0.5, 1])("keeps to a threshold of %f", (confidence) => {
    const head = normalised(headWith(30, 5, 5, 700, 31));
    for (const tensor of [asFloat16(head.values), asInt8(head.values, 1 / 255, -128)]) {
      const parameters = { "confidence-threshold": confidence, "box-units": "normalised" };
      const found = typed(head, [{ dims: [9, 700], tensor }], parameters);
      expect(found).toEqual(decode(tensor.real, 5, 700, { confidence, iou: 0.45, unit: 640 }));
    }
  });

  it("takes no NaN or infinity of a half for a score", () => {
    const head = headWith(40, 6, 8, 1003, 10);
    const poison = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const random = randomFrom(12);
    for (let i = 0; i < 3000; i++) head.values[Math.floor(random() * head.values.length)] = poison[i % 3]!;
    const tensor = asFloat16(head.values);
    const found = typed(head, [{ dims: [12, 1003], tensor }]);
    expect(found).toEqual(decode(tensor.real, 8, 1003, { confidence: 0.25, iou: 0.45 }));
  });
});

/** All candidates of a head, suppressed softly. */
function softly(head: Head, parameters: Parameters) {
  const everything = { confidence: 0.25, iou: 2, topK: Number.POSITIVE_INFINITY };
  const found = decode(head.values, head.classes, head.anchors, everything);
  const sigma = Number(parameters["soft-sigma"]);
  const linear = (iou: number) => (iou > Number(parameters["iou-threshold"]) ? 1 - iou : 1);
  const gaussian = (iou: number) => Math.exp(-(iou * iou) / sigma);
  const decay = parameters["nms"] === "linear" ? linear : gaussian;
  return suppressSoftly(found, decay, { confidence: 0.25, agnostic: parameters["class-agnostic"] === true });
}

describe("the yolo module's soft suppression", () => {
  const head = headWith(30, 6, 3, 900, 41);

  it.each<Parameters>([
    { nms: "linear", "iou-threshold": 0.3 },
    { nms: "gaussian", "soft-sigma": 0.5 },
    { nms: "gaussian", "soft-sigma": 0.2, "class-agnostic": true },
  ])("lowers scores as the paper says with %o", (parameters) => {
    const { objects } = yolo(head, parameters).run({ outputs: [head.values] });
    const expected = softly(head, parameters);
    expect(objects.map(({ classId, left }) => [classId, left])).toEqual(
      expected.map(({ classId, left }) => [classId, left]),
    );
    objects.forEach((object, i) => {
      expect(object.confidence).toBeCloseTo(expected[i]!.confidence, 5);
    });
  });
});

describe("the yolo module", () => {
  it("takes the shorter axis for the fields when there are no labels", () => {
    const head = headWith(10, 4, 6, 700, 11);
    const expected = decode(head.values, 6, 700, { confidence: 0.25, iou: 0.45 });
    const rows = yolo(head, {}, { labels: [] }).run({ outputs: [head.values] });
    const columns = yolo(head, {}, { labels: [], outputs: [[700, 10]] }).run({ outputs: [transposed(head)] });
    expect(boxes(rows.objects)).toEqual(expected);
    expect(boxes(columns.objects)).toEqual(expected);
  });

  it("says that an object has no id, no parent and nothing it continues", () => {
    const head = single([10, 10, 4, 4], 0.9);
    const [object] = yolo(head).run({ outputs: [head.values] }).objects;
    expect(object).toMatchObject({ objectId: 0xffff_ffff_ffff_ffffn, input: -1, flags: 0 });
  });

  it.each([
    ["a NaN in the box", [Number.NaN, 10, 4, 4], 0.9],
    ["an infinite width", [10, 10, Number.POSITIVE_INFINITY, 4], 0.9],
    ["no height", [10, 10, 4, 0], 0.9],
    ["a negative width", [10, 10, -4, 4], 0.9],
    ["an absurd place", [1e30, 10, 4, 4], 0.9],
    ["a score of NaN", [10, 10, 4, 4], Number.NaN],
    ["an infinite score", [10, 10, 4, 4], Number.POSITIVE_INFINITY],
  ])("gives no object for %s", (_what, box, score) => {
    const head = single(box, score);
    expect(yolo(head).run({ outputs: [head.values] }).objects).toEqual([]);
  });

  it("keeps a confidence within 0..1", () => {
    const head = single([10, 10, 4, 4], 17);
    expect(yolo(head).run({ outputs: [head.values] }).objects).toMatchObject([{ confidence: 1 }]);
  });

  it("takes new parameters between frames", () => {
    const head = single([10, 10, 4, 4], 0.5);
    const module = yolo(head);
    module.guest.configure({ "confidence-threshold": 0.6 });
    expect(module.run({ outputs: [head.values] }).objects).toEqual([]);
    module.guest.configure({ "confidence-threshold": 0.4 });
    expect(module.run({ outputs: [head.values] }).objects).toHaveLength(1);
  });

  it.each([
    { outputs: [[9, 100]], labels: labels(4), message: "output0 [9, 100] has no axis of 8 (4 + 4 labels)" },
    { outputs: [[84]], labels: [], message: "output0 [84]; expected one output [4 + classes, anchors]" },
    { outputs: [[4, 100]], labels: [], message: "output0 [4, 100] has no axis of 4 + classes" },
    {
      outputs: [
        [8, 100],
        [8, 100],
        [2, 2],
      ],
      labels: [],
      message: "the model gives output0 [8, 100], output1 [8, 100]",
    },
    {
      outputs: [
        [8, 100],
        [7, 90],
      ],
      labels: [],
      message: "or two: [4, anchors] and [classes, anchors]",
    },
    { outputs: [{ dims: [8, 100], dataType: DataType.Int8, scale: 0 }], labels: [], message: "int8 [8, 100] is not" },
    { outputs: [{ dims: [8, 100], dataType: DataType.Int32 }], labels: [], message: "int32 [8, 100] is not float32" },
  ])("refuses a model that it cannot decode: $message", ({ message, ...options }) => {
    expect(() => new TestModule("yolo", Kind.Detect, options)).toThrow(message);
  });

  it("allocates nothing while it runs", () => {
    const head = headWith(60, 6, 10, 2100, 12);
    const module = yolo(head);
    const pages = module.guest.memoryBytes;
    for (let i = 0; i < 2000; i++) module.guest.configure({ "class-thresholds": [0.3, 0.4] });
    for (let i = 0; i < 200; i++) module.run({ outputs: [head.values] });
    expect(module.guest.memoryBytes).toBe(pages);
  });
});
