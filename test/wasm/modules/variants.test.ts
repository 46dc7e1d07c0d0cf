import { describe, expect, it } from "vitest";
import { DataType, Kind } from "../../../firmware/link/protocol.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import { type OutputOption, TestModule } from "../support/module.ts";
import { type Golden, type GoldenOutput, goldenOf } from "./golden.ts";

// The same tensors in the other forms in which models give them: the same objects.

interface Form {
  outputs?: GoldenOutput[];
  parameters?: Parameters;
  dataType?: DataType;
  labels?: string[];
}

function results(module: string, golden: Golden, form: Form = {}) {
  const { network } = golden;
  const { outputs = golden.outputs, labels = golden.labels, dataType = DataType.Float32 } = form;
  const subject = new TestModule(module, Kind.Detect, {
    outputs: outputs.map(({ dims }) => ({ dims, dataType })),
    labels,
    network,
    parameters: { ...golden.parameters, ...form.parameters },
    auxBytes: 1 << 20,
  });
  const half = dataType === DataType.Float16;
  const { objects } = subject.run({ outputs: outputs.map(({ values }) => (half ? new Float16Array(values) : values)) });
  return objects.map(({ classId, left, top, width, height, angle, confidence }, i) => ({
    classId,
    numbers: [left, top, width, height, angle, confidence],
    ...subject.extras(i),
  }));
}

/** [rows, columns] -> [columns, rows]; of more axes the first goes to the end. */
function turned({ dims: [rows = 1, ...rest], values }: GoldenOutput): GoldenOutput {
  const columns = values.length / rows;
  const moved = Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
  return { dims: [...rest, rows], values: moved };
}

/** Rows of a head times factors; the others as they are. */
function scaled({ dims, values }: GoldenOutput, factors: Readonly<Record<number, number>>): GoldenOutput {
  const columns = values.length / dims[0]!;
  return { dims, values: values.map((value, i) => value * (factors[Math.floor(i / columns)] ?? 1)) };
}

const rounded = (output: GoldenOutput): GoldenOutput => ({
  ...output,
  values: Float32Array.from(new Float16Array(output.values)),
});

describe.each([
  ["yolo", "yolo"],
  ["yolo-obb", "yolo-obb-probabilistic"],
  ["yolo-pose", "yolo-pose"],
  ["yolo-seg", "yolo-seg"],
])("the %s module", (module, file) => {
  const golden = goldenOf(file);
  const expected = results(module, golden);

  it("takes the transposed head, and prototypes with their number last", () => {
    expect(results(module, golden, { outputs: golden.outputs.map(turned) })).toEqual(expected);
  });

  it("takes half precision", () => {
    const halves = { ...golden, outputs: golden.outputs.map(rounded) };
    const found = results(module, golden, { dataType: DataType.Float16 });
    expect(found).toEqual(results(module, halves));
    expect(found.length).toBeGreaterThan(5);
  });

  it("takes boxes and keypoints in parts of the picture", () => {
    const [width, height] = golden.network;
    const [head, ...others] = golden.outputs;
    const keypoints = module === "yolo-pose" ? Array.from({ length: 5 }, (_, k) => 5 + k * 3) : [];
    const across = [0, 2, ...keypoints].map((row): [number, number] => [row, 1 / width]);
    const down = [1, 3, ...keypoints.map((row) => row + 1)].map((row): [number, number] => [row, 1 / height]);
    const outputs = [scaled(head!, Object.fromEntries([...across, ...down])), ...others];
    const found = results(module, golden, { outputs, parameters: { "box-units": "normalised" } });
    expect(found.map(({ classId }) => classId)).toEqual(expected.map(({ classId }) => classId));
    found.forEach(({ numbers, keypoints }, i) => {
      numbers.forEach((value, k) => {
        expect(Math.abs(value - expected[i]!.numbers[k]!)).toBeLessThan(1e-3);
      });
      keypoints.forEach(({ x, y }, k) => {
        expect(Math.abs(x - expected[i]!.keypoints[k]!.x) + Math.abs(y - expected[i]!.keypoints[k]!.y)).toBeLessThan(
          1e-3,
        );
      });
    });
  });
});

