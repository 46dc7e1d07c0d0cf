/** What an author reads about a folder that is wrong, without compiling anything. */
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { assembleBundle } from "../../../services/modules/bundle.ts";
import { grouped } from "../../../services/modules/case_run.ts";
import { readCase } from "../../../services/modules/case_schema.ts";
import { readManifest } from "../../../services/modules/manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "nightjar-messages-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

function written(text: string): string {
  const file = join(folder, `${count++}.yaml`);
  writeFileSync(file, text);
  return file;
}

const manifest = (parameters: string) =>
  `name: a\nversion: 1.0.0\nkind: analyze\ndescription: A rule.\nparameters: ${parameters}\n`;

describe("module.yaml", () => {
  it.each([
    ["paramters: {}", "paramters: there is no such key; parameters is missing"],
    [manifest("{}").replace("kind: analyze\n", ""), 'kind: expected one of "detect"|"analyze"'],
    [manifest("{limit: {type: int}}"), "parameters.limit.type: expected 'number' | 'numbers'"],
    [
      manifest("{limit: {type: integer, minimum: 1, maximum: 9, default: 10, description: d}}"),
      "parameters.limit.default: is 10, expected a number from 1 to 9",
    ],
    [
      manifest("{limit: {type: integer, min: 0, minimum: 1, maximum: 9, description: d}}"),
      "parameters.limit.min: there is no such key",
    ],
    ["name: [", "not valid YAML"],
  ])("%j", async (text, message) => {
    const whole = text.startsWith("paramters") ? manifest("{}").replace("parameters: {}", text) : text;
    await expect(readManifest(written(whole))).rejects.toThrow(message);
  });
});

describe("a case", () => {
  it.each([
    [
      "frames: [{objects: [{left: 0, top: 0, widht: 3, height: 2}]}]",
      "frames.0.objects.0.widht: there is no such key; width is missing",
    ],
    ["frame: [{}]", "frame: there is no such key"],
    ["name: x", "frames: a case needs frames, or a recording"],
    ["frames: [{objects: 7}]", "frames.0.objects: expected array, received number"],
  ])("%j", async (text, message) => {
    await expect(readCase(written(text))).rejects.toThrow(message);
  });

  it("says once what frames on end have in common", () => {
    const problems = [0, 1, 2, 5].flatMap((frame) => [`frame ${frame}: a`, `frame ${frame}: b`]);
    expect(grouped([...problems, "c"])).toEqual([
      "frames 0 to 2: a",
      "frames 0 to 2: b",
      "frame 5: a",
      "frame 5: b",
      "c",
    ]);
  });
});

describe("a bundle of a folder", () => {
  const module = join(folder, "rule.wasm");
  const source = (bundle: string) => {
    const directory = join(folder, "rule");
    mkdirSync(directory, { recursive: true });
    writeFileSync(module, "a module");
    writeFileSync(join(directory, "labels.txt"), "car\n");
    writeFileSync(
      join(directory, "module.yaml"),
      manifest("{limit: {type: integer, minimum: 1, maximum: 9, description: d}}"),
    );
    writeFileSync(join(directory, "bundle.yaml"), bundle);
    return { name: "rule", directory, base: directory, entry: "", manifest: join(directory, "module.yaml") };
  };
  const bundle = (more: string, version = "1.0.0") =>
    `name: rule\nversion: ${version}\nkind: analyze\nmodule: {file: rule.wasm}\nlabels: {file: labels.txt}\n${more}\n`;

  it.each([
    ["limit: {}", /rule\/bundle.yaml: limit: /],
    ["parameters: {limit: 10}", /rule\/bundle.yaml: parameter limit is 10: /],
    ["parameters: {limits: 1}", /rule\/bundle.yaml: parameter limits is not known to the module a; it has: limit/],
    ["golden: [", /rule\/bundle.yaml: /],
  ])("that says %j is refused as its author wrote it", async (more, message) => {
    await expect(assembleBundle(source(bundle(more)), module)).rejects.toThrow(message);
  });

  it("keeps those from before, and has what they have in common once on the disk", async () => {
    const link = (await assembleBundle(source(bundle("parameters: {limit: 2}")), module)).bundle ?? "";
    const first = join(folder, "rule/build", readlinkSync(link));
    await assembleBundle(source(bundle("parameters: {limit: 3}", "1.0.1")), module);
    const second = join(folder, "rule/build", readlinkSync(link));
    expect(second).not.toBe(first);
    expect(statSync(join(second, "rule.wasm")).ino).toBe(statSync(join(first, "rule.wasm")).ino);
    writeFileSync(join(folder, "rule/labels.txt"), "bus\n");
    await assembleBundle({ ...source(bundle("", "1.0.2")) }, module);
    expect(statSync(join(first, "labels.txt")).size).toBe(4);
  });
});
