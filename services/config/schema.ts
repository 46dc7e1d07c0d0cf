/**
 * Every key of nightjar.yaml: type, default, unit, description, and what a change costs. Validation, JSON Schema, example file and
 * docs page all come from here. In the program, durations are milliseconds, sizes bytes and percentages fractions.
 */
import { z } from "zod";
import { cameraSchema, placeSchema } from "./cameras.ts";
import { consoleSection } from "./console.ts";
import { deepstream } from "./deepstream.ts";
import { duration, identifier, integerIn, numberIn, path, size, text } from "./fields.ts";
import { mqtt } from "./mqtt.ts";
import { evidence, outbox } from "./outbox.ts";
import { rulesSchema } from "./rules.ts";
import { telemetry } from "./telemetry.ts";
import { updates } from "./updates.ts";
import { zonesSection } from "./zones.ts";

const device = z.strictObject({
  id: identifier().optional().meta({
    description: "Name of this device; stands in topics.",
    restart: "nightjar",
    defaultNote: "the host name",
    example: "nightjar-1",
  }),
  name: text()
    .optional()
    .meta({ description: "Name for people.", restart: "nightjar", defaultNote: "the id", example: "Main street box" }),
  place: placeSchema
    .optional()
    .meta({ description: "Where the device stands; goes into the messages of its cameras.", restart: "nightjar" }),
});

const parameters = z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.array(z.number())]), {
  error: "a map of parameter names to numbers, texts, true/false or lists of numbers",
});

const inference = z.strictObject({
  bundle: text().prefault("street").meta({
    description: "Detector: the name of an installed bundle, or the path of a bundle directory (with a slash in it).",
    restart: "nightjar",
  }),
  interval: integerIn(0, 1000).prefault(0).meta({
    description: "Batches to skip between two inferences; the tracker carries objects across.",
    unit: "batches",
    restart: "nightjar",
  }),
  confidence: numberIn(0, 1).optional().meta({
    description: "Objects below this confidence are dropped.",
    restart: "nightjar",
    defaultNote: "the bundle's",
    example: 0.3,
  }),
  classThresholds: z
    .record(z.string(), numberIn(0, 1), { error: "a map of labels to numbers from 0 to 1" })
    .prefault({})
    .meta({
      description: "Confidence for single classes, by label; goes before confidence.",
      restart: "nightjar",
      example: { person: 0.5 },
    }),
  classes: z
    .array(text(), { error: "a list of labels" })
    .optional()
    .meta({
      description: "Labels to keep; all others are dropped.",
      restart: "nightjar",
      defaultNote: "all",
      example: ["car", "person"],
    }),
  parameters: parameters.prefault({}).meta({ description: "Parameters of the bundle's module.", restart: "nightjar" }),
  threads: integerIn(0, 256).prefault(0).meta({
    description: "Threads of the inference engine; 0 leaves it to the engine.",
    unit: "threads",
    restart: "nightjar",
  }),
  inFlight: integerIn(1, 16).prefault(2).meta({
    description: "Batches that may be on their way at once: more use the machine better and add delay.",
    unit: "batches",
    restart: "nightjar",
  }),
  deadline: duration({ min: "10ms", max: "60s" }).prefault("1s").meta({
    description: "A batch without an answer after this passes on without objects, and counts as missed.",
    unit: "duration",
    restart: "nightjar",
  }),
});

const tracking = z.strictObject({
  enabled: z
    .boolean()
    .prefault(true)
    .meta({ description: "Give objects ids that last over frames.", restart: "nightjar" }),
  bundle: text()
    .prefault("bytetrack")
    .meta({ description: "Tracker: name or directory of an analyze bundle.", restart: "nightjar" }),
  untracked: z.enum(["remove", "keep"], { error: "one of remove, keep" }).prefault("remove").meta({
    description:
      "Objects without an id (seen too briefly or too unsurely): remove drops them from messages and pictures.",
    restart: "nightjar",
  }),
  parameters: parameters.prefault({}).meta({ description: "Parameters of the tracker's module.", restart: "nightjar" }),
});

