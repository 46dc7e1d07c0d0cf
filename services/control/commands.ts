/** What can be asked of a running Nightjar: one table, used by the HTTP interface, the command line and MQTT. */
import { z } from "zod";
import type { CameraInput } from "../config/load.ts";
import type { ZoneInput } from "../config/zones.ts";
import type { MachineView } from "../machine/machine.ts";
import { type Captures, type CaptureView, captureInput } from "../supervisor/captures.ts";
import {
  type BundleControl,
  type BundlesView,
  changeInput,
  type ElementView,
  quarantineInput,
} from "../supervisor/deployments/control.ts";
import {
  type DeadLetterView,
  type DeviceControl,
  type HealthView,
  LOG_LEVELS,
  MAX_RECORDING_S,
} from "../supervisor/device-control.ts";
import type { EvidenceReference, EvidenceView } from "../supervisor/evidence.ts";
import type { CameraView, Status } from "../supervisor/status.ts";
import { channelInput, installInput, type UpdateControl } from "../supervisor/updates.ts";
import type { ZoneView } from "../supervisor/zones.ts";
import type { HistoryEntry } from "../updater/database.ts";
import type { UpdateStatus } from "../updater/types.ts";
import type { DoctorReport } from "./doctor-report.ts";
import type { HistoryView } from "./history.ts";
import type { Insight } from "./insight.ts";
import type { ElementParameters } from "./parameters.ts";

/** The running Nightjar, as the commands see it. */
export interface Control {
  readonly bundles: BundleControl;
  readonly device: DeviceControl;
  readonly captures: Captures;
  readonly updates: UpdateControl;
  readonly insight: Insight;
  status(): Status;
  /** @throws ExpectedError when the entry is wrong, the id is taken or the pipeline refuses it. */
  addCamera(input: CameraInput): Promise<CameraView>;
  /** @throws ExpectedError when there is no such camera. */
  removeCamera(id: string): Promise<void>;
  zones(): readonly ZoneView[];
  /** @throws ExpectedError when the zone is wrong or there is no such camera. */
  setZone(camera: string, input: ZoneInput): Promise<ZoneView>;
  /** @throws ExpectedError when there is no such camera or zone. */
  removeZone(camera: string, name: string): Promise<void>;
}

interface Command<Input, Output> {
  /** GET changes nothing. What a command changes is on the disk when it is done. */
  readonly method: "GET" | "POST" | "DELETE";
  /** `:name` takes a part of the path into the input. */
  readonly path: string;
  readonly summary: string;
  /** Shape of the input: the JSON body and the parts of the path, together. */
  readonly input: z.ZodType<Input>;
  run(control: Control, input: Input): Output | Promise<Output>;
}

/** Keeps the types of input and output of one entry together. */
function command<Input, Output>(entry: Command<Input, Output>): Command<Input, Output> {
  return entry;
}

const nothing = z.strictObject({});
/** Of lists: as many as this at most. */
const limit = z.coerce.number().int().min(1).max(500).prefault(50);
const cameraId = z.strictObject({ id: z.string().min(1) });
const captureId = z.strictObject({ capture: z.string().min(1) });

