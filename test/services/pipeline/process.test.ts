/** The process itself: commands, ends and exit codes. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { type CameraSettings, exitCodes } from "../../../services/pipeline/messages.ts";
import { mediaFolder } from "../../support/media.ts";
import { camera, PipelineProcess, pipelineSettings, testPattern } from "../../support/pipeline-process.ts";
import { waitUntil } from "../../support/wait.ts";

let pipeline: PipelineProcess | null = null;

afterEach(async () => {
  await pipeline?.stop();
  pipeline = null;
});

async function run(...cameras: CameraSettings[]): Promise<PipelineProcess> {
  pipeline = await PipelineProcess.start(pipelineSettings(cameras));
  return pipeline;
}

const gate = camera("gate", 0, testPattern());

const exitOf = async ({ child }: PipelineProcess): Promise<unknown[]> =>
  child.exitCode !== null || child.signalCode !== null ? [child.exitCode, child.signalCode] : once(child, "exit");

describe("the pipeline process", () => {
  it("is ready with no camera at all, and sends a heartbeat every second", async () => {
    const running = await run();
    await waitUntil("ready", () => running.ready);
    await waitUntil("two heartbeats", () => running.statuses.length >= 2);
    const [first, second] = running.statuses;
    expect(second!.at - first!.at).toBeGreaterThan(900);
    expect(second!.totals.residentBytes).toBeGreaterThan(10e6);
    expect(running.output.join("")).toBe("");
  });

  it("ends with code 0 when asked to", async () => {
    const running = await run(gate);
    await running.frames("gate", 3);
    expect(await running.stop()).toBe(0);
    expect(running.output.join("")).toBe("");
  });

  it("ends with code 0 at SIGTERM, and outlives the Ctrl-C of its group", async () => {
    const running = await run(gate);
    await running.frames("gate", 3);
    running.child.kill("SIGINT");
    await running.frames("gate", 3);
    running.child.kill("SIGTERM");
    expect(await exitOf(running)).toEqual([0, null]);
  });

  it("ends when its supervisor is gone", async () => {
    const running = await run(gate);
    await running.frames("gate", 3);
    running.child.disconnect();
    expect(await exitOf(running)).toEqual([0, null]);
  });

  it("leaves no zombie and no child when it is killed", async () => {
    const running = await run(gate);
    await running.frames("gate", 3);
    expect(readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, "utf8")).toBe("");
    running.child.kill("SIGKILL");
    expect(await exitOf(running)).toEqual([null, "SIGKILL"]);
    expect(() => readFileSync(`/proc/${running.pid}/status`)).toThrow();
  });

  it("refuses commands that make no sense, says why, and goes on", async () => {
    const running = await run(gate);
    const refused = async (command: Parameters<PipelineProcess["request"]>[0]): Promise<string> =>
      running.request(command).then(
        () => "accepted",
        (error: Error) => error.message,
      );
    expect(await refused({ type: "addCamera", camera: gate })).toBe('camera "gate" exists already');
    expect(await refused({ type: "addCamera", camera: camera("yard", 0, testPattern()) })).toBe(
      'sourceId 0 belongs to camera "gate"',
    );
    expect(await refused({ type: "removeCamera", camera: "yard" })).toBe('no camera "yard"; there is gate');
    expect(await refused({ type: "watch", camera: "gate", on: true })).toBe(
      "this pipeline makes no pictures: pictureFd is null",
    );
    expect(await refused({ type: "setParameters", step: "infer", change: { interval: 2 } })).toBe(
      'no step "infer"; there is none',
    );
    expect(await refused({ type: "start", settings: pipelineSettings([]) })).toBe("the pipeline is started already");
    await running.frames("gate", 3);
  });

  it("refuses a camera whose settings are impossible, and goes on with the others", async () => {
    const bad = { pattern: { pattern: "nonsense" }, width: { width: 0 } };
    const running = await run(
      gate,
      ...Object.entries(bad).map(([id, changes], index) => camera(id, 1 + index, testPattern(changes))),
    );
    const pattern = await running.state("pattern", "failed");
    expect(pattern.problem!.message).toContain(
      'could not set property "pattern" in element "videotestsrc" to "nonsense"',
    );
    expect(pattern.retryAt).toBeNull();
    expect((await running.state("width", "failed")).problem!.message).toContain("no common format");
    await running.frames("gate", 3);
  });

  it("refuses everything before it was started", async () => {
    pipeline = new PipelineProcess();
    await expect(pipeline.request({ type: "removeCamera", camera: "gate" })).rejects.toThrow(
      "the pipeline is not started",
    );
  });
});

describe("it ends with a reason and the code of whose fault it was", () => {
  it("when the profile is unknown", async () => {
    pipeline = new PipelineProcess();
    pipeline.send({ type: "start", settings: pipelineSettings([], { profile: "abacus" }) });
    expect(await exitOf(pipeline)).toEqual([exitCodes.input, null]);
    expect(pipeline.fatal).toMatchObject({
      fault: "input",
      message: 'profile "abacus" is not known; expected portable, cuda, deepstream',
    });
  });

  it("when the plugin is not installed", async () => {
    pipeline = new PipelineProcess({
      GST_PLUGIN_PATH: "/nonexistent",
      GST_REGISTRY: `${mediaFolder()}/registry.bin`,
    });
    pipeline.send({ type: "start", settings: pipelineSettings([]) });
    expect(await exitOf(pipeline)).toEqual([exitCodes.environment, null]);
    expect(pipeline.fatal!.message).toContain('"njprobe"');
    expect(pipeline.fatal!.message).toContain(
      'are not installed, which profile "portable" needs; expected in GST_PLUGIN_PATH',
    );
  });

  it("when DeepStream is not installed, with every element that is missing", async () => {
    pipeline = new PipelineProcess();
    const deepstream = { muxer: "legacy", gpu: 0, tracker: null } as const;
    pipeline.send({ type: "start", settings: { ...pipelineSettings([]), profile: "deepstream", deepstream } });
    expect(await exitOf(pipeline)).toEqual([exitCodes.environment, null]);
    for (const element of ["nvstreammux", "nvmsgconv", "nvstreamdemux", "nvurisrcbin"])
      expect(pipeline.fatal!.message).toContain(`"${element}"`);
    expect(pipeline.fatal!.message).toContain("docs/jetson.md");
  });

  it("when the bundle is not there", async () => {
    pipeline = new PipelineProcess();
    const infer = {
      bundle: "/nonexistent",
      uniqueId: 1,
      hostSocket: "/nonexistent.sock",
      interval: 0,
      deadlineMs: 100,
    };
    pipeline.send({ type: "start", settings: pipelineSettings([], { infer }) });
    expect(await exitOf(pipeline)).toEqual([exitCodes.input, null]);
    expect(pipeline.fatal!.message).toContain("/nonexistent");
  });
});
