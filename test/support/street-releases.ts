/** Releases of the demo's detector, good and bad ones. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { compile } from "../services/postprocess/support/compile.ts";

const STREET = "build/bundles/street";
let count = 0;

/** The demo's detector with another version, and what is changed. */
export function streetBundle(
  folder: string,
  version: string,
  changes: { module?: Buffer; model?: Buffer; keys?: (yaml: Record<string, unknown>) => void } = {},
): string {
  const directory = join(folder, `bundle-${count++}`);
  cpSync(STREET, directory, { recursive: true });
  const yaml = parse(readFileSync(join(directory, "bundle.yaml"), "utf8")) as Record<string, unknown>;
  yaml["version"] = version;
  if (changes.module !== undefined) {
    writeFileSync(join(directory, "other.wasm"), changes.module);
    yaml["module"] = { file: "other.wasm" };
  }
  if (changes.model !== undefined) {
    writeFileSync(join(directory, "model.onnx"), changes.model);
    yaml["model"] = { file: "model.onnx" };
    // A publisher who does not try what is published.
    yaml["golden"] = [];
  }
  changes.keys?.(yaml);
  writeFileSync(join(directory, "bundle.yaml"), stringify(yaml));
  return directory;
}

/** The demo's model with weights of zero: it loads, takes what the right one takes, and sees nothing. */
export function blindModel(): Buffer {
  const model = readFileSync(join(STREET, "model.onnx"));
  for (const weights of initialisers(model)) weights.fill(0);
  return model;
}

/** Numbers of fields in onnx.proto3. */
const GRAPH = 7;
const INITIALISER = 5;
const RAW_DATA = 9;
/** Shorter ones are shapes and sizes, and not weights. Bytes. */
const LEAST_WEIGHTS = 4096;

/** By wire type: members of eight and of four bytes. */
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** The weights of a model, as views of its bytes. */
function initialisers(model: Buffer): Buffer[] {
  const tensors = members(model, GRAPH).flatMap((graph) => members(graph, INITIALISER));
  return tensors.flatMap((tensor) => members(tensor, RAW_DATA)).filter(({ length }) => length >= LEAST_WEIGHTS);
}

/** Contents of the members with this number and a length, of a message in protobuf's wire format. */
function members(message: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag & 7;
    const number = kind === 0 || kind === 2 ? varint() : 0;
    const length = kind === 2 ? number : (FIXED_BYTES[kind] ?? 0);
    if (kind === 2 && tag >> 3 === wanted) found.push(message.subarray(at, at + length));
    at += length;
  }
  return found;
}

/** The demo's decoder, with something before each frame. */
export const streetDetector = (before: string) =>
  compile(`
    import { Frame, Kind, Module, Parameters, RawDetector, RawHead, Setup, Status, serve } from "../../wasm/sdk";
    export { nj_abi, nj_alloc, nj_block, nj_configure, nj_init, nj_kind, nj_process } from "../../wasm/sdk/exports";
    class Subject extends Module {
      private detector: RawDetector = changetype<RawDetector>(0);
      private frames: i32 = 0;
      constructor() { super(Kind.Detect); }
      init(setup: Setup): i32 {
        const head = RawHead.find(setup, 0);
        if (!head) return Status.BadTensors;
        this.detector = new RawDetector(setup, head);
        return Status.Ok;
      }
      configure(parameters: Parameters): i32 { return this.detector.configure(parameters); }
      block(_frame: Frame, tensor: i32, offset: u32, bytes: u32): i32 { return this.detector.block(tensor, offset, bytes); }
      process(frame: Frame): i32 {
        this.frames++;
        ${before}
        this.detector.detect(frame);
        return Status.Ok;
      }
    }
    serve(new Subject());
  `);
