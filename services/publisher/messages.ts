/**
 * The schema of every message that a device publishes. docs/reference/schemas/*.schema.json is generated from here
 * (node services/publisher/write-schemas.ts). Documents may hold more members than these: readers ignore what they do not know.
 */
import { z } from "zod";
import { STATES } from "../updater/machine.ts";

const decimal = z.string().regex(/^\d+$/);
const time = z
  .string()
  .meta({ description: "UTC, RFC 3339 with milliseconds.", examples: ["2026-07-20T08:15:30.123Z"] });
const triple = (...names: [string, string, string]) =>
  z.looseObject(Object.fromEntries(names.map((name) => [name, z.number()])));

/** Last member of each message that is not retained. */
export const messageIdentity = z
  .strictObject({
    device: z.string().meta({ description: "The device that published it." }),
    epoch: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .meta({ description: "Changes when the device lost its store of messages." }),
    sequence: z.int().min(1).meta({ description: "Counts the device's messages of this epoch over all topics." }),
    late: z.literal(true).optional().meta({ description: "It had to wait on the device's disk; absent otherwise." }),
  })
  .meta({ description: "Who the message is: a repeated message has the same identity." });

const frameFields = {
  source: z.int().min(0).meta({ description: "Number of the camera in the pipeline." }),
  camera: z.string().nullable().meta({ description: "Identifier of the camera." }),
  frame: z.int().min(0),
  captureNs: decimal.meta({ description: "When the frame was captured, nanoseconds since 1970; 0: unknown." }),
  ptsNs: decimal.meta({ description: "Stream time, nanoseconds." }),
  width: z.int().min(0).meta({ description: "Of the frame, pixels." }),
  height: z.int().min(0),
};

const box = z
  .looseObject({ left: z.number(), top: z.number(), width: z.number(), height: z.number() })
  .meta({ description: "Pixels of the frame, before rotation." });

/** What modules say beside their objects, newest module first. */
const userData = z
  .array(z.looseObject({ bundle: z.string(), data: z.unknown().optional(), base64: z.string().optional() }))
  .optional()
  .meta({
    description: "What modules say: data where a module wrote a JSON object or array, base64 of its bytes otherwise.",
    examples: [[{ bundle: "zones", data: { zones: [{ name: "exit", type: "line", in: 3, out: 1 }] } }]],
  });

const extendedObject = z.looseObject({
  id: decimal.meta({ description: "Track id; 18446744073709551615: no track." }),
  classId: z.int(),
  label: z.string(),
  confidence: z.number().nullable().meta({ description: "0 to 1; negative for objects that only the tracker saw." }),
  box,
  angleDegrees: z.number().meta({ description: "Rotation of the box about its centre, clockwise on screen." }),
  track: z
    .looseObject({ state: z.enum(["new", "active", "predicted"]), ageFrames: z.int().min(0) })
    .optional()
    .meta({ description: "Absent without a tracker. predicted: no detection in this frame." }),
  keypoints: z.array(z.looseObject({ x: z.number(), y: z.number(), confidence: z.number() })).optional(),
  user: userData,
});

const extensionHead = { version: z.literal("1.0"), ...frameFields, inferred: z.boolean() };

export const minimalObjects = z
  .looseObject({
    version: z.literal("4.0"),
    id: z.string().meta({ description: "Number of the frame." }),
    "@timestamp": time,
    sensorId: z.string(),
    objects: z.array(z.string()).meta({
      description: "id|left|top|right|bottom|label[|#|attribute…|confidence], newest object first.",
      examples: [["42|100.5|200.25|310.75|355|car"]],
    }),
    customMessage: z.array(z.string()).optional(),
    nightjar: z
      .looseObject({ ...extensionHead, user: userData, objects: z.array(extendedObject) })
      .optional()
      .meta({ description: "With messages.extensions: the objects in the same order." }),
    nightjarMessage: messageIdentity.optional(),
  })
  .meta({ title: "Objects of one frame (nvmsgconv, minimal schema)" });

const fullObject = z.looseObject({
  id: decimal,
  speed: z.number(),
  direction: z.number(),
  orientation: z.number(),
  bbox: z.looseObject({ topleftx: z.int(), toplefty: z.int(), bottomrightx: z.int(), bottomrighty: z.int() }),
  location: z.looseObject({}),
  coordinate: z.looseObject({}),
});

