/** rules: of the configuration, and what the pipeline is told of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../../services/config/load.ts";
import { findBundles, pipelineSettings } from "../../../services/supervisor/pipeline-settings.ts";

const folder = mkdtempSync(join(tmpdir(), "nightjar-rules-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(rules: string) {
  const file = join(folder, "nightjar.yaml");
  writeFileSync(file, `version: 1\ncameras: [{id: a, source: {type: test}}]\nrules:\n${rules}`);
  return loadConfig(file);
}

const tracker = resolve("build/bundles/bytetrack");

describe("rules", () => {
  it("are elements behind the tracker, in their order, with their parameters", () => {
    const config = load(
      `  - {name: first, bundle: ${tracker}}\n  - {name: second, bundle: bytetrack, parameters: {track-buffer: 5}}\n`,
    );
    const bundles = findBundles(config);
    const { analytics } = pipelineSettings({ config, cameras: [], bundles, hostSocket: "", messageConfigFile: "" });
    expect(analytics.map(({ name, uniqueId, untracked }) => [name, uniqueId, untracked])).toEqual([
      ["tracker", 2, "remove"],
      ["first", 4, "keep"],
      ["second", 5, "keep"],
    ]);
    expect(analytics[1]).toMatchObject({ bundle: tracker });
    expect(analytics[2]).toMatchObject({ parameters: { "track-buffer": 5 } });
  });

  it.each([
    [
      "  - {name: tracker, bundle: x}\n",
      'rules[0].name: found "tracker", expected another name than infer, tracker, zones',
    ],
    ["  - {name: a, bundle: x}\n  - {name: a, bundle: y}\n", "expected rules with different names"],
  ])("%j is refused", (rules, message) => {
    expect(() => load(rules)).toThrow(message);
  });

  it("of a bundle that is no rule are refused with the key", () => {
    const config = load("  - {name: a, bundle: street}\n");
    expect(() => findBundles(config)).toThrow(
      /^rules\[0\]\.bundle: .*is a bundle of kind detect, expected kind analyze/,
    );
  });
});