const moduleLimits = z.strictObject({
  memory: size().prefault("1GiB").meta({ description: "Memory of one module.", unit: "size", restart: "nightjar" }),
  batchTime: duration({ min: "1ms", max: "60s" }).prefault("60s").meta({
    description: "Processor time of a module for one batch.",
    unit: "duration",
    restart: "nightjar",
  }),
  startTime: duration({ min: "1ms", max: "60s" })
    .prefault("60s")
    .meta({ description: "Start and warm-up of a module.", unit: "duration", restart: "nightjar" }),
  compileTime: duration({ min: "1ms", max: "60s" })
    .prefault("60s")
    .meta({ description: "Compilation of a module.", unit: "duration", restart: "nightjar" }),
  size: size().prefault("16MiB").meta({ description: "Size of a module's file.", unit: "size", restart: "nightjar" }),
  objects: integerIn(1, 65_536)
    .prefault(65_536)
    .meta({ description: "Objects of one frame.", unit: "objects", restart: "nightjar" }),
  events: integerIn(0, 65_536)
    .prefault(65_536)
    .meta({ description: "Events of one frame.", unit: "events", restart: "nightjar" }),
  logLines: integerIn(0, 1000)
    .prefault(1000)
    .meta({ description: "Log lines of a module per second.", unit: "lines", restart: "nightjar" }),
  auxBytes: size()
    .prefault("16MiB")
    .meta({ description: "Masks, keypoints and user metadata of one frame.", unit: "size", restart: "nightjar" }),
  reloads: integerIn(0, 1000).prefault(1000).meta({
    description: "Failures within the window (`policy.window` of a bundle) after which a module is given up.",
    unit: "failures",
    restart: "nightjar",
  }),
  failureWindow: duration({ min: "1s", max: "1d" }).prefault("1s").meta({
    description: "The least `policy.window` of a bundle: within a short one, few failures are counted.",
    unit: "duration",
    restart: "nightjar",
  }),
});

/** A bundle's name, or the SHA-256 of an operator's file. */
const operator = text().regex(
  /^([a-z0-9][a-z0-9._-]{0,63}|sha256:[0-9a-f]{64})$/,
  "expected the name of a bundle, or sha256: and 64 hexadecimal digits",
);

const modules = z.strictObject({
  limits: moduleLimits.prefault({}).meta({
    description: "What a module gets at most, whatever its bundle asks for.",
    restart: "nightjar",
  }),
  operators: z
    .array(operator)
    .prefault([])
    .meta({
      description:
        "Operators that may run: TypeScript without a sandbox, with the rights of Nightjar. The names of their bundles; or sha256:… of an operator's file, for exactly that one.",
      restart: "nightjar",
      defaultNote: "none",
      example: ["crowd"],
    }),
  shadow: duration({ min: "0s", max: "1d" }).prefault("0s").meta({
    description: "How long a new bundle runs beside the old one, unseen, before it serves; 0s: not at all.",
    unit: "duration",
    restart: "nightjar",
  }),
  agreement: numberIn(0, 1).prefault(0).meta({
    description:
      "Least share of objects on which a new bundle must agree with the old one, in the shadow run and (detectors) on probation; 0: not looked at.",
    restart: "nightjar",
  }),
  probation: duration({ min: "0s", max: "7d" }).prefault("30s").meta({
    description: "How long a new bundle is watched; when it fails meanwhile, the old one serves again.",
    unit: "duration",
    restart: "nightjar",
  }),
});

const analytics = z.strictObject({
  id: text().meta({ description: "Identifier.", example: "street-detector" }),
  description: z.string().prefault("").meta({ description: "What it does." }),
  source: z.string().prefault("").meta({ description: "Who made it." }),
  version: z.string().prefault("").meta({ description: "Its version." }),
});

