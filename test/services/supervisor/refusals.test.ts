import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../services/config/load.ts";
import { Refusals } from "../../../services/supervisor/refusals.ts";

const config = parseConfig("version: 1\ninference: {bundle: street}\ntracking: {bundle: follow}", "/etc/n.yaml");
const broken = "refused: model.file: m.onnx is half a model";

describe("a refusal", () => {
  it("names the key of the configuration and that of the bundle", () => {
    expect(new Refusals(config).take("tracker", "refused: limits: too many")).toEqual({
      text: "tracking.bundle: bundle follow cannot be used: limits: too many",
      isNew: true,
    });
  });

  it("is news once, until it changes or the element has run meanwhile", () => {
    const refusals = new Refusals(config);
    const isNews = (line: string) => refusals.take("infer", line)?.isNew;
    expect([broken, broken, "refused: kind: wrong", broken].map(isNews)).toEqual([true, false, true, true]);
    refusals.forget("infer");
    expect(isNews(broken)).toBe(true);
  });

  it("is found behind the end of the process that repeats it", () => {
    const refusals = new Refusals(config);
    refusals.take("infer", broken);
    expect(refusals.behind("infer: model.file: m.onnx is half a model")).toBe(
      "inference.bundle: bundle street cannot be used: model.file: m.onnx is half a model",
    );
    expect(refusals.behind("was killed by SIGSEGV")).toBeUndefined();
  });

  it.each([
    ["infer", "module: refused: politely"],
    [undefined, broken],
  ])("is nothing else that the host says (%s, %s)", (instance, line) => {
    expect(new Refusals(config).take(instance, line)).toBeUndefined();
  });
});