describe("the yolo-pose module", () => {
  it("takes keypoints without a confidence, which then is 1", () => {
    const golden = goldenOf("yolo-pose");
    const [head] = golden.outputs as [GoldenOutput];
    const columns = head.dims[1]!;
    const rows = Array.from({ length: head.dims[0]! }, (_, row) => row).filter((row) => row < 5 || (row - 5) % 3 < 2);
    const values = Float32Array.from(
      rows.flatMap((row) => [...head.values.subarray(row * columns, (row + 1) * columns)]),
    );
    const outputs = [{ dims: [rows.length, columns], values }];
    const found = results("yolo-pose", golden, { outputs, parameters: { "keypoint-fields": 2 } });
    expect(found.map(({ keypoints }) => keypoints)).toEqual(
      results("yolo-pose", golden).map(({ keypoints }) => keypoints.map((point) => ({ ...point, confidence: 1 }))),
    );
  });
});

describe("the yolo-seg module", () => {
  it("keeps to the longest side of a mask", () => {
    for (const { mask } of results("yolo-seg", goldenOf("yolo-seg"), { parameters: { "mask-side": 3 } })) {
      expect(Math.max(mask!.width, mask!.height)).toBeLessThanOrEqual(3);
    }
  });
});

describe("the detr module", () => {
  const golden = goldenOf("detr");
  const expected = results("detr", golden);
  const [logits, boxes] = golden.outputs as [GoldenOutput, GoldenOutput];
  const [queries, classes] = logits.dims as [number, number];
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  const rowOf = (values: Float32Array, width: number, row: number) => [
    ...values.subarray(row * width, (row + 1) * width),
  ];
  const joined = (scores: Float32Array, extra: number[] = []) =>
    Array.from({ length: queries }, (_, q) => [
      ...rowOf(boxes.values, 4, q),
      ...rowOf(scores, classes, q),
      ...extra,
    ]).flat();

  it("takes its outputs in either order", () => {
    expect(results("detr", golden, { outputs: [boxes, logits] })).toEqual(expected);
  });

  it("takes one output of boxes and scores, and leaves out a column that is no class", () => {
    const outputs = [{ dims: [queries, 4 + classes], values: Float32Array.from(joined(logits.values)) }];
    expect(results("detr", golden, { outputs })).toEqual(expected);
    const nothing = [{ dims: [queries, 5 + classes], values: Float32Array.from(joined(logits.values, [9])) }];
    expect(results("detr", golden, { outputs: nothing })).toEqual(expected);
  });

  it("takes probabilities as they are", () => {
    const outputs = [{ ...logits, values: logits.values.map(sigmoid) }, boxes];
    expect(results("detr", golden, { outputs, parameters: { scores: "probabilities" } })).toEqual(expected);
  });

  it("gives one class of a query when that is asked for", () => {
    const places = (found: typeof expected) => found.map(({ numbers }) => numbers.slice(0, 4).join());
    const single = places(results("detr", golden, { parameters: { "one-class-per-query": true, "top-k": 300 } }));
    const any = places(results("detr", golden, { parameters: { "top-k": 300 } }));
    expect(new Set(single).size).toBe(single.length);
    expect(new Set(any)).toEqual(new Set(single));
    expect(any.length).toBeGreaterThan(single.length);
  });

  it("takes boxes in pixels, and half precision", () => {
    const [width, height] = golden.network;
    const values = boxes.values.map((value, i) => value * (i % 2 ? height : width));
    const found = results("detr", golden, {
      outputs: [logits, { ...boxes, values }],
      parameters: { "box-units": "pixels" },
    });
    expect(found).toEqual(expected);
    const halves = { ...golden, outputs: golden.outputs.map(rounded) };
    expect(results("detr", golden, { dataType: DataType.Float16 })).toEqual(results("detr", halves));
  });
});

describe("the classifier module", () => {
  const golden = { ...goldenOf("classifier"), labels: ["a", "b", "c"], parameters: {} };
  const outputs = [{ dims: [3, 1, 1], values: Float32Array.from([0.25, 2, -1]) }];
  const attributesFor = (parameters: Parameters) =>
    results("classifier", golden, { outputs, parameters }).map(({ attributes }) =>
      attributes.map(({ classId, confidence }) => `${golden.labels[classId]} ${confidence.toFixed(3)}`),
    );

  it.each<[Parameters, string[][]]>([
    [{}, [["b 0.817"]]],
    [{ "top-k": 5 }, [["b 0.817", "a 0.142", "c 0.041"]]],
    [{ "top-k": 5, "confidence-threshold": 0.1 }, [["b 0.817", "a 0.142"]]],
    [{ "confidence-threshold": 0.9 }, []],
    [{ activation: "sigmoid", "top-k": 2 }, [["b 0.881", "a 0.562"]]],
    [{ activation: "none", "top-k": 3 }, [["b 1.000", "a 0.250", "c 0.000"]]],
  ])("with %o gives %o", (parameters, expected) => {
    expect(attributesFor(parameters)).toEqual(expected);
  });
});

