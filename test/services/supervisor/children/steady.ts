/**
 * A small pipeline process without video: speaks the messages of services/pipeline/messages.ts and writes payload records, so that
 * the supervisor's side is tested with a real process, real IPC and real pipes.
 */
import { createWriteStream } from "node:fs";
import type { CameraSettings, CameraStatus, FromPipeline, ToPipeline } from "../../../../services/pipeline/messages.ts";
import { encodeRecord, KIND } from "../../../../services/publisher/record.ts";

const BEAT_MS = 50;

const payloads = createWriteStream("", { fd: 4 });
const pictures = createWriteStream("", { fd: 5 });
const cameras = new Map<string, CameraSettings>();
const watched = new Set<string>();
let frame = 0;
let sequence = 0n;
let pictureSequence = 0n;

const say = (message: FromPipeline) => process.send?.(message);

process.on("disconnect", () => process.exit(0));
process.on("message", (message: ToPipeline) => {
  switch (message.type) {
    case "start":
      for (const camera of message.settings.cameras) cameras.set(camera.id, camera);
      say({ type: "ready", gstreamer: "GStreamer 1.22.0", profile: message.settings.profile, pid: process.pid });
      setInterval(beat, BEAT_MS);
      return;
    case "addCamera":
      if (message.camera.id === "refused") return reply(message.request, "the pipeline does not like this camera");
      cameras.set(message.camera.id, message.camera);
      return reply(message.request);
    case "removeCamera":
      cameras.delete(message.camera);
      return reply(message.request);
    case "watch":
      if (message.on) watched.add(message.camera);
      else watched.delete(message.camera);
      return;
    case "stop":
      process.exit(0);
  }
});

function reply(request: number | undefined, error?: string): void {
  if (request !== undefined)
    say({ type: "reply", request, ok: error === undefined, ...(error === undefined ? {} : { error }) });
}

function beat(): void {
  frame += 1;
  const totals = { uptimeMs: 0, decoded: 0, inferred: 0, dropped: 0, residentBytes: 0, cpuUs: 0, latencyMs: 0 };
  say({ type: "status", at: Date.now(), cameras: [...cameras.values()].map(statusOf), totals, elements: {} });
  for (const { sourceId } of cameras.values()) {
    const document = { version: "4.0", id: String(frame), objects: [`${frame}|1|2|3|4|car`, "7|1|2|3|4|person"] };
    const captureNs = BigInt(Date.now() - 20) * 1_000_000n;
    const payload = Buffer.from(JSON.stringify(document));
    payloads.write(
      encodeRecord({ kind: KIND.objects, sourceId, frameNumber: frame, captureNs, sequence: sequence++, payload }),
    );
  }
  for (const { id, sourceId } of cameras.values()) {
    if (!id.startsWith("eventful") || frame % 10 !== 0) continue;
    const payload = Buffer.from(JSON.stringify({ version: "1.0", type: "line-crossing", value: frame }));
    payloads.write(encodeRecord({ kind: KIND.event, sourceId, frameNumber: frame, sequence: sequence++, payload }));
  }
  for (const id of watched) {
    const sourceId = cameras.get(id)?.sourceId;
    const payload = Buffer.from(`picture ${frame}`);
    if (sourceId !== undefined)
      pictures.write(encodeRecord({ kind: KIND.media, sourceId, sequence: pictureSequence++, payload }));
  }
}

function statusOf({ id, sourceId }: CameraSettings): CameraStatus {
  const now = Date.now();
  const broken = id.startsWith("broken");
  return {
    camera: id,
    sourceId,
    state: broken ? "failed" : "playing",
    since: now,
    problem: broken ? { kind: "unreachable", message: "nobody answers", at: now } : null,
    retryAt: null,
    tries: 1,
    watched: watched.has(id),
    video: { width: 1280, height: 720, format: "NV12" },
    lastPacketAt: broken ? null : now,
    lastDecodedAt: broken ? null : now,
    lastInferredAt: broken ? null : now,
    packets: frame,
    bytes: frame,
    decoded: broken ? 0 : frame,
    inferred: broken ? 0 : frame,
    dropped: 0,
    damaged: 0,
    decodedFps: 20,
    inferredFps: 20,
  };
}
