/** The pipeline without its postprocess process: frames go on, and everybody is told. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { mediaFolder } from "../../support/media.ts";
import { camera, PipelineProcess, pipelineSettings, testPattern } from "../../support/pipeline-process.ts";
import { waitUntil } from "../../support/wait.ts";

let pipeline: PipelineProcess | null = null;

afterEach(async () => {
  await pipeline?.stop();
  pipeline = null;
});

it("a camera is hung while nothing is inferred, its frames pass all the same, and thresholds can be changed", async () => {
  const bundle = mediaFolder();
  writeFileSync(join(bundle, "bundle.yaml"), "name: absent\n");
  const infer = {
    bundle,
    uniqueId: 1,
    hostSocket: join(bundle, "nobody.sock"),
    interval: 0,
    deadlineMs: 100,
    confidenceThreshold: 0.25,
  };
  const running = await PipelineProcess.start(
    pipelineSettings([camera("gate", 0, testPattern())], { infer, payloadFd: 4 }),
  );
  pipeline = running;
  running.pipe(4).resume();
  const statistic = (element: string, key: string): number => Number(running.statuses.at(-1)?.elements[element]?.[key]);
  const hung = await running.state("gate", "hung", 8000);
  expect(hung).toMatchObject({ lastInferredAt: null, inferred: 0, problem: null, tries: 1 });
  expect(running.logs.map(({ level, message }) => `${level} ${message}`)).toContainEqual(
    expect.stringMatching(/^warn infer: postprocess host lost/),
  );
  await waitUntil("frames without results", () => statistic("infer", "failed") > 0);
  await waitUntil("messages of these frames", () => statistic("payloads", "written") > 0);

  await running.request({
    type: "setParameters",
    step: "infer",
    change: { confidenceThreshold: 0.5, parameters: { x: 1 } },
  });
  await expect(running.request({ type: "setParameters", step: "tracker", change: {} })).rejects.toThrow(
    'no step "tracker"; there is infer',
  );
});