const messages = z.strictObject({
  format: z.enum(["minimal", "full"]).prefault("minimal").meta({
    description: "Payload of nvmsgconv: minimal is one message per frame, full is one per object.",
    restart: "nightjar",
  }),
  frameInterval: integerIn(1, 100_000)
    .prefault(1)
    .meta({ description: "A message for each n-th frame of a camera.", unit: "frames", restart: "nightjar" }),
  extensions: z
    .boolean()
    .prefault(false)
    .meta({ description: "Add our fields (track state, angle, sequence, …) to the payload.", restart: "nightjar" }),
  identity: z.enum(["auto", "always", "never"]).prefault("auto").meta({
    description:
      "Write each message's id (nightjarMessage) into the JSON of objects too; auto does so where MQTT has no place for it, with version 3.1.1. Our own documents always carry it.",
    restart: "nightjar",
  }),
  events: z
    .boolean()
    .prefault(true)
    .meta({ description: "Publish events (zones, lines, …) on their own topic.", restart: "nightjar" }),
  analytics: analytics
    .optional()
    .meta({ description: "The analytics module that the full payload names.", restart: "nightjar" }),
});

const restart = z.strictObject({
  delay: duration({ min: "10ms", max: "10min" }).prefault("200ms").meta({
    description: "Wait before the first restart of a process; doubles with each.",
    unit: "duration",
    restart: "nightjar",
  }),
  maxDelay: duration({ min: "10ms", max: "1h" })
    .prefault("30s")
    .meta({ description: "Longest wait.", unit: "duration", restart: "nightjar" }),
  stableAfter: duration({ min: "1s", max: "1d" }).prefault("30s").meta({
    description: "A process that ran this long starts again from the first wait.",
    unit: "duration",
    restart: "nightjar",
  }),
  limit: integerIn(1, 10_000).prefault(20).meta({
    description:
      "Restarts in a row (none of them stable) after which the process is given up, its cameras failed, and Nightjar exits for the service manager to act.",
    unit: "restarts",
    restart: "nightjar",
  }),
});

const pipeline = z.strictObject({
  profile: z
    .enum(["auto", "portable", "cuda", "deepstream"])
    .prefault("auto")
    .meta({ description: "Set of elements: auto takes the best one that this machine has.", restart: "nightjar" }),
  width: integerIn(16, 8192).prefault(1280).meta({
    description:
      "Nominal picture width, for caps only: frames are never scaled to it (but by the legacy muxer of DeepStream).",
    unit: "pixels",
    restart: "nightjar",
  }),
  height: integerIn(16, 8192)
    .prefault(720)
    .meta({ description: "Nominal picture height.", unit: "pixels", restart: "nightjar" }),
  batchSize: integerIn(0, 256)
    .prefault(0)
    .meta({ description: "Most frames in a batch; 0 is the number of cameras.", unit: "frames", restart: "nightjar" }),
  deepstream: deepstream.prefault({}).meta({ description: "The profile deepstream.", restart: "nightjar" }),
  batchTimeout: duration({ max: "10s" })
    .prefault("33ms")
    .meta({ description: "A batch that is not full goes on after this.", unit: "duration", restart: "nightjar" }),
  stallTimeout: duration({ min: "500ms", max: "1h" }).prefault("5s").meta({
    description: "A camera without a frame for this long is stalled and opened again.",
    unit: "duration",
    restart: "nightjar",
  }),
  hangTimeout: duration({ min: "500ms", max: "10min" }).prefault("5s").meta({
    description: "A process that gives no sign of life for this long is ended and started again.",
    unit: "duration",
    restart: "nightjar",
  }),
  startTimeout: duration({ min: "1s", max: "30min" }).prefault("60s").meta({
    description: "How long a process may take to start (models are loaded then).",
    unit: "duration",
    restart: "nightjar",
  }),
  stopTimeout: duration({ min: "100ms", max: "10min" }).prefault("5s").meta({
    description: "How long a process may take to end by itself before it is killed.",
    unit: "duration",
    restart: "nightjar",
  }),
  restart: restart
    .prefault({})
    .meta({ description: "How a process that ended is started again.", restart: "nightjar" }),
});

