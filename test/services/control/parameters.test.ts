import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parseConfig } from "../../../services/config/load.ts";
import { parametersOf } from "../../../services/control/parameters.ts";

const BUNDLES = join(import.meta.dirname, "../../../build/bundles");
const folder = mkdtempSync(join(tmpdir(), "nightjar-parameters-"));
afterAll(() => rmSync(folder, { recursive: true }));

const config = parseConfig(
  `version: 1\ninference: {parameters: {confidence-threshold: 0.4}}\ndirectories: {bundles: ${BUNDLES}}\n`,
  join(folder, "nightjar.yaml"),
);
const bundle = (name: string, parameters?: Record<string, unknown>) => ({
  directory: join(BUNDLES, name),
  name,
  version: "",
  digest: "",
  parameters,
});

it("a detector's come with range, default, what holds, and its labels", async () => {
  const { module, labels, parameters, bundle: name } = await parametersOf("infer", bundle("street"), config);
  expect(name).toMatch(/^street \d/);
  expect(module?.name).toBe("yolo");
  expect(labels).toContain("car");
  expect(parameters.find((parameter) => parameter.name === "confidence-threshold")).toMatchObject({
    type: "number",
    value: 0.4,
    isSet: true,
    structured: false,
    minimum: expect.any(Number),
    maximum: expect.any(Number),
    description: expect.any(String),
  });
});

it("what was set while Nightjar ran goes before the configuration, and null leaves it to the bundle", async () => {
  const confidence = async (parameters: Record<string, unknown>) =>
    (await parametersOf("infer", bundle("street", parameters), config)).parameters.find(
      ({ name }) => name === "confidence-threshold",
    );
  expect(await confidence({ "confidence-threshold": 0.7 })).toMatchObject({ value: 0.7, isSet: true });
  const back = await confidence({ "confidence-threshold": null });
  expect(back).toMatchObject({ isSet: false });
  expect(back?.value).toBe(back?.default);
});

it("the zones are marked as made elsewhere", async () => {
  const { parameters } = await parametersOf("zones", bundle("zones"), config);
  expect(parameters.find(({ name }) => name === "zones")).toMatchObject({ type: "text", structured: true });
});