/** One scale for a whole output, so that its largest number is 127, and the numbers that it then means. */
function quantised({ dims, values }: GoldenOutput): { output: OutputOption; bytes: Int8Array; means: GoldenOutput } {
  const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
  const bytes = Int8Array.from(values, (value) => Math.round(value / scale));
  const means = Float32Array.from(bytes, (value) => value * Math.fround(scale));
  return { output: { dims, dataType: DataType.Int8, scale, zeroPoint: 0 }, bytes, means: { dims, values: means } };
}

/** Rows as the module of end-to-end models reads them: their numbers are alike in size, as an int8 output wants them. */
function rowsOf(count: number): GoldenOutput {
  const values = Array.from({ length: count }, (_, i) => {
    const [left, top] = [(i % 8) / 10, Math.floor(i / 8) / 10];
    return [left, top, left + 0.15, top + 0.1, 0.3 + ((i * 37) % 60) / 100, i % 2];
  });
  return { dims: [count, 6], values: Float32Array.from(values.flat()) };
}

const endToEnd: Golden = {
  network: [640, 640],
  labels: ["cat", "dog"],
  parameters: { "box-units": "normalised" },
  outputs: [rowsOf(40)],
  objects: [],
};
/** Boxes and keypoints of a raw head in parts of the picture, so that one scale fits all of it. */
function inParts(golden: Golden): Golden {
  const [width, height] = golden.network;
  const [head, ...others] = golden.outputs;
  const points = golden.labels.length === 1 ? Array.from({ length: 5 }, (_, k) => 5 + k * 3) : [];
  const across = [0, 2, ...points].map((row): [number, number] => [row, 1 / width]);
  const down = [1, 3, ...points.map((row) => row + 1)].map((row): [number, number] => [row, 1 / height]);
  return {
    ...golden,
    parameters: { ...golden.parameters, "box-units": "normalised" },
    outputs: [scaled(head!, Object.fromEntries([...across, ...down])), ...others],
  };
}

describe.each<[string, Golden]>([
  ["yolo", inParts(goldenOf("yolo"))],
  ["yolo-end2end", endToEnd],
  ["yolo-obb", inParts(goldenOf("yolo-obb-matrix"))],
  ["yolo-seg", inParts(goldenOf("yolo-seg"))],
  ["yolo-pose", inParts(goldenOf("yolo-pose"))],
  ["detr", goldenOf("detr")],
  ["classifier", goldenOf("classifier")],
])("the %s module", (module, golden) => {
  it("finds in an int8 output what its numbers mean", () => {
    const parts = golden.outputs.map(quantised);
    const { network, labels, parameters } = golden;
    const options = { network, labels, parameters, auxBytes: 1 << 20 };
    const subject = new TestModule(module, Kind.Detect, { ...options, outputs: parts.map(({ output }) => output) });
    const { objects } = subject.run({ outputs: parts.map(({ bytes }) => bytes) });
    const expected = results(module, { ...golden, outputs: parts.map(({ means }) => means) });
    expect(objects.length).toBeGreaterThan(0);
    expect(objects.map(({ classId }) => classId)).toEqual(expected.map(({ classId }) => classId));
    objects.forEach(({ left, top, width, height, angle, confidence }, i) => {
      [left, top, width, height, angle, confidence].forEach((value, k) => {
        expect(value).toBeCloseTo(expected[i]!.numbers[k]!, 3);
      });
      expect(subject.extras(i).attributes.map(({ classId }) => classId)).toEqual(
        expected[i]!.attributes.map(({ classId }) => classId),
      );
    });
  });

  it("finds in a half precision output what its numbers mean", () => {
    const halves = { ...golden, outputs: golden.outputs.map(rounded) };
    const found = results(module, golden, { dataType: DataType.Float16 });
    expect(found.length).toBeGreaterThan(0);
    expect(found).toEqual(results(module, halves));
  });
});
