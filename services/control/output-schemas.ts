/** What commands answer, as schemas: the types of the parts that make the answers hold them to it. */
import { z } from "zod";
import type { LogEntry } from "../log/entry.ts";
import type { MachineView } from "../machine/machine.ts";
import type { CaptureView } from "../supervisor/captures.ts";
import type { BundlesView, ElementView } from "../supervisor/deployments/control.ts";
import type { DeadLetterView, HealthView } from "../supervisor/device-control.ts";
import type { EvidenceReference, EvidenceView } from "../supervisor/evidence.ts";
import type { CameraView, Status } from "../supervisor/status.ts";
import type { ZoneView } from "../supervisor/zones.ts";
import type { HistoryEntry } from "../updater/database.ts";
import { STATES as UPDATE_STATES } from "../updater/machine.ts";
import type { UpdateStatus } from "../updater/types.ts";
import type { CommandName, CommandOutput } from "./commands.ts";
import type { DoctorReport } from "./doctor-report.ts";
import type { HistoryView } from "./history.ts";
import type { ElementParameters } from "./parameters.ts";

/** Milliseconds since 1970. */
const time = z.number().describe("milliseconds since 1970");
const timeOrNever = time.nullable();
const count = z.number().min(0).describe("a whole number");
const bytes = count.describe("bytes");
const text = z.string();
const latency = z.strictObject({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() });
const twoPercentiles = z.strictObject({ p50: z.number(), p99: z.number() });

const cameraView = z.strictObject({
  id: text,
  name: text,
  sourceId: count,
  origin: z.enum(["configuration", "added"]),
  source: text.describe("kind and address, without credentials"),
  state: z.enum(["starting", "playing", "starved", "stalled", "hung", "ended", "failed", "disabled"]),
  reason: text.describe("one sentence; empty when all is well"),
  since: time,
  video: z.strictObject({ width: count, height: count }).nullable(),
  fps: z.number(),
  inferredFps: z.number(),
  objects: z.array(z.strictObject({ id: text, label: text })),
  ids: count,
  eventsPerSecond: z.number(),
  latency: latency.describe("from capture to publish, ms"),
  frames: count,
  dropped: count,
  objectsTotal: count,
  events: count,
  messages: count,
  tries: count,
  viewers: count,
  everPlayed: z.boolean(),
  firstPlayedAt: timeOrNever,
  last: z.strictObject({ packet: timeOrNever, decoded: timeOrNever, inferred: timeOrNever, published: timeOrNever }),
}) satisfies z.ZodType<CameraView>;

const logEntry = z.strictObject({
  time,
  level: z.enum(["error", "warn", "info", "debug", "trace"]),
  message: text,
  fields: z.record(text, z.unknown()),
}) satisfies z.ZodType<LogEntry>;

const link = z.strictObject({
  instance: text.describe("name of the element"),
  bundle: text.describe('"name version"; "" while it is being loaded'),
  state: z.enum(["opening", "ready", "degraded", "refused", "closed"]),
  batchesPerSecond: z.number(),
  framesPerSecond: z.number(),
  engineMs: twoPercentiles,
  moduleMs: twoPercentiles,
  restarts: count,
  directory: text.exactOptional(),
  batches: count.exactOptional(),
  failedBatches: count.exactOptional(),
  failedFrames: count.exactOptional(),
  agreement: z.number().optional(),
});

const processView = z.strictObject({
  name: text,
  state: z.enum(["stopped", "starting", "running", "waiting", "stopping", "failed"]),
  reason: text,
  pid: count.nullable(),
  startedAt: timeOrNever,
  restarts: count,
  cpu: z.number().describe("of one core"),
  residentBytes: bytes,
});

const broker = z.strictObject({
  url: text.describe("without credentials"),
  embedded: z.boolean(),
  insecure: z.boolean(),
  state: z.enum(["connecting", "connected", "disconnected", "stopped"]),
  reason: text,
  alarm: text,
  topicPrefix: text,
  published: count,
  acknowledged: count,
  queued: count,
  dropped: count,
  outbox: z.strictObject({
    bytes,
    oldestMs: z.number(),
    deadLetters: count,
    commitMs: z.number(),
    problem: text.describe("why messages are in memory only; empty when the disk takes them"),
  }),
});

