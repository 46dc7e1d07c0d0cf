/** NVIDIA DeepStream, for configurations that ask for its profile. */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { deepstreamDefaults } from "../../config/deepstream.ts";
import type { Config } from "../../config/load.ts";
import { deepStreamEnvironment } from "../../pipeline/deepstream-environment.ts";
import { factoriesOf, planGraph } from "../../pipeline/graph-plan.ts";
import type { PipelineSettings } from "../../pipeline/messages.ts";
import { profileOf } from "../../pipeline/profiles.ts";
import { type CheckGroup, type Finding, missing, ok, warning } from "./check.ts";
import { absentOf, GSTREAMER_ENV } from "./gstreamer.ts";
import { output } from "./program.ts";

const INSTALLED = "/opt/nvidia/deepstream/deepstream";
const REINSTALL = `install DeepStream (docs/jetson.md), then delete ~/.cache/gstreamer-1.0`;

/** The oldest release that this plugin's metadata code was written for. */
const OLDEST = [7, 1] as const;

/** `places`: where things are looked for; tests have their own. */
export function deepstream(
  config: Config,
  places = { installed: INSTALLED, tegra: "/etc/nv_tegra_release" },
): CheckGroup {
  return {
    title: "DeepStream",
    run: async () => {
      const env = { ...GSTREAMER_ENV, ...deepStreamEnvironment(config.pipeline.deepstream) };
      return [
        versionFinding(places.installed),
        boardFinding(places.tegra),
        await elementsFinding(config, env),
        await supportFinding(env),
        ...trackerFindings(config),
      ];
    },
  };
}

function textOf(file: string): string | null {
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}

function versionFinding(installed: string): Finding {
  const text = textOf(`${installed}/version`);
  const version = /(\d+)\.(\d+)/.exec(text ?? "");
  if (version === null) return missing("version", `no ${installed}/version`, REINSTALL);
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const enough = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  return enough
    ? ok("version", version[0])
    : missing("version", version[0], `${OLDEST.join(".")} or newer is needed: see the versions in docs/jetson.md`);
}

/** JetPack says its release on the board itself; a PC with a GPU has no such file. */
function boardFinding(tegra: string): Finding {
  const release = /R(\d+).*?REVISION: ([\d.]+)/.exec(textOf(tegra) ?? "");
  return ok("machine", release === null ? "no Jetson" : `Jetson Linux ${release[1]}.${release[2]}`);
}

/** All that the graph of this configuration is made of. */
async function elementsFinding(config: Config, env: NodeJS.ProcessEnv): Promise<Finding> {
  const factories = factoriesOf(planGraph(profileOf(exampleSettings(config))!, exampleSettings(config)));
  const theirs = factories.filter((factory) => factory.startsWith("nv"));
  const absent = await absentOf(theirs, env);
  if (absent.length === 0) return ok("elements", theirs.join(", "));
  return missing("elements", `no ${absent.join(", ")}`, `${REINSTALL}; look at: gst-inspect-1.0 ${absent[0]}`);
}

/** Only what decides which elements there are. */
function exampleSettings(config: Config): PipelineSettings {
  const { muxer, gpu, tracker } = config.pipeline.deepstream;
  const nvtracker = config.tracking.enabled && tracker === "nvtracker";
  const { messages } = config;
  return {
    profile: "deepstream",
    deepstream: { muxer, gpu, tracker: nvtracker ? { library: "", config: "", width: 0, height: 0 } : null },
    cameras: [],
    batch: { size: 1, timeoutUs: 0, width: 0, height: 0 },
    infer: null,
    analytics: [],
    messages: {
      payload: messages.format,
      extensions: messages.extensions,
      events: messages.events,
      frameInterval: messages.frameInterval,
      componentId: 0,
      configFile: "",
    },
    pictures: { width: 0, maxFps: 1, quality: 1 },
    payloadFd: 0,
    pictureFd: 0,
  };
}

/** A plugin that was built without DeepStream's headers takes no NVMM. */
async function supportFinding(env: NodeJS.ProcessEnv): Promise<Finding> {
  const { ok: found, stdout } = await output("gst-inspect-1.0", ["njinfer"], env);
  const name = "Nightjar's plugin with DeepStream";
  if (found && stdout.includes("memory:NVMM")) return ok(name, "njinfer takes memory:NVMM");
  return missing(
    name,
    found ? "it was built without DeepStream's headers" : "there is no njinfer",
    `build it where DeepStream is installed: rm -r build/firmware && make build`,
  );
}

function trackerFindings(config: Config): Finding[] {
  const { tracker, trackerLibrary, trackerConfig } = config.pipeline.deepstream;
  if (!config.tracking.enabled || tracker !== "nvtracker") return [];
  return [
    fileFinding("trackerLibrary", trackerLibrary ?? deepstreamDefaults.trackerLibrary, missing),
    // nvtracker has settings of its own to fall back on.
    fileFinding("trackerConfig", trackerConfig ?? deepstreamDefaults.trackerConfig, warning),
  ];
}

function fileFinding(key: string, file: string, fault: typeof missing): Finding {
  const name = `pipeline.deepstream.${key}`;
  if (existsSync(file)) return ok(name, file);
  return fault(name, `there is no ${file}`, `look in ${dirname(file)}, or set the key; tracker: module needs neither`);
}
