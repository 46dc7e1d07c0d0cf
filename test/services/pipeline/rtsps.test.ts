/** Cameras that encrypt, with certificates that nobody but their owner has signed: those of nearly all cameras. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RtspSource } from "../../../services/pipeline/messages.ts";
import { camera, PipelineProcess, pipelineSettings } from "../../support/pipeline-process.ts";
import { RtspServer } from "../../support/rtsp-server.ts";

const folder = mkdtempSync(join(tmpdir(), "nightjar-tls-"));
const certificate = join(folder, "camera.pem");
const key = join(folder, "camera.key");
let server: RtspServer;
let pipeline: PipelineProcess;

const secure = (tls?: RtspSource["tls"]): RtspSource => ({
  kind: "rtsp",
  uri: server.uri,
  transport: "tcp",
  latencyMs: 50,
  dropOnLatency: true,
  timeoutMs: 1000,
  ...(tls === undefined ? {} : { tls }),
});

beforeAll(async () => {
  const subject = ["-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"];
  const files = ["-keyout", key, "-out", certificate];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...subject, ...files], { stdio: "ignore" });
  server = await RtspServer.start({ tls: { certificate, key } });
  pipeline = await PipelineProcess.start(
    pipelineSettings([
      camera("stranger", 0, secure()),
      camera("trusted", 1, secure({ ca: certificate, verify: true })),
      camera("trusting", 2, secure({ verify: false })),
      camera("mistaken", 3, secure({ ca: key, verify: true })),
      camera("forgotten", 4, secure({ ca: join(folder, "none.pem"), verify: true })),
    ]),
  );
});

afterAll(async () => {
  await pipeline?.stop();
  await server?.kill();
  rmSync(folder, { recursive: true, force: true });
});

it.each(["trusted", "trusting"])("a camera that is %s plays", async (id) => {
  await pipeline.frames(id, 5);
});

it("one whose certificate is not trusted says what to do", async () => {
  const { problem } = await pipeline.state("stranger", "failed");
  expect(problem?.message).toContain("name it or its authority in source.tls.ca");
});

it.each(["mistaken", "forgotten"])("a file of certificates that is %s is named", async (id) => {
  const { problem } = await pipeline.state(id, "failed");
  expect(problem?.message).toContain(id === "forgotten" ? "none.pem" : "camera.key");
  expect(problem?.message).toContain("expected a PEM file");
});
