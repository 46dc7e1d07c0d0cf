import { describe, expect, it } from "vitest";
import { manifestSchema } from "../../../services/updater/release.ts";

const sha256 = "0".repeat(64);
const file = (path: string) => ({ path, sha256, length: 10, target: `modules/${path}` });

function problemOf(...paths: string[]): string | undefined {
  const { error } = manifestSchema.safeParse({
    format: 1,
    channel: "street",
    version: "1.0.0",
    counter: 1,
    element: "tracker",
    bundle: { name: "street", version: "1.0.0", kind: "analyze" },
    files: paths.map(file),
  });
  return error?.issues[0]?.message;
}

describe("the manifest of a release", () => {
  it("is taken with a WebAssembly module", () => {
    expect(problemOf("bundle.yaml", "tracker.wasm")).toBeUndefined();
  });

  it.each(["rule.ts", "rule.js", "lib/helper.mjs", "rule.CTS", "view.tsx"])(
    "is refused with %s: code without a sandbox does not come over the air",
    (path) => {
      expect(problemOf("bundle.yaml", path)).toContain("operators are code without a sandbox");
    },
  );
});
