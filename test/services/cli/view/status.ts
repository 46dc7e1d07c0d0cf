/** A status to render: two cameras, one of them in trouble. */
import type { CameraView, Status } from "../../../../services/supervisor/status.ts";

export function camera(changes: Partial<CameraView> = {}): CameraView {
  return {
    id: "gate",
    name: "Gate",
    sourceId: 0,
    origin: "configuration",
    source: "rtsp rtsp://h/p",
    state: "playing",
    reason: "",
    since: 0,
    video: { width: 1280, height: 720 },
    fps: 15,
    inferredFps: 15,
    objects: [
      { id: "12", label: "car" },
      { id: "7711046316003950606", label: "person" },
      { id: "15", label: "car" },
    ],
    ids: 37,
    eventsPerSecond: 0.2,
    latency: { p50: 42.4, p95: 80, p99: 88 },
    frames: 1234,
    dropped: 0,
    objectsTotal: 3702,
    events: 5,
    messages: 1234,
    tries: 1,
    viewers: 0,
    everPlayed: true,
    firstPlayedAt: 1000,
    last: { packet: 1, decoded: 1, inferred: 1, published: 1 },
    ...changes,
  };
}

export function status(changes: Partial<Status> = {}): Status {
  const yard = camera({
    id: "yard",
    name: "Yard",
    state: "starved",
    reason: "no data from the camera for 6.0 s",
    fps: 0,
    objects: [],
  });
  return {
    version: "0.1.0",
    device: { id: "box", name: "Box" },
    configuration: "/etc/nightjar/nightjar.yaml",
    startedAt: 0,
    uptimeMs: 83_000,
    gstreamer: "1.22.0",
    profile: "portable",
    console: "http://127.0.0.1:8080/",
    controlSocket: "/run/nightjar/control.sock",
    cameras: [camera(), yard],
    links: [
      {
        instance: "infer",
        bundle: "street 1.0.0",
        state: "ready",
        batchesPerSecond: 15,
        framesPerSecond: 15,
        engineMs: { p50: 8.1, p99: 9 },
        moduleMs: { p50: 0.2, p99: 0.3 },
        restarts: 0,
      },
    ],
    processes: [
      {
        name: "supervisor",
        state: "running",
        reason: "",
        pid: 100,
        startedAt: 0,
        restarts: 0,
        cpu: 0.04,
        residentBytes: 88e6,
      },
      {
        name: "pipeline",
        state: "waiting",
        reason: "was killed by SIGSEGV",
        pid: null,
        startedAt: null,
        restarts: 2,
        cpu: 0,
        residentBytes: 0,
      },
    ],
    broker: {
      url: "mqtt://127.0.0.1:1883",
      embedded: true,
      state: "connected",
      reason: "",
      topicPrefix: "nightjar/box",
      published: 1234,
      acknowledged: 1230,
      queued: 4,
      dropped: 0,
    },
    totals: {
      frames: 2468,
      objects: 7404,
      events: 10,
      fps: 15,
      eventsPerSecond: 0.4,
      messagesPerSecond: 14.8,
      latency: { p50: 42.4, p95: 80, p99: 88 },
      droppedRecords: 0,
    },
    log: [
      {
        time: new Date(2026, 0, 2, 12, 3, 45, 120).getTime(),
        level: "warn",
        message: "camera is starved",
        fields: { camera: "yard" },
      },
    ],
    ...changes,
  };
}