export const fullObjects = z
  .looseObject({
    messageid: z.string(),
    mdsversion: z.literal("1.0"),
    "@timestamp": time,
    place: z
      .looseObject({ id: z.string(), name: z.string(), type: z.string(), location: triple("lat", "lon", "alt") })
      .nullable(),
    sensor: z
      .looseObject({
        id: z.string(),
        type: z.string(),
        description: z.string(),
        location: triple("lat", "lon", "alt"),
        coordinate: triple("x", "y", "z"),
      })
      .nullable(),
    analyticsModule: z
      .looseObject({ id: z.string(), description: z.string(), source: z.string(), version: z.string() })
      .nullable(),
    object: fullObject.meta({
      description: "A further member, named like the object's label, holds confidence and attributes.",
    }),
    event: z.looseObject({ id: z.string(), type: z.string().optional() }),
    videoPath: z.string(),
    customMessage: z.array(z.string()).optional(),
    nightjar: z.looseObject({ ...extensionHead, object: extendedObject }).optional(),
    nightjarMessage: messageIdentity.optional(),
  })
  .meta({ title: "One object (nvmsgconv, full schema)" });

export const cameraEvent = z
  .looseObject({
    version: z.literal("1.0"),
    id: z.uuid(),
    "@timestamp": time,
    sensorId: z.string(),
    type: z.string().meta({ examples: ["line-crossing"] }),
    rule: z.string().meta({ description: "Name of the zone or line; empty where there is none." }),
    value: z.number().nullable().meta({ description: "What the type says: seconds of dwell, a count, …" }),
    direction: z
      .enum(["in", "out"])
      .nullable()
      .optional()
      .meta({ description: "Of a line crossing: in is from the left of the line to its right, first point to last." }),
    position: z
      .looseObject({ x: z.number().nullable(), y: z.number().nullable() })
      .meta({ description: "Pixels of the frame." }),
    object: z
      .looseObject({ id: decimal, classId: z.int(), label: z.string(), confidence: z.number().nullable() })
      .nullable()
      .meta({ description: "null: the event is about no single object." }),
    nightjar: z.looseObject(frameFields),
    evidence: z
      .looseObject({
        id: z.string(),
        path: z.string().meta({ examples: ["/api/evidence/1784535330123-gate-0badcafe.jpg"] }),
      })
      .optional()
      .meta({
        description: "With evidence.enabled: the picture of the event, to be fetched from the device's HTTP interface.",
      }),
    nightjarMessage: messageIdentity.optional(),
  })
  .meta({ title: "An event of an analytics module" });

export const deviceStatus = z
  .looseObject({
    version: z.literal("1.0"),
    device: z.string(),
    state: z.enum(["online", "offline"]),
    reason: z.string().meta({ description: 'Of "offline": "stopped", or "connection lost" (the will).' }),
    epoch: z.string(),
    software: z.string(),
    startedAt: time,
  })
  .meta({ title: "The device's presence (retained)" });

export const cameraStatus = z
  .looseObject({
    version: z.literal("1.0"),
    device: z.string(),
    camera: z.string(),
    "@timestamp": time,
    state: z.string().meta({ examples: ["playing", "stalled"] }),
    reason: z.string().optional(),
    since: time.optional(),
  })
  .meta({ title: "The state of a camera (retained; empty when the camera was removed)" });

export const bundleStep = z
  .looseObject({
    version: z.literal("1.0"),
    device: z.string(),
    "@timestamp": time,
    element: z.string().meta({ examples: ["infer", "tracker"] }),
    bundle: z.object({ name: z.string(), version: z.string() }),
    step: z.string().meta({
      description: "A step of an activation, how it ended, or what was done about a module that failed.",
      examples: [
        "prepare",
        "activate",
        "probation",
        "done",
        "refused",
        "rolled-back",
        "module failed",
        "module given-up",
      ],
    }),
    reason: z.string().meta({ description: "Empty when all is well." }),
    ms: z.number().meta({ description: "What the step took, or how long the module was away." }),
    framesWithoutObjects: z.int().min(0),
    nightjarMessage: messageIdentity.optional(),
  })
  .meta({ title: "Something happened to a bundle or its module" });

const milliseconds = z.number().meta({ description: "Milliseconds since 1970." });

