/** RTSP cameras that fail in the ways that cameras do, against a real server. */
import { afterEach, describe, expect, it } from "vitest";
import type { CameraSettings, RtspSource } from "../../../services/pipeline/messages.ts";
import { camera, PipelineProcess, pipelineSettings, testPattern } from "../../support/pipeline-process.ts";
import { RtspServer, type RtspServerOptions } from "../../support/rtsp-server.ts";

const servers: RtspServer[] = [];
const pipelines: PipelineProcess[] = [];

afterEach(async () => {
  await Promise.all(pipelines.splice(0).map((pipeline) => pipeline.stop()));
  await Promise.all(servers.splice(0).map((server) => server.kill()));
});

async function serve(options: RtspServerOptions = {}): Promise<RtspServer> {
  const server = await RtspServer.start(options);
  servers.push(server);
  return server;
}

async function run(...cameras: CameraSettings[]): Promise<PipelineProcess> {
  const pipeline = await PipelineProcess.start(pipelineSettings(cameras));
  pipelines.push(pipeline);
  return pipeline;
}

const rtsp = (uri: string, changes: Partial<RtspSource> = {}): RtspSource => ({
  kind: "rtsp",
  uri,
  transport: "tcp",
  latencyMs: 50,
  dropOnLatency: true,
  timeoutMs: 1000,
  ...changes,
});

const neighbour = camera("neighbour", 9, testPattern());

describe("an RTSP camera", () => {
  it.each(["tcp", "udp", "auto"] as const)(
    "plays with transport %s, and its times and counts move",
    async (transport) => {
      const server = await serve();
      const pipeline = await run(camera("gate", 0, rtsp(server.uri, { transport })));
      await pipeline.frames("gate", 10);
      const status = pipeline.camera("gate")!;
      expect(status).toMatchObject({ state: "playing", problem: null, tries: 1, video: { width: 160, height: 120 } });
      expect(status.packets).toBeGreaterThan(status.decoded);
      expect(Date.now() - status.lastPacketAt!).toBeLessThan(1500);
    },
  );

  it("finds the other transport by itself when its server refuses the first", async () => {
    const server = await serve({ udpOnly: true });
    const pipeline = await run(camera("gate", 0, rtsp(server.uri, { transport: "auto" }), { startTimeoutMs: 1500 }));
    expect((await pipeline.state("gate", "playing")).tries).toBe(2);
  });

  it("is starved when its server freezes, and plays again soon after it thaws", async () => {
    const server = await serve();
    const pipeline = await run(camera("gate", 0, rtsp(server.uri)), neighbour);
    await pipeline.frames("gate", 5);
    server.freeze();
    await pipeline.state("gate", "starved", 1500);
    const failed = await pipeline.state("gate", "failed", 2000);
    expect(failed.problem).toMatchObject({ kind: "silent" });
    server.thaw();
    await pipeline.state("gate", "playing", 2500);
    await pipeline.frames("gate", 5);
    expect(pipeline.states.get("neighbour")).toEqual(["playing"]);
  });

  it("comes back when its server was restarted, with another picture size", async () => {
    const server = await serve();
    const pipeline = await run(camera("gate", 0, rtsp(server.uri)), neighbour);
    await pipeline.frames("gate", 5);
    await server.kill();
    const failed = await pipeline.state("gate", "failed", 2000);
    expect(failed.retryAt).toBeGreaterThan(Date.now() - 1000);
    servers.push(await server.restart({ width: 320, height: 240 }));
    await pipeline.cameraIs(
      "gate",
      "the new size",
      ({ state, video }) => state === "playing" && video?.width === 320,
      2500,
    );
    await pipeline.frames("gate", 5);
    expect(pipeline.states.get("neighbour")).toEqual(["playing"]);
  });

  it("waits for a server that is not there yet", async () => {
    const first = await serve();
    await first.kill();
    const pipeline = await run(camera("gate", 0, rtsp(first.uri)));
    const failed = await pipeline.state("gate", "failed");
    expect(failed.problem).toMatchObject({ kind: "unreachable" });
    expect(failed.problem!.message).toContain(
      `camera "gate" (${first.uri}): the server cannot be reached; expected an RTSP server`,
    );
    servers.push(await first.restart());
    await pipeline.state("gate", "playing", 2500);
  });

  it("plays with the right password, and says so when it is wrong, without showing it", async () => {
    const server = await serve({ login: { user: "admin", password: "p@ss" } });
    const pipeline = await run(
      camera("right", 0, rtsp(server.uri, { username: "admin", password: "p@ss" })),
      camera("right-in-uri", 1, rtsp(server.uri.replace("//", "//admin:p%40ss@"))),
      camera("wrong", 2, rtsp(server.uri, { username: "admin", password: "hunter2" })),
      camera("none", 3, rtsp(server.uri)),
    );
    await pipeline.state("right", "playing");
    await pipeline.state("right-in-uri", "playing");
    const wrong = await pipeline.state("wrong", "failed");
    expect(wrong.problem).toMatchObject({
      kind: "unauthorized",
      message: expect.stringContaining("Check username and password"),
    });
    expect((await pipeline.state("none", "failed")).problem).toMatchObject({ kind: "unauthorized" });
    expect(JSON.stringify([pipeline.logs, pipeline.statuses, pipeline.output])).not.toMatch(/hunter2|p@ss|p%40ss/);
  });

  it("names an unknown path and an unknown host", async () => {
    const server = await serve();
    const pipeline = await run(
      camera("path", 0, rtsp(`${server.uri}/nowhere`)),
      camera("host", 1, rtsp("rtsp://no-such-host.invalid/stream")),
    );
    expect((await pipeline.state("path", "failed")).problem).toMatchObject({ kind: "missing" });
    expect((await pipeline.state("host", "failed")).problem).toMatchObject({ kind: "unreachable" });
  });

  it("that sends sound only is told from one that sends nothing", async () => {
    const server = await serve({ launch: "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0" });
    const pipeline = await run(camera("gate", 0, rtsp(server.uri), { startTimeoutMs: 1000 }));
    const { problem } = await pipeline.state("gate", "failed");
    expect(problem!.message).toMatch(/no video|expected a video stream|sent no video/);
  });

  it("tells the latency of the pipeline with it", async () => {
    const server = await serve();
    const pipeline = await run(camera("gate", 0, rtsp(server.uri, { latencyMs: 80 })));
    await pipeline.frames("gate", 10);
    expect(pipeline.statuses.at(-1)!.totals.latencyMs).toBeGreaterThanOrEqual(80);
  });
});
