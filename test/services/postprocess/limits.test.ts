import { describe, expect, it } from "vitest";
import { bundleSchema } from "../../../services/postprocess/bundle_schema.ts";
import { allowsOperator, bound } from "../../../services/postprocess/limits.ts";

const bundle = bundleSchema.parse({
  name: "b",
  version: "1.0.0",
  kind: "analyze",
  module: { file: "m.wasm" },
  limits: { objects: 200, "aux-bytes": 1000 },
  policy: { reloads: 1000, window: 1 },
});

describe("what a bundle asks for", () => {
  it("is what it gets where the machine's owner says nothing", () => {
    expect(bound(bundle, {})).toEqual({ limits: bundle.limits, policy: bundle.policy, changed: [] });
  });

  it("is lowered to what is allowed, and never raised", () => {
    const { limits, changed } = bound(bundle, { limits: { objects: 100, "aux-bytes": 0, events: 10_000 } });
    expect(limits).toMatchObject({ objects: 100, "aux-bytes": 0, events: 64 });
    expect(changed).toEqual(["limits.objects from 200 to 100", "limits.aux-bytes from 1000 to 0"]);
  });

  it("does not keep a failing module for ever: reloads have a most, their window a least", () => {
    const { policy, changed } = bound(bundle, { policy: { reloads: 3, window: 60 } });
    expect(policy).toMatchObject({ reloads: 3, window: 60, retry: 60 });
    expect(changed).toEqual(["policy.reloads from 1000 to 3", "policy.window from 1 to 60"]);
  });
});

describe("an operator", () => {
  const sha256 = "a".repeat(64);
  it.each([
    ["nobody named", undefined, false],
    ["of another bundle was named", ["c"], false],
    ["whose bundle was named", ["b"], true],
    ["whose file was named", [`sha256:${sha256}`], true],
    ["that has changed since", [`sha256:${"b".repeat(64)}`], false],
  ])("that %s", (_what, operators, expected) => {
    expect(allowsOperator({ ...(operators && { operators }) }, "b", sha256)).toBe(expected);
  });
});