export const updateMessage = z
  .looseObject({
    version: z.literal("1.0"),
    device: z.string(),
    "@timestamp": time,
    enabled: z.boolean().meta({ description: "False: no repository is configured." }),
    repository: z.string(),
    automatic: z.boolean().meta({ description: "False: nothing is installed unless somebody says so." }),
    busy: z.boolean(),
    state: z.enum(STATES),
    since: milliseconds,
    release: z.looseObject({ channel: z.string(), version: z.string(), element: z.string() }).nullable(),
    progress: z
      .looseObject({ done: z.number(), of: z.number() })
      .nullable()
      .meta({ description: "Bytes of the fetch that is under way." }),
    channels: z.array(
      z.looseObject({
        name: z.string(),
        installed: z.string().nullable().meta({ description: "Version of the release that serves; null: none." }),
        available: z.string().nullable(),
        reason: z.string().meta({ description: "Why it is not taken now, or why there is none." }),
      }),
    ),
    blocked: z.array(
      z.looseObject({
        channel: z.string(),
        version: z.string(),
        failures: z.int(),
        at: milliseconds,
        blocked: z.string().nullable().meta({ description: "Why it is not tried any more." }),
      }),
    ),
    lastCheck: z.looseObject({ at: milliseconds, problem: z.string() }).nullable(),
    nextCheck: milliseconds.nullable(),
    metadata: z.looseObject({ versions: z.record(z.string(), z.int()), expires: z.record(z.string(), z.number()) }),
    clock: z.string().meta({ description: "Why nothing can be called fresh now; empty: it can." }),
  })
  .meta({ title: "What the updater does and has" });

export const deviceMetrics = z
  .looseObject({
    version: z.literal("1.0"),
    device: z.string(),
    "@timestamp": time,
    nightjarMessage: messageIdentity.optional(),
  })
  .meta({ title: "The device's figures" });

export const lossReport = z
  .looseObject({
    version: z.literal("1.0"),
    device: z.string(),
    epoch: z.string().meta({ description: "Of the sequences below." }),
    "@timestamp": time,
    stage: z.enum(["outbox", "pipeline"]).meta({
      description: "outbox: messages that had a sequence; pipeline: records that never became messages.",
    }),
    reason: z.string().meta({
      examples: [
        "quota",
        "expired",
        "superseded",
        "disk-full",
        "memory-full",
        "too-large",
        "restart",
        "reader-too-slow",
      ],
    }),
    count: z.int().min(1).meta({ description: 'Of the reason "restart": at most so many.' }),
    bytes: z.int().min(0).meta({ description: "0: unknown." }),
    from: z.int().optional().meta({ description: "Lowest sequence in ranges." }),
    to: z.int().optional().meta({ description: "Highest sequence in ranges." }),
    ranges: z
      .array(z.tuple([z.int(), z.int()]))
      .optional()
      .meta({
        description: "First and last sequence of each run of lost messages. What arrives all the same is not lost.",
      }),
    nightjarMessage: messageIdentity.optional(),
  })
  .meta({ title: "Messages that were lost" });

export const cameraCounts = z
  .looseObject({
    version: z.literal("1.0"),
    device: z.string(),
    camera: z.string(),
    "@timestamp": time,
    total: z.int().min(0),
    labels: z.record(z.string(), z.int().min(1)).meta({ examples: [{ car: 2, person: 1 }] }),
  })
  .meta({ title: "Objects that a camera sees (retained; empty when the camera was removed)" });

export const commandRequest = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: "Without correlation data (MQTT 5): the same for repetitions of the same command." }),
    input: z.looseObject({}).optional().meta({ description: "Of the command; docs/reference/commands.md." }),
  })
  .meta({ title: "A command" });

export const commandReply = z
  .looseObject({
    version: z.literal("1.0"),
    device: z.string(),
    command: z.string(),
    id: z.string().optional().meta({ description: "Of the request." }),
    "@timestamp": time,
    ok: z.boolean(),
    output: z.unknown().optional().meta({ description: "When ok." }),
    error: z
      .looseObject({
        code: z.string().meta({
          examples: ["invalid", "unknown", "forbidden", "failed", "conflict", "interrupted", "busy", "unavailable"],
        }),
        message: z.string().meta({ description: "For people." }),
      })
      .optional()
      .meta({ description: "When not ok." }),
  })
  .meta({ title: "The reply to a command" });

/** By the name of the schema's file. */
export const MESSAGE_SCHEMAS = {
  update: updateMessage,
  "objects-minimal": minimalObjects,
  "objects-full": fullObjects,
  event: cameraEvent,
  status: deviceStatus,
  "camera-status": cameraStatus,
  metrics: deviceMetrics,
  bundle: bundleStep,
  counts: cameraCounts,
  loss: lossReport,
  command: commandRequest,
  reply: commandReply,
} as const;

/** The JSON Schema (2020-12) of a message. */
export function jsonSchema(name: keyof typeof MESSAGE_SCHEMAS): object {
  return z.toJSONSchema(MESSAGE_SCHEMAS[name], { target: "draft-2020-12" });
}
