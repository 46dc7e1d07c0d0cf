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
  changes: { module?: Buffer; keys?: (yaml: Record<string, unknown>) => void } = {},
): string {
  const directory = join(folder, `bundle-${count++}`);
  cpSync(STREET, directory, { recursive: true });
  const yaml = parse(readFileSync(join(directory, "bundle.yaml"), "utf8")) as Record<string, unknown>;
  yaml["version"] = version;
  if (changes.module !== undefined) {
    writeFileSync(join(directory, "other.wasm"), changes.module);
    yaml["module"] = { file: "other.wasm" };
  }
  changes.keys?.(yaml);
  writeFileSync(join(directory, "bundle.yaml"), stringify(yaml));
  return directory;
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