const status = z.strictObject({
  version: text,
  device: z.strictObject({ id: text, name: text }),
  configuration: text,
  startedAt: time,
  uptimeMs: z.number(),
  gstreamer: text,
  profile: text,
  console: text.nullable(),
  controlSocket: text,
  cameras: z.array(cameraView),
  links: z.array(link),
  processes: z.array(processView),
  broker,
  totals: z.strictObject({
    frames: count,
    objects: count,
    events: count,
    fps: z.number(),
    eventsPerSecond: z.number(),
    messagesPerSecond: z.number(),
    latency,
    droppedRecords: count,
  }),
  log: z.array(logEntry),
}) satisfies z.ZodType<Status>;

const health = z.strictObject({
  ready: z.boolean(),
  reason: text,
  cameras: z.array(z.strictObject({ id: text, state: text, reason: text })),
  processes: z.array(z.strictObject({ name: text, state: text, restarts: count })),
  broker: z.strictObject({ state: text, insecure: z.boolean(), queued: count, dropped: count }),
  outbox: text,
}) satisfies z.ZodType<HealthView>;

const deadLetters = z.array(
  z.strictObject({ sequence: count, class: text, topic: text, reason: text, at: time, payload: text }),
) satisfies z.ZodType<DeadLetterView[]>;

const evidenceReference = z.strictObject({ id: text, path: text }) satisfies z.ZodType<EvidenceReference>;
const evidenceView = z.strictObject({
  id: text,
  path: text,
  camera: text,
  takenAt: time,
  kind: z.enum(["picture", "recording"]),
  bytes,
}) satisfies z.ZodType<EvidenceView>;

const captureView = z.strictObject({
  id: text,
  path: text,
  camera: text,
  state: z.enum(["running", "ended", "failed"]),
  reason: text,
  ms: z.number(),
  frames: count,
  bytes,
  dropped: count,
}) satisfies z.ZodType<CaptureView>;

const shadowReport = z.strictObject({
  ms: z.number(),
  batches: count,
  frames: count,
  failed: count,
  lastError: text,
  agreement: z.number(),
  classes: z.array(z.strictObject({ label: text, live: count, candidate: count, matched: count, iou: z.number() })),
  latency: z.strictObject({ live: twoPercentiles, candidate: twoPercentiles }),
  resampled: z.boolean(),
});

const elementView = z.strictObject({
  element: text,
  active: text.describe('"name version"'),
  directory: text,
  isConfigured: z.boolean(),
  previous: text.nullable(),
  change: z.strictObject({ bundle: text, step: text, since: time, reason: text }).nullable(),
  last: z.strictObject({ bundle: text, end: text, reason: text, at: time, shadow: shadowReport.nullable() }).nullable(),
}) satisfies z.ZodType<ElementView>;

const bundlesView = z.strictObject({
  elements: z.array(elementView),
  bundles: z.array(
    z.strictObject({
      name: text,
      version: text,
      kind: z.enum(["detect", "analyze"]),
      directory: text,
      serves: z.array(text),
      quarantine: text,
      problem: text,
    }),
  ),
}) satisfies z.ZodType<BundlesView>;

const updateStatus = z.strictObject({
  enabled: z.boolean(),
  repository: text,
  automatic: z.boolean(),
  busy: z.boolean(),
  state: z.enum(UPDATE_STATES),
  since: time,
  release: z.strictObject({ channel: text, version: text, element: text }).nullable(),
  progress: z.strictObject({ done: bytes, of: bytes }).nullable(),
  channels: z.array(
    z.strictObject({ name: text, installed: text.nullable(), available: text.nullable(), reason: text }),
  ),
  blocked: z.array(
    z.strictObject({ channel: text, version: text, failures: count, at: time, blocked: text.nullable() }),
  ),
  lastCheck: z.strictObject({ at: time, problem: text }).nullable(),
  nextCheck: timeOrNever,
  metadata: z.strictObject({ versions: z.record(text, z.number()), expires: z.record(text, z.number()) }),
  clock: text,
}) satisfies z.ZodType<UpdateStatus>;

const updateHistory = z.array(
  z.strictObject({ at: time, channel: text, version: text, state: text, reason: text }),
) satisfies z.ZodType<HistoryEntry[]>;

/** The zone itself is an entry as in the configuration (schemas/nightjar.schema.json). */
const zoneView = z.strictObject({
  camera: text,
  zone: z.looseObject({ name: text, type: text }),
  origin: z.enum(["configuration", "set"]),
}) as unknown as z.ZodType<ZoneView>;