const log = z.strictObject({
  level: z
    .enum(["error", "warn", "info", "debug", "trace"])
    .prefault("info")
    .meta({ description: "Least important message that is logged.", restart: "nightjar" }),
  format: z
    .enum(["auto", "json", "text"])
    .prefault("auto")
    .meta({ description: "json for machines, text for people; auto is text on a terminal.", restart: "nightjar" }),
  file: path().optional().meta({
    description: "Append to this file instead of standard error.",
    restart: "nightjar",
    defaultNote: "standard error; <state>/nightjar.log while the terminal view is shown",
    example: "/var/log/nightjar.log",
  }),
});

const directories = z.strictObject({
  runtime: path().optional().meta({
    description: "Sockets of the running Nightjar.",
    restart: "nightjar",
    defaultNote:
      "$RUNTIME_DIRECTORY, else (of a file in /etc/nightjar) /run/nightjar, else $XDG_RUNTIME_DIR/nightjar, else /tmp/nightjar-<uid>",
    example: "/run/nightjar",
  }),
  state: path().optional().meta({
    description: "What has to survive a restart: cameras added at run time, logs.",
    restart: "nightjar",
    defaultNote:
      "$STATE_DIRECTORY, else (of a file in /etc/nightjar) /var/lib/nightjar, else $XDG_STATE_HOME/nightjar, else ~/.local/state/nightjar",
    example: "/var/lib/nightjar",
  }),
  bundles: path().optional().meta({
    description: "Installed bundles.",
    restart: "nightjar",
    defaultNote: "the bundles that Nightjar was built with",
    example: "/var/lib/nightjar/bundles",
  }),
});

export const configSchema = z.strictObject({
  version: z
    .literal(1, { error: "1, the version of this format" })
    .meta({ description: "Version of the format of this file.", restart: "nightjar" }),
  device: device.prefault({}).meta({ description: "This device." }),
  cameras: z
    .array(cameraSchema, { error: "a list of cameras" })
    .max(256, { error: "at most 256 cameras" })
    .prefault([])
    .meta({
      description:
        "The cameras. More can be added at run time (nightjar camera add); those live in the state directory.",
    }),
  inference: inference.prefault({}).meta({ description: "Detection of objects." }),
  tracking: tracking.prefault({}).meta({ description: "Following objects over frames." }),
  zones: zonesSection
    .prefault({})
    .meta({ description: "Regions and lines of cameras; the zones stand at the cameras." }),
  rules: rulesSchema,
  modules: modules.prefault({}).meta({ description: "Post-processing modules, and how their bundles are replaced." }),
  updates: updates.prefault({}).meta({ description: "Updates of bundles over the air (docs/updates.md)." }),
  messages: messages.prefault({}).meta({ description: "What is published." }),
  mqtt: mqtt.prefault({}).meta({ description: "Where it is published." }),
  outbox: outbox.prefault({}).meta({ description: "Messages that the broker does not have yet." }),
  evidence: evidence.prefault({}).meta({ description: "Pictures of events." }),
  console: consoleSection.prefault({}).meta({ description: "Web page and HTTP API." }),
  telemetry: telemetry.prefault({}).meta({ description: "Metrics that are sent; GET /metrics has them in any case." }),
  pipeline: pipeline.prefault({}).meta({ description: "The video pipeline and the processes." }),
  log: log.prefault({}).meta({ description: "Logs." }),
  directories: directories.prefault({}).meta({ description: "Directories." }),
});

/** The configuration with all constant defaults filled in; see services/config/load.ts for the others. */
export type ParsedConfig = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;
