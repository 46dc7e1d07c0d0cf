/** nightjar validate looks into the bundles as a run would: with the real host, on copies of the real ones. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../../../services/log/errors.ts";

const ROOT = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "nightjar-validate-"));
const bundles = join(folder, "bundles");
const config = join(folder, "nightjar.yaml");

beforeAll(() => {
  cpSync(join(ROOT, "build/bundles"), bundles, { recursive: true });
  writeFileSync(config, "version: 1\ninference: {bundle: mine}\ndirectories: {bundles: bundles}\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function validate(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(join(ROOT, "bin/nightjar"), ["validate", "-c", config, ...args], {
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

/** The demo's detector as the bundle "mine", with what is the matter with it. */
function makeBundle(change: (directory: string) => void): void {
  const directory = join(bundles, "mine");
  rmSync(directory, { recursive: true, force: true });
  cpSync(join(bundles, "street"), directory, { recursive: true });
  change(directory);
}

const edit = (directory: string, from: RegExp, to: string) => {
  const file = join(directory, "bundle.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(from, to));
};
const withoutHashes = (directory: string) => edit(directory, /,?\s*sha256: *[0-9a-f]{64}/g, "");

describe("a bundle that a run would refuse is refused by validate", () => {
  it.each<[string, (directory: string) => void, string]>([
    [
      "a truncated model",
      (directory) => {
        withoutHashes(directory);
        truncateSync(join(directory, "model.onnx"), 100_000);
      },
      "model.onnx is not a complete ONNX model",
    ],
    ["a model that was changed", (directory) => truncateSync(join(directory, "model.onnx"), 100_000), "model.sha256: "],
    [
      "a module for something else",
      (directory) => {
        withoutHashes(directory);
        cpSync(join(bundles, "bytetrack/bytetrack.wasm"), join(directory, "yolo.wasm"));
      },
      "the module bytetrack",
    ],
    [
      "labels that do not fit the model",
      (directory) => edit(directory, /labels: \[[^\]]*\]/g, "labels: [car, truck]"),
      "module.file: ",
    ],
    [
      "labels in a file that is not there",
      (directory) => edit(directory, /labels: \[[^\]]*\]/g, "labels: {file: labels.txt}"),
      "labels.txt cannot be read: there is no such file",
    ],
  ])("%s", (_title, change, message) => {
    makeBundle(change);
    const { code, stdout } = validate();
    const [problem, count] = stdout.trimEnd().split("\n");
    expect(problem).toContain("inference.bundle: ");
    expect(problem).toContain(message);
    expect(count).toBe(`${config}: 1 problem`);
    expect(code).toBe(EXIT.configuration);
  });

  it("with the key for programs", () => {
    makeBundle((directory) => truncateSync(join(directory, "model.onnx"), 10));
    const { code, stdout } = validate("--json");
    expect(code).toBe(EXIT.configuration);
    expect(JSON.parse(stdout)).toMatchObject({ valid: false, problems: [{ key: "inference.bundle" }] });
  });

  it("but not with --no-bundles, which loads none", () => {
    expect(validate("--no-bundles").code).toBe(EXIT.ok);
  });

  it("and one that takes too long is told apart", () => {
    const { code, stderr } = validate("--limit", "1ms");
    expect(code).toBe(EXIT.configuration);
    expect(stderr).toContain("the bundles were not loaded within 0.001 s; give more time with --limit");
  });
});

it("bundles that are good are taken, in a short time", () => {
  makeBundle(() => {});
  const { code, stdout, stderr } = validate();
  expect(stderr).toBe("");
  expect(stdout).toContain("is valid");
  expect(code).toBe(EXIT.ok);
});
