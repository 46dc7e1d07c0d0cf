/** What the pipeline is told of the profile deepstream. */
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parseConfig } from "../../../services/config/load.ts";
import type { ConfigInput } from "../../../services/config/schema.ts";
import { CHILD_MODULES, pipelineSpec } from "../../../services/supervisor/children.ts";
import { type Bundles, findBundles, pipelineSettings } from "../../../services/supervisor/pipeline-settings.ts";

const configOf = (deepstream: NonNullable<ConfigInput["pipeline"]>["deepstream"], more: Partial<ConfigInput> = {}) =>
  parseConfig(
    stringify({ version: 1, ...more, pipeline: { profile: "deepstream", deepstream } }),
    "/etc/nightjar/nightjar.yaml",
  );

const bundles: Bundles = {
  detector: { directory: "/b/street", name: "street", version: "1", kind: "detect", labels: ["car"] },
  tracker: { directory: "/b/bytetrack", name: "bytetrack", version: "1", kind: "analyze", labels: [] },
};

const settingsOf = (...input: Parameters<typeof configOf>) =>
  pipelineSettings({ config: configOf(...input), cameras: [], bundles, hostSocket: "/h", messageConfigFile: "/m" });

describe("the tracker", () => {
  it("is nvtracker with DeepStream's own files, and no module tracks", () => {
    const { deepstream, analytics } = settingsOf({});
    expect(deepstream?.tracker).toEqual({
      library: "/opt/nvidia/deepstream/deepstream/lib/libnvds_nvmultiobjecttracker.so",
      config: "/opt/nvidia/deepstream/deepstream/samples/configs/deepstream-app/config_tracker_NvDCF_perf.yml",
      width: 960,
      height: 544,
    });
    expect(analytics).toEqual([]);
  });

  it("takes files beside the configuration", () => {
    expect(settingsOf({ trackerConfig: "iou.yml" }).deepstream?.tracker?.config).toBe("/etc/nightjar/iou.yml");
  });

  it("is the module when that is asked for", () => {
    const { deepstream, analytics } = settingsOf({ tracker: "module" });
    expect(deepstream?.tracker).toBeNull();
    expect(analytics.map(({ name }) => name)).toEqual(["tracker"]);
  });

  it("is none when nothing is to be tracked", () => {
    expect(settingsOf({}, { tracking: { enabled: false } }).deepstream?.tracker).toBeNull();
  });

  it("asks for no tracker bundle that it has no use for", () => {
    const config = configOf({}, { tracking: { bundle: "not-installed" } });
    expect(findBundles(config).tracker).toBeUndefined();
  });

  it("refuses a size that nvtracker would", () => {
    expect(() => configOf({ trackerWidth: 950 })).toThrow(/trackerWidth.*multiple of 32/);
  });
});

it("the choice of the muxer goes into the environment, whatever stands there already", () => {
  const before = process.env["USE_NEW_NVSTREAMMUX"];
  process.env["USE_NEW_NVSTREAMMUX"] = "yes";
  try {
    const { env } = pipelineSpec(configOf({ muxer: "legacy" }), CHILD_MODULES, () => Promise.reject(new Error()));
    expect(env["USE_NEW_NVSTREAMMUX"]).toBe("no");
  } finally {
    if (before === undefined) delete process.env["USE_NEW_NVSTREAMMUX"];
    else process.env["USE_NEW_NVSTREAMMUX"] = before;
  }
});
