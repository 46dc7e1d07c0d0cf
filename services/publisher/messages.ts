/**
 * The schema of every message that a device publishes. docs/reference/schemas/*.schema.json is generated from here
 * (node services/publisher/write-schemas.ts). Documents may hold more members than these: readers ignore what they do not know.
 */
import { z } from "zod";

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
      .looseObject({ ...extensionHead, objects: z.array(extendedObject) })
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
    position: z
      .looseObject({ x: z.number().nullable(), y: z.number().nullable() })
      .meta({ description: "Pixels of the frame." }),
    object: z
      .looseObject({ id: decimal, classId: z.int(), label: z.string(), confidence: z.number().nullable() })
      .nullable()
      .meta({ description: "null: the event is about no single object." }),
    nightjar: z.looseObject(frameFields),
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
    epoch: z.string(),
    "@timestamp": time,
    stage: z.enum(["outbox", "pipeline"]).meta({
      description: "outbox: messages that had a sequence; pipeline: records that never became messages.",
    }),
    reason: z.string().meta({ examples: ["queue-full", "too-large", "reader-too-slow"] }),
    count: z.int().min(1),
    bytes: z.int().min(0),
    ranges: z
      .array(z.tuple([z.int(), z.int()]))
      .optional()
      .meta({
        description: "First and last sequence of each run of lost messages; may cover a few that were not lost.",
      }),
    nightjarMessage: messageIdentity.optional(),
  })
  .meta({ title: "Messages that were lost" });

/** By the name of the schema's file. */
export const MESSAGE_SCHEMAS = {
  "objects-minimal": minimalObjects,
  "objects-full": fullObjects,
  event: cameraEvent,
  status: deviceStatus,
  "camera-status": cameraStatus,
  metrics: deviceMetrics,
  loss: lossReport,
} as const;

/** The JSON Schema (2020-12) of a message. */
export function jsonSchema(name: keyof typeof MESSAGE_SCHEMAS): object {
  return z.toJSONSchema(MESSAGE_SCHEMAS[name], { target: "draft-2020-12" });
}
