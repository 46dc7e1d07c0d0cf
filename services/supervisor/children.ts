/** The two child processes: how they are started and what their messages mean. */
import { join } from "node:path";
import { INSTALLATION } from "../config/directories.ts";
import type { Config } from "../config/load.ts";
import { deepStreamEnvironment } from "../pipeline/deepstream-environment.ts";
import { exitCodes, type FromPipeline, type ToPipeline } from "../pipeline/messages.ts";
import type { FromPostprocess, ToPostprocess } from "../postprocess/messages.ts";
import type { FatalReason, ProcessSpec } from "./managed-process.ts";

/** Where the programs of the children are; a test puts its own there. */
export interface ChildModules {
  readonly pipeline: string;
  readonly postprocess: string;
}

export const CHILD_MODULES: ChildModules = {
  pipeline: join(import.meta.dirname, "../pipeline/main.ts"),
  postprocess: join(import.meta.dirname, "../postprocess/main.ts"),
};

/** Tensors come and go as blocks of megabytes: glibc would map and unmap each one. bin/nightjar-host sets the same. */
const POSTPROCESS_MALLOC = {
  MALLOC_MMAP_THRESHOLD_: "67108864",
  MALLOC_TRIM_THRESHOLD_: "536870912",
  MALLOC_TOP_PAD_: "16777216",
};

const POSTPROCESS_SILENCE_MS = 3000;

export function pipelineSpec(
  config: Config,
  modules: ChildModules,
  greeting: () => Promise<ToPipeline>,
): ProcessSpec<FromPipeline> {
  return {
    ...limits(config),
    name: "pipeline",
    module: modules.pipeline,
    args: [],
    execArgv: ["--expose-gc"],
    // One heap for each streaming thread would keep what threads of removed cameras have freed.
    env: {
      MALLOC_ARENA_MAX: "2",
      ...process.env,
      ...deepStreamEnvironment(config.pipeline.deepstream),
      GST_PLUGIN_PATH: pluginPath(process.env.GST_PLUGIN_PATH),
    },
    pipes: 2,
    greeting,
    farewell: { type: "stop" } satisfies ToPipeline,
    meaning: (message) => ({
      ready: message.type === "ready",
      ...(message.type === "fatal" ? { fatal: message } : {}),
    }),
  };
}

/** @param assignment the bundles that elements get; the process waits for it before elements may connect */
export function postprocessSpec(
  config: Config,
  modules: ChildModules,
  socket: string,
  assignment: () => ToPostprocess,
): ProcessSpec<FromPostprocess> {
  const threads = config.inference.threads === 0 ? [] : ["--threads", String(config.inference.threads)];
  const base = limits(config);
  return {
    ...base,
    // Frames pass without objects while it hangs, and are to have them again within two seconds where that can be.
    hangTimeoutMs: Math.min(base.hangTimeoutMs, POSTPROCESS_SILENCE_MS),
    name: "postprocess",
    module: modules.postprocess,
    args: ["--socket", socket, "--managed", "--log-level", config.log.level, ...threads],
    // Not V8's limits on modules: on the command line they slow the start by seconds. postprocess/v8_limits.ts sets them.
    // A small young generation (MiB): the main thread makes little garbage, and none for each frame.
    execArgv: ["--max-semi-space-size=1"],
    // Each module has a thread of its own, and each thread reads our TypeScript: from the cache in half of the time.
    env: {
      ...POSTPROCESS_MALLOC,
      NODE_COMPILE_CACHE: join(config.directories.runtime, "compile-cache"),
      ...process.env,
    },
    pipes: 0,
    greeting: async () => assignment(),
    farewell: { type: "stop" } satisfies ToPostprocess,
    meaning: (message) => ({
      ready: message.type === "ready",
      ...(message.type === "fatal" ? { fatal: { fault: faultOf(message.exitCode), message: message.message } } : {}),
    }),
  };
}

/** Both children use the same exit codes. */
function faultOf(exitCode: number): FatalReason["fault"] {
  if (exitCode === exitCodes.input) return "input";
  return exitCode === exitCodes.environment ? "environment" : "internal";
}

function limits({ pipeline }: Config) {
  const { startTimeout, hangTimeout, stopTimeout, restart } = pipeline;
  return { startTimeoutMs: startTimeout, hangTimeoutMs: hangTimeout, stopTimeoutMs: stopTimeout, restart };
}

/** A path that was given goes first: somebody wants to try another build. */
function pluginPath(given: string | undefined): string {
  const own = join(INSTALLATION, "build", "firmware", "plugin");
  return given === undefined || given === "" ? own : `${given}:${own}`;
}
