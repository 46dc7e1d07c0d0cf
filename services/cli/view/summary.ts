/** What a run did, for its end and for the plain view. */
import type { CameraView, Status } from "../../supervisor/status.ts";
import { table } from "../table.ts";
import { clock, count, milliseconds } from "./format.ts";

/** Cameras that were to play and never did. */
export function neverPlayed({ cameras }: Status): CameraView[] {
  return cameras.filter((camera) => camera.state !== "disabled" && !camera.everPlayed);
}

/** The end of a run in a few lines. */
export function summaryText(status: Status): string {
  const { totals, broker, cameras } = status;
  const { p50, p95, p99 } = totals.latency;
  const lines = [
    `ran ${clock(status.uptimeMs)}: ${count(totals.frames)} frames, ${count(totals.objects)} objects, ${count(totals.events)} events`,
    `${count(broker.published)} messages published, ${count(broker.acknowledged)} acknowledged, ${count(broker.dropped + totals.droppedRecords)} dropped (${broker.url})`,
    `capture to publish: p50 ${milliseconds(p50)} ms, p95 ${milliseconds(p95)} ms, p99 ${milliseconds(p99)} ms`,
  ];
  if (cameras.length > 0) lines.push("", cameraTable(status));
  for (const camera of neverPlayed(status))
    lines.push(`camera ${camera.id} never played: ${camera.reason || camera.state}`);
  return lines.join("\n");
}

function cameraTable({ cameras, startedAt, uptimeMs }: Status): string {
  const rows = cameras.map((camera) => [
    camera.id,
    camera.state,
    count(camera.frames),
    averageFps(camera, startedAt + uptimeMs),
    count(camera.objectsTotal),
    count(camera.ids),
    count(camera.events),
    count(camera.messages),
    milliseconds(camera.latency.p50),
    milliseconds(camera.latency.p99),
  ]);
  return table(["CAMERA", "STATE", "FRAMES", "FPS", "OBJECTS", "IDS", "EVENTS", "MESSAGES", "p50 ms", "p99 ms"], rows);
}

/** Since the first frame: what came before was starting. */
function averageFps({ frames, firstPlayedAt }: CameraView, now: number): string {
  return firstPlayedAt === null ? "–" : (frames / Math.max(0.001, (now - firstPlayedAt) / 1000)).toFixed(1);
}

/** The same for programs. */
export function summaryJson(status: Status): object {
  const { totals, broker, cameras, uptimeMs } = status;
  return { uptimeMs, totals, broker, cameras, neverPlayed: neverPlayed(status).map(({ id }) => id) };
}

/** One line on how things are, for logs and pipes. */
export function plainLine({ cameras, totals, broker, uptimeMs }: Status): string {
  const playing = cameras.filter(({ state }) => state === "playing").length;
  const objects = cameras.reduce((sum, camera) => sum + camera.objects.length, 0);
  const troubled = cameras
    .filter(({ state }) => state !== "playing" && state !== "disabled")
    .map(({ id, state }) => `${id} ${state}`);
  return [
    `${clock(uptimeMs)}  ${playing}/${cameras.length} cameras playing${troubled.length === 0 ? "" : ` (${troubled.join(", ")})`}`,
    `${totals.fps.toFixed(1)} fps`,
    `${objects} objects`,
    `${totals.eventsPerSecond.toFixed(1)} events/s`,
    `latency p50 ${milliseconds(totals.latency.p50)} ms p99 ${milliseconds(totals.latency.p99)} ms`,
    `${totals.messagesPerSecond.toFixed(1)} messages/s`,
    `broker ${broker.state}`,
  ].join(", ");
}