export const COMMANDS = {
  status: command({
    method: "GET",
    path: "/api/status",
    summary: "Everything about the running Nightjar",
    input: nothing,
    run: (control): Status => control.status(),
  }),
  health: command({
    method: "GET",
    path: "/api/health",
    summary: "Whether it works, and what does not",
    input: nothing,
    run: ({ device }): HealthView => device.health(),
  }),
  setLogLevel: command({
    method: "POST",
    path: "/api/log-level",
    summary: "Least important message that is logged, from now on and after a restart",
    input: z.strictObject({ level: z.enum(LOG_LEVELS) }),
    run: ({ device }, { level }) => device.setLogLevel(level),
  }),
  deadLetters: command({
    method: "GET",
    path: "/api/dead-letters",
    summary: "Messages that the broker refused for good, newest first",
    input: z.strictObject({ limit }),
    run: ({ device }, { limit: most }): Promise<DeadLetterView[]> => device.deadLetters(most),
  }),
  viewMachine: command({
    method: "GET",
    path: "/api/machine",
    summary: "How the machine is: disks, temperatures, memory, load, power mode, wear, clock",
    input: nothing,
    run: ({ insight }): Promise<MachineView> => insight.machine(),
  }),
  viewHistory: command({
    method: "GET",
    path: "/api/history",
    summary: "Figures of the last ten minutes by camera, every two seconds, for charts",
    input: z.strictObject({ since: z.coerce.number().min(0).optional() }),
    run: ({ insight }, { since }): HistoryView => insight.history(since),
  }),
  viewLog: command({
    method: "GET",
    path: "/api/log",
    summary: "The last lines of the log, oldest first",
    input: z.strictObject({
      limit: z.coerce.number().int().min(1).max(1000).prefault(200),
      level: z.enum(LOG_LEVELS).prefault("trace"),
    }),
    run: ({ insight }, { limit: most, level }) => insight.logTail(most, level),
  }),
  runDoctor: command({
    method: "GET",
    path: "/api/doctor",
    summary: "Check everything that Nightjar needs, as nightjar doctor does; takes some seconds, one at a time",
    input: nothing,
    run: ({ insight }): Promise<DoctorReport> => insight.doctor(),
  }),
  viewParameters: command({
    method: "GET",
    path: "/api/elements/:element/parameters",
    summary:
      "Parameters of an element's module: what they are, their ranges, what holds now; and the detector's labels",
    input: z.strictObject({ element: z.string().min(1) }),
    run: ({ insight }, { element }): Promise<ElementParameters> => insight.parameters(element),
  }),
  setParameters: command({
    method: "POST",
    path: "/api/elements/:element/parameters",
    summary: "Begin to change parameters of an element's module: its bundle is activated once more with them",
    input: z.strictObject({ element: z.string().min(1), parameters: z.record(z.string(), z.unknown()) }),
    run: ({ device }, { element, parameters }): ElementView => device.setParameters(element, parameters),
  }),
  snapshot: command({
    method: "POST",
    path: "/api/cameras/:id/snapshots",
    summary: "Keep a picture of a camera; the answer says where to fetch it",
    input: cameraId,
    run: ({ device }, { id }): Promise<EvidenceView> => device.snapshot(id),
  }),
  record: command({
    method: "POST",
    path: "/api/cameras/:id/recordings",
    summary: `Keep a camera's pictures for a while (motion JPEG, at most ${MAX_RECORDING_S} s); the answer says where to fetch them afterwards`,
    input: z.strictObject({ id: z.string().min(1), seconds: z.number().min(1).max(MAX_RECORDING_S).prefault(10) }),
    run: ({ device }, { id, seconds }): Promise<EvidenceReference> => device.record(id, seconds),
  }),
  listEvidence: command({
    method: "GET",
    path: "/api/evidence",
    summary: "Kept pictures and recordings, newest first",
    input: z.strictObject({ camera: z.string().min(1).optional(), limit }),
    run: ({ device }, { camera, limit: most }): EvidenceView[] => device.evidence(camera, most),
  }),
  beginCapture: command({
    method: "POST",
    path: "/api/cameras/:id/captures",
    summary: "Begin to record what a camera's frames are to models and modules, for nightjar replay",
    input: captureInput,
    run: ({ captures }, input): Promise<CaptureView> => captures.begin(input),
  }),
  listCaptures: command({
    method: "GET",
    path: "/api/captures",
    summary: "Recordings for nightjar replay, newest first",
    input: nothing,
    run: ({ captures }): Promise<CaptureView[]> => captures.list(),
  }),
  viewCapture: command({
    method: "GET",
    path: "/api/captures/:capture",
    summary: "How a recording is",
    input: captureId,
    run: ({ captures }, { capture }): Promise<CaptureView> => captures.view(capture),
  }),
  endCapture: command({
    method: "POST",
    path: "/api/captures/:capture/end",
    summary: "End a recording; its file is complete then",
    input: captureId,
    run: ({ captures }, { capture }): Promise<CaptureView> => captures.end(capture),
  }),
  removeCapture: command({
    method: "DELETE",
    path: "/api/captures/:capture",
    summary: "End a recording and remove its file",
    input: captureId,
    run: ({ captures }, { capture }): Promise<{ removed: string }> => captures.remove(capture),
  }),
  listBundles: command({
    method: "GET",
    path: "/api/bundles",
    summary: "Installed bundles, what serves each element, what is changing, what is in quarantine",
    input: nothing,
    run: ({ bundles }): BundlesView => bundles.view(),
  }),
  activateBundle: command({
    method: "POST",
    path: "/api/elements/:element/activate",
    summary: "Begin to activate a bundle: verify, load beside, check, switch, watch; listBundles says how it goes",
    input: changeInput,
    run: ({ bundles }, input): ElementView => bundles.activate(input),
  }),
  shadowBundle: command({
    method: "POST",
    path: "/api/elements/:element/shadow",
    summary: "Run a bundle beside what serves, unseen, and compare; listBundles has the report",
    input: changeInput,
    run: ({ bundles }, input): ElementView => bundles.shadow(input),
  }),
  rollbackBundle: command({
    method: "POST",
    path: "/api/elements/:element/rollback",
    summary: "Go back to the bundle that served before",
    input: z.strictObject({ element: z.string().min(1) }),
    run: ({ bundles }, { element }): ElementView => bundles.rollback(element),
  }),
  quarantineBundle: command({
    method: "POST",
    path: "/api/quarantine",
    summary: "Keep a bundle from being activated",
    input: quarantineInput,
    run: ({ bundles }, input): BundlesView => bundles.quarantine(input),
  }),
  releaseBundle: command({
    method: "DELETE",
    path: "/api/quarantine/:bundle",
    summary: "Let a bundle out of quarantine",
    input: z.strictObject({ bundle: z.string().min(1) }),
    run: ({ bundles }, { bundle }): BundlesView => bundles.release(bundle),
  }),
  updateStatus: command({
    method: "GET",
    path: "/api/update",
    summary: "What the updater does and has: channels, versions, what is blocked, when it looks again",
    input: nothing,
    run: ({ updates }): UpdateStatus => updates.status(),
  }),
  updateHistory: command({
    method: "GET",
    path: "/api/update/history",
    summary: "Updates that ended, newest first",
    input: z.strictObject({ limit }),
    run: ({ updates }, input): readonly HistoryEntry[] => updates.history(input.limit),
  }),
  checkUpdate: command({
    method: "POST",
    path: "/api/update/check",
    summary: "Look at the repository now, and take what is for this device; updateStatus says how it goes",
    input: nothing,
    run: ({ updates }): UpdateStatus => updates.check(),
  }),
  installUpdate: command({
    method: "POST",
    path: "/api/update/install",
    summary: "Take a release now, also one that was blocked or is not rolled out here yet",
    input: installInput,
    run: ({ updates }, input): UpdateStatus => updates.install(input),
  }),
  rollbackUpdate: command({
    method: "POST",
    path: "/api/update/rollback",
    summary: "Go back to what served before the last release, which is not taken again by itself",
    input: channelInput,
    run: ({ updates }, input): UpdateStatus => updates.rollback(input),
  }),
  listCameras: command({
    method: "GET",
    path: "/api/cameras",
    summary: "The cameras and how they are",
    input: nothing,
    run: (control): readonly CameraView[] => control.status().cameras,
  }),
  addCamera: command({
    method: "POST",
    path: "/api/cameras",
    summary: "Add a camera (an entry as in the configuration); it survives a restart",
    // The registry checks the entry with the configuration's schema and its messages.
    input: z.record(z.string(), z.unknown()),
    run: (control, input): Promise<CameraView> => control.addCamera(input as CameraInput),
  }),
  removeCamera: command({
    method: "DELETE",
    path: "/api/cameras/:id",
    summary: "Remove a camera; it stays removed after a restart",
    input: cameraId,
    run: async (control, { id }): Promise<{ removed: string }> => {
      await control.removeCamera(id);
      return { removed: id };
    },
  }),
  listZones: command({
    method: "GET",
    path: "/api/zones",
    summary: "The regions and lines of all cameras",
    input: nothing,
    run: (control): readonly ZoneView[] => control.zones(),
  }),
  setZone: command({
    method: "POST",
    path: "/api/cameras/:camera/zones",
    summary:
      "Add a zone to a camera, or change the one of its name (an entry as in the configuration); it survives a restart",
    // Checked with the configuration's schema and its messages.
    input: z.looseObject({ camera: z.string().min(1) }),
    run: (control, { camera, ...zone }): Promise<ZoneView> => control.setZone(camera, zone as unknown as ZoneInput),
  }),
  removeZone: command({
    method: "DELETE",
    path: "/api/cameras/:camera/zones/:name",
    summary: "Remove a zone; it stays removed after a restart",
    input: z.strictObject({ camera: z.string().min(1), name: z.string().min(1) }),
    run: async (control, { camera, name }): Promise<{ removed: string }> => {
      await control.removeZone(camera, name);
      return { removed: name };
    },
  }),
} as const;

export type CommandName = keyof typeof COMMANDS;
export type CommandInput<Name extends CommandName> = z.output<(typeof COMMANDS)[Name]["input"]>;
export type CommandOutput<Name extends CommandName> = Awaited<ReturnType<(typeof COMMANDS)[Name]["run"]>>;
