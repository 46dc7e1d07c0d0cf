import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { analyzeBundle, detectBundle, module, TINY_MODEL, writeBundle } from "./support/bundles.ts";
import { compileModule } from "./support/compile.ts";
import { TestHost } from "./support/host.ts";
import { reshapeModel } from "./support/onnx.ts";

const host = new TestHost();

beforeAll(() => host.start());
afterEach(() => host.disconnect());
afterAll(() => host.close());

interface Case {
  what: string;
  request: () => Promise<object>;
  code: string;
  key: string;
  message: string | RegExp;
}

const detect = async (changes: object, files?: Record<string, Uint8Array | string | undefined>) => ({
  bundle: await detectBundle(changes, files),
});
const analyze = async (parts: Parameters<typeof compileModule>[0], changes?: object) => ({
  kind: "analyze",
  bundle: analyzeBundle(await compileModule(parts), changes),
});
const withModel =
  (input: (number | string)[], output: (number | string)[], changes = {}) =>
  () =>
    detect(changes, { "model.onnx": reshapeModel({ input, output }) });

const CASES: Case[] = [
  {
    what: "a folder that is not there",
    request: async () => ({ bundle: "/nowhere" }),
    code: "bundle",
    key: "bundle",
    message: "/nowhere/bundle.yaml cannot be read: there is no such file",
  },
  {
    what: "broken YAML",
    request: async () => ({ bundle: writeBundle("name: [a\nkind: {", {}) }),
    code: "bundle",
    key: "bundle.yaml",
    message: /bundle\.yaml: .* at line \d/,
  },
  {
    what: "an unknown key",
    request: () => detect({ limits: { "memory-page": 3 } }),
    code: "limits",
    key: "limits.memory-page",
    message: "memory-page",
  },
  {
    what: "a value of the wrong type",
    request: () => detect({ input: { fill: "grey" } }),
    code: "bundle",
    key: "input.fill",
    message: "expected number",
  },
  {
    what: "a detect bundle without a model",
    request: () => detect({ model: undefined }),
    code: "model",
    key: "model",
    message: "a detect bundle needs one",
  },
  {
    what: "a bundle for the other element",
    request: async () => ({ bundle: analyzeBundle(await module("bytetrack")) }),
    code: "bundle",
    key: "kind",
    message: "tiny-analyze is a bundle of kind analyze, njinfer needs detect",
  },
  {
    what: "a missing model",
    request: () => detect({}, { "model.onnx": undefined }),
    code: "model",
    key: "model.file",
    message: /model\.onnx cannot be read: there is no such file; check its name in bundle\.yaml/,
  },
  {
    what: "a truncated model",
    request: () => detect({}, { "model.onnx": TINY_MODEL.subarray(0, 60) }),
    code: "model",
    key: "model.file",
    message: /model\.onnx is not a complete ONNX model: .* copy it again/,
  },
  {
    what: "a model that is not the one of the bundle",
    request: () => detect({ model: { file: "model.onnx", sha256: "0".repeat(64) } }),
    code: "model",
    key: "model.sha256",
    message: /bundle\.yaml says 0{64}: the file was changed or is incomplete; install the bundle again/,
  },
  {
    what: "a file outside of the bundle",
    request: () => detect({ model: { file: "../../etc/passwd" } }),
    code: "model",
    key: "model.file",
    message: "lies outside of the bundle",
  },
  {
    what: "a model with other outputs than the module decodes",
    request: withModel(["n", 3, 8, 8], ["n", 192]),
    code: "module",
    key: "module.file",
    message: "the model gives output0 [192]; expected one output [4 + classes, anchors]",
  },
  {
    what: "labels that are not as many as the model's classes",
    request: () => detect({ labels: ["car", "truck"] }),
    code: "module",
    key: "module.file",
    message: "output0 [8, 24] has no axis of 6 (4 + 2 labels)",
  },
  {
    what: "labels in a file that is missing",
    request: () => detect({ labels: { file: "labels.txt" } }),
    code: "bundle",
    key: "labels.file",
    message: /labels\.txt cannot be read: there is no such file/,
  },
  {
    what: "a model that takes no picture",
    request: withModel(["n", 192], ["n", 8, 24]),
    code: "model",
    key: "model.inputs",
    message: "takes images [n, 192], expected four axes",
  },
  {
    what: "a model of one colour",
    request: withModel(["n", 1, 8, 24], ["n", 8, 24]),
    code: "model",
    key: "input.layout",
    message: "1 colours with layout NCHW, expected 3",
  },
  {
    what: "a size that neither the model nor the bundle gives",
    request: withModel(["n", 3, "h", "w"], ["n", 8, 24]),
    code: "model",
    key: "input.width",
    message: "leaves the width open (images [n, 3, h, w]): set input.width in bundle.yaml",
  },
  {
    what: "a size that is not the model's",
    request: () => detect({ input: { width: 640 } }),
    code: "model",
    key: "input.width",
    message: "takes pictures of width 8, the bundle says 640",
  },
  {
    what: "an input of another type",
    request: () => detect({ input: { dtype: "float16" } }),
    code: "model",
    key: "input.dtype",
    message: "takes float32, the bundle says float16",
  },
  {
    what: "outputs without a batch axis",
    request: async () => ({ ...(await withModel(["n", 3, 8, 8], [16, 24], {})()), batch: 2 }),
    code: "model",
    key: "model.outputs",
    message: "gives output0 [16, 24] for 2 frames: the first axis is not the batch",
  },
  {
    what: "a parameter that the module does not have",
    request: () => detect({ parameters: { "confidence-treshold": 0.5 } }),
    code: "parameters",
    key: "parameters.confidence-treshold",
    message: "is not known to the module yolo; it has: confidence-threshold, ",
  },
  {
    what: "a parameter out of range",
    request: async () => ({ ...(await detect({})), parameters: { "iou-threshold": 45 } }),
    code: "parameters",
    key: "parameters.iou-threshold",
    message: "parameter iou-threshold is 45: expected a number from 0 to 1",
  },
  {
    what: "a module that is none",
    request: async () => ({ kind: "analyze", bundle: analyzeBundle(Buffer.from("#!/bin/sh\n")) }),
    code: "module",
    key: "module.file",
    message: "is not a WebAssembly module",
  },
  {
    what: "a truncated module",
    request: async () => ({ kind: "analyze", bundle: analyzeBundle((await module("bytetrack")).subarray(0, 5000)) }),
    code: "module",
    key: "module.file",
    message: "it is truncated",
  },
  {
    what: "a module that wants more than to log",
    request: () =>
      analyze({
        top: '@external("env", "now") declare function now(): f64;',
        body: "process(frame: Frame): i32 { return now() > 5 ? 0 : 1; }",
      }),
    code: "module",
    key: "module.file",
    message: "imports function env.now; a module may import the function nightjar.log and nothing else",
  },
  {
    what: "a module of another ABI",
    request: () =>
      analyze({
        top: "export function nj_abi(): u32 { return (2 << 16) | 3; }",
        exports: ["nj_kind", "nj_alloc", "nj_init", "nj_configure", "nj_process"],
      }),
    code: "version",
    key: "module.file",
    message: "the module was built for version 2.3 of the module ABI, this host speaks 1.",
  },
  {
    what: "a module without all exports",
    request: () => analyze({ exports: ["nj_abi", "nj_kind", "nj_alloc", "nj_init"] }),
    code: "module",
    key: "module.file",
    message: "does not export nj_configure, nj_process: see docs/reference/module-abi.md",
  },
  {
    what: "a module that needs more memory than it may have",
    request: () =>
      analyze(
        { body: "init(setup: Setup): i32 { heap.alloc(1 << 24); return 0; }" },
        { limits: { "memory-pages": 64 } },
      ),
    code: "module",
    key: "module.file",
    message: "the module trapped: unreachable",
  },
  {
    what: "a module that begins with more memory than it may have",
    request: () => analyze({ top: "memory.data(200000);" }, { limits: { "memory-pages": 2 } }),
    code: "limits",
    key: "limits.memory-pages",
    message: "the module begins with 4 memory pages of 64 KiB, the bundle allows 2",
  },
  {
    what: "a module larger than its limit",
    request: () => analyze({}, { limits: { "module-bytes": 100 } }),
    code: "module",
    key: "module.file",
    message: /bytes, at most 100 are allowed/,
  },
  {
    what: "a module that never ends its start",
    request: () =>
      analyze({ body: "init(setup: Setup): i32 { while (true) {} return 0; }" }, { limits: { "start-ms": 100 } }),
    code: "limits",
    key: "limits",
    message: "the module did not start within 100 ms (limits.start-ms) and was ended",
  },
  {
    what: "a module that loops in its start function",
    request: () => analyze({ top: "while (true) {}" }, { limits: { "start-ms": 100 } }),
    code: "limits",
    key: "limits",
    message: "the module did not start within 100 ms",
  },
  {
    what: "another version of the link",
    request: async () => ({ version: 9 }),
    code: "version",
    key: "version",
    message: "the element speaks version 9 of the link, this host 1",
  },
  {
    what: "a batch that is too large",
    request: async () => ({ ...(await detect({})), batch: 5000 }),
    code: "limits",
    key: "batch",
    message: "batch: ",
  },
  {
    what: "an unknown message",
    request: async () => ({ type: "dance" }),
    code: "limits",
    key: "type",
    message: "type: ",
  },
];

describe("the host refuses, with one clear message,", () => {
  it.each(CASES)("$what", async ({ request, code, key, message }) => {
    const element = host.connect();
    const answer = await element.open(await request());
    expect(answer).toMatchObject({ type: "refused", code, key });
    if (typeof message === "string") expect(answer.message).toContain(message);
    else expect(answer.message).toMatch(message);
    await expect(element.next()).rejects.toThrow("hung up");
  });

  it("a line that is not JSON, and one without end", async () => {
    const broken = host.connect();
    broken.sendLine("{open");
    expect(await broken.next()).toMatchObject({ type: "refused", key: "message" });
    const endless = host.connect();
    endless.sendLine("x".repeat(300 * 1024));
    expect(await endless.next()).toMatchObject({ type: "refused", code: "limits" });
  });
});