const machineView = z.strictObject({
  disks: z.array(z.strictObject({ path: text, roles: z.array(text), totalBytes: bytes, freeBytes: bytes })),
  temperatures: z.array(z.strictObject({ name: text, celsius: z.number(), criticalCelsius: z.number().nullable() })),
  powerMode: text.nullable(),
  memory: z.strictObject({ totalBytes: bytes, availableBytes: bytes }),
  load: z.array(z.number()),
  cores: count,
  lifeUsed: z.number().nullable(),
  clockSynced: z.boolean().nullable(),
  uptimeMs: z.number(),
}) satisfies z.ZodType<MachineView>;

const column = z.array(z.number().nullable());
const historyView = z.strictObject({
  stepMs: z.number(),
  times: z.array(time),
  cameras: z.record(
    text,
    z.strictObject({
      fps: column,
      inferred: column,
      p50: column,
      p95: column,
      p99: column,
      objects: column,
      dropped: column,
    }),
  ),
  totals: z.strictObject({
    fps: column,
    messagesPerSecond: column,
    p50: column,
    p95: column,
    p99: column,
    queued: column,
  }),
}) satisfies z.ZodType<HistoryView>;

const logTail = z.strictObject({ entries: z.array(logEntry) });

const doctorReport = z.strictObject({
  at: time,
  durationMs: z.number(),
  healthy: z.boolean(),
  missing: count,
  warnings: count,
  groups: z.array(
    z.strictObject({
      title: text,
      findings: z.array(
        z.strictObject({ name: text, status: z.enum(["ok", "warning", "missing"]), found: text, remedy: text }),
      ),
    }),
  ),
}) satisfies z.ZodType<DoctorReport>;

const elementParameters = z.strictObject({
  element: text,
  bundle: text,
  module: z.strictObject({ name: text, version: text, description: text }).nullable(),
  labels: z.array(text),
  parameters: z.array(
    z.strictObject({
      name: text,
      type: z.enum(["number", "integer", "numbers", "flag", "text"]),
      description: text,
      default: z.unknown(),
      value: z.unknown(),
      isSet: z.boolean(),
      structured: z.boolean(),
      minimum: z.number().exactOptional(),
      maximum: z.number().exactOptional(),
      unit: text.exactOptional(),
      values: z.array(text).exactOptional(),
    }),
  ),
}) satisfies z.ZodType<ElementParameters>;

const removed = z.strictObject({ removed: text });

/** By command. */
export const OUTPUTS = {
  status,
  health,
  setLogLevel: z.strictObject({ level: logEntry.shape.level }),
  deadLetters,
  viewMachine: machineView,
  viewHistory: historyView,
  viewLog: logTail,
  runDoctor: doctorReport,
  viewParameters: elementParameters,
  setParameters: elementView,
  snapshot: evidenceView,
  record: evidenceReference,
  listEvidence: z.array(evidenceView),
  beginCapture: captureView,
  listCaptures: z.array(captureView),
  viewCapture: captureView,
  endCapture: captureView,
  removeCapture: removed,
  listBundles: bundlesView,
  activateBundle: elementView,
  shadowBundle: elementView,
  rollbackBundle: elementView,
  quarantineBundle: bundlesView,
  releaseBundle: bundlesView,
  updateStatus,
  updateHistory,
  checkUpdate: updateStatus,
  installUpdate: updateStatus,
  rollbackUpdate: updateStatus,
  listCameras: z.array(cameraView),
  addCamera: cameraView,
  removeCamera: removed,
  listZones: z.array(zoneView),
  setZone: zoneView,
  removeZone: removed,
} satisfies { readonly [Name in CommandName]: z.ZodType<CommandOutput<Name>> };

/** Those that have a name of their own in the description of the interface. */
export const NAMED_SCHEMAS = {
  Status: status,
  Camera: cameraView,
  Health: health,
  LogEntry: logEntry,
  Machine: machineView,
  History: historyView,
  DoctorReport: doctorReport,
  ElementParameters: elementParameters,
  Element: elementView,
  Bundles: bundlesView,
  UpdateStatus: updateStatus,
  Evidence: evidenceView,
  Capture: captureView,
  Zone: zoneView,
} as const;
