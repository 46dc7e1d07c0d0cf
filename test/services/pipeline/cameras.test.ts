/** Cameras that come and go while the others play. */
import { afterEach, describe, expect, it } from "vitest";
import type { SourceSettings } from "../../../services/pipeline/messages.ts";
import { makeClip, mediaFolder } from "../../support/media.ts";
import { camera, PipelineProcess, pipelineSettings, testPattern } from "../../support/pipeline-process.ts";
import { RtspServer } from "../../support/rtsp-server.ts";
import { waitUntil } from "../../support/wait.ts";

/** NIGHTJAR_LEAK_CYCLES=200 is the long run. */
const cycles = Number(process.env["NIGHTJAR_LEAK_CYCLES"] ?? 12);
const warmUpCycles = Math.max(4, Math.floor(cycles / 4));
/** What a heap may grow by its fragments; a leak of one source bin is more than this in the long run. */
const allowedGrowth = 12e6;

let pipeline: PipelineProcess | null = null;
let server: RtspServer | null = null;

afterEach(async () => {
  await pipeline?.stop();
  await server?.kill();
  pipeline = null;
  server = null;
});

async function run(): Promise<PipelineProcess> {
  pipeline = await PipelineProcess.start(
    pipelineSettings([camera("stays", 0, testPattern())], { payloadFd: 4, pictureFd: 5 }),
  );
  pipeline.pipe(4).resume();
  pipeline.pipe(5).resume();
  await pipeline.state("stays", "playing");
  return pipeline;
}

async function comeAndGo(running: PipelineProcess, index: number, source: SourceSettings): Promise<void> {
  const id = `visitor-${index}`;
  await running.request({ type: "addCamera", camera: camera(id, 1 + (index % 3), source) });
  await running.state(id, "playing");
  await running.request({ type: "watch", camera: id, on: true });
  await running.request({ type: "removeCamera", camera: id });
}

describe("cameras come and go", () => {
  it("while another one plays on", async () => {
    const running = await run();
    await running.request({ type: "addCamera", camera: camera("visitor", 1, testPattern()) });
    await running.frames("visitor", 5);
    await running.request({ type: "removeCamera", camera: "visitor" });
    await waitUntil("a heartbeat without it", () => running.statuses.at(-1)?.cameras.length === 1);
    await running.request({
      type: "addCamera",
      camera: camera("another", 1, testPattern({ width: 320, height: 240 })),
    });
    await running.frames("another", 5);
    expect(running.states.get("stays")).toEqual(["playing"]);
  });

  const sources: [string, () => Promise<SourceSettings>][] = [
    ["test patterns", async () => testPattern()],
    ["files", async () => ({ kind: "file", uri: makeClip(`${mediaFolder()}/clip.mp4`), loop: true, realtime: true })],
    [
      "RTSP cameras",
      async () => {
        server = await RtspServer.start();
        return { kind: "rtsp", uri: server.uri, transport: "tcp", latencyMs: 20, dropOnLatency: true, timeoutMs: 1000 };
      },
    ],
  ];

  it.each(sources)(
    "many times over, and memory, threads and files stay level: %s",
    async (_title, makeSource) => {
      const source = await makeSource();
      const running = await run();
      for (let index = 0; index < warmUpCycles; index++) await comeAndGo(running, index, source);
      const settled = await settle(running);
      for (let index = warmUpCycles; index < cycles; index++) await comeAndGo(running, index, source);
      const after = await settle(running);
      expect(after.threads).toBeLessThanOrEqual(settled.threads);
      expect(after.files).toBeLessThanOrEqual(settled.files);
      expect(after.resident - settled.resident).toBeLessThan(allowedGrowth);
      expect(running.states.get("stays")).toEqual(["playing"]);
    },
    30_000 + cycles * 1000,
  );
});

/** After the garbage collection that follows a removal, and when the idle threads of GLib's pool have had time to end. */
async function settle(running: PipelineProcess): Promise<ReturnType<PipelineProcess["resources"]>> {
  const heartbeats = running.statuses.length;
  await waitUntil("two heartbeats", () => running.statuses.length >= heartbeats + 2);
  return running.resources();
}
