/** Metrics of cameras. */
import type { CameraView } from "../supervisor/status.ts";
import { known, oneHot, type Row, type Sample } from "./define.ts";
import type { Facts } from "./facts.ts";

const STATES = ["starting", "playing", "starved", "stalled", "hung", "ended", "failed", "disabled"] as const;

export const CAMERA_COUNTERS: readonly Row<Facts>[] = [
  each("nightjar_camera_frames_total", "Decoded frames", ({ frames }) => frames),
  each(
    "nightjar_camera_dropped_frames_total",
    "Frames dropped because inference was too slow",
    ({ dropped }) => dropped,
  ),
  each("nightjar_camera_objects_total", "Objects in messages", ({ objectsTotal }) => objectsTotal),
  each("nightjar_camera_events_total", "Events of modules", ({ events }) => events),
  each("nightjar_camera_messages_total", "Messages published", ({ messages }) => messages),
  each("nightjar_camera_tries_total", "Attempts to open the source", ({ tries }) => tries),
];

export const CAMERA_GAUGES: readonly Row<Facts>[] = [
  each("nightjar_camera_fps", "Decoded frames per second", ({ fps }) => fps),
  each("nightjar_camera_inferred_fps", "Frames per second through inference", ({ inferredFps }) => inferredFps),
  each("nightjar_camera_objects", "Objects in the last frame with a message", ({ objects }) => objects.length),
  each("nightjar_camera_viewers", "Viewers of live pictures", ({ viewers }) => viewers),
  {
    name: "nightjar_camera_latency_seconds",
    help: "From the capture of a frame to the publishing of its message: percentiles of the last 512 messages",
    labels: ["camera", "quantile"],
    read: ({ status }) => status.cameras.flatMap(latencies),
  },
  {
    name: "nightjar_camera_state",
    help: "1 for the state that the camera is in",
    labels: ["camera", "state"],
    read: ({ status }) => status.cameras.flatMap(({ id, state }) => oneHot(STATES, state, { camera: id })),
  },
  {
    name: "nightjar_camera_last_frame_timestamp_seconds",
    help: "When the last frame was decoded",
    labels: ["camera"],
    read: ({ status }) => status.cameras.flatMap(({ id, last }) => known({ camera: id }, seconds(last.decoded))),
  },
  {
    name: "nightjar_camera_last_message_timestamp_seconds",
    help: "When the broker had taken the last message",
    labels: ["camera"],
    read: ({ status }) => status.cameras.flatMap(({ id, last }) => known({ camera: id }, seconds(last.published))),
  },
];

function each(name: string, help: string, value: (camera: CameraView) => number): Row<Facts> {
  const read = ({ status }: Facts) => status.cameras.map((camera): Sample => [{ camera: camera.id }, value(camera)]);
  return { name, help, labels: ["camera"], read };
}

function latencies({ id, latency: { p50, p95, p99 } }: CameraView): Sample[] {
  const quantiles = { "0.5": p50, "0.95": p95, "0.99": p99 };
  return Object.entries(quantiles).flatMap(([quantile, ms]) =>
    known({ camera: id, quantile }, ms === null ? null : ms / 1000),
  );
}

function seconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : milliseconds / 1000;
}
