/** The pipeline without its postprocess process: frames go on, and everybody is told. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { exitCodes } from "../../../services/pipeline/messages.ts";
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
  await waitUntil(
    "a warning",
    () => running.logs.some(({ level, message }) => level === "warn" && /^infer: no postprocess host \(/.test(message)),
    8000,
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

it("a bundle that is refused while the cameras play ends the process: it is the fault of who gave it", async () => {
  const bundle = mediaFolder();
  writeFileSync(join(bundle, "bundle.yaml"), "name: refused\n");
  const hostSocket = join(bundle, "host.sock");
  const infer = { bundle, uniqueId: 1, hostSocket, interval: 0, deadlineMs: 100, confidenceThreshold: 0.25 };
  const running = await PipelineProcess.start(pipelineSettings([camera("gate", 0, testPattern())], { infer }));
  pipeline = running;
  await waitUntil("frames without results", () => Number(running.statuses.at(-1)?.elements["infer"]?.["failed"]) > 0);
  const host = createServer((element) => {
    element.on("error", () => {});
    element.write(
      `${JSON.stringify({ type: "refused", code: "model", key: "model.file", message: "the model is cut off" })}\n`,
    );
  });
  try {
    host.listen(hostSocket);
    await waitUntil(
      "the end",
      () => running.fatal,
      8000,
      () => JSON.stringify(running.logs),
    );
    expect(running.fatal).toMatchObject({ fault: "input", lasting: true, exitCode: exitCodes.input });
    expect(running.fatal?.message).toBe("infer: model.file: the model is cut off");
  } finally {
    host.close();
  }
});
