/** Cameras and their sources. A source written as `uri: …` is the same as the source object that normaliseUri makes of it. */
import { z } from "zod";
import { duration, identifier, integerIn, numberIn, path, secret, text } from "./fields.ts";
import { zonesSchema } from "./zones.ts";

const size = { width: integerIn(16, 8192), height: integerIn(16, 8192) };
const framerate = () => numberIn(0.1, 240);

const rtspTls = z.strictObject({
  ca: path().optional().meta({
    description: "Certificates (PEM) to trust: of the authority that signed the camera's, or the camera's own.",
    defaultNote: "the system's",
    example: "cameras-ca.pem",
  }),
  verify: z.boolean().prefault(true).meta({
    description: "Check the camera's certificate. false still encrypts, but anyone may pose as the camera.",
  }),
});

const rtsp = z
  .strictObject({
    type: z.literal("rtsp"),
    uri: z
      .string({ error: "an address rtsp://HOST/PATH or rtsps://HOST/PATH" })
      .regex(/^rtsps?:\/\/[^\s/]/, { error: "an address rtsp://HOST/PATH or rtsps://HOST/PATH" })
      .meta({
        description: "Address of the stream, without user name and password.",
        example: "rtsp://192.0.2.10/stream1",
      }),
    username: text().optional().meta({ description: "User name at the camera.", example: "viewer" }),
    password: secret()
      .optional()
      .meta({ description: "Password at the camera, by reference.", example: { file: "front-door.password" } }),
    transport: z.enum(["tcp", "udp", "multicast", "auto"]).prefault("tcp").meta({
      description:
        "How the packets travel: tcp loses nothing and passes firewalls, udp has less delay, auto tries udp, multicast, then tcp.",
    }),
    latency: duration({ max: "60s" })
      .prefault("200ms")
      .meta({ description: "Jitter buffer: how long packets may wait for late ones.", unit: "duration" }),
    dropOnLatency: z
      .boolean()
      .prefault(true)
      .meta({ description: "Drop what is older than the jitter buffer; false lets the delay grow instead." }),
    timeout: duration({ min: "100ms", max: "10min" })
      .prefault("10s")
      .meta({ description: "Limit for connecting and for each answer of the camera.", unit: "duration" }),
    tls: rtspTls.prefault({}).meta({ description: "For rtsps: addresses." }),
  })
  .meta({ description: "A network camera that speaks RTSP." });

const uri = z
  .strictObject({
    type: z.literal("uri"),
    uri: z
      .string({ error: "a URI, such as https://HOST/PATH" })
      .regex(/^[a-z][a-z0-9+.-]*:\S+$/, { error: "a URI, such as https://HOST/PATH" })
      .meta({
        description: "Any URI that GStreamer's uridecodebin can play.",
        example: "https://192.0.2.11/live.m3u8",
      }),
  })
  .meta({ description: "Any other stream, by its URI." });

const file = z
  .strictObject({
    type: z.literal("file"),
    path: path().meta({ description: "Video file.", example: "clips/crossing.mp4" }),
    loop: z.boolean().prefault(false).meta({ description: "Begin again at the end; otherwise the camera ends there." }),
    realtime: z
      .boolean()
      .prefault(true)
      .meta({ description: "Play at the speed of its clock, like a camera; false plays as fast as the machine can." }),
  })
  .meta({ description: "A video file." });

const v4l2 = z
  .strictObject({
    type: z.literal("v4l2"),
    device: path().prefault("/dev/video0").meta({ description: "Device node." }),
    width: size.width.optional().meta({ description: "Picture width to ask for.", unit: "pixels", example: 1280 }),
    height: size.height.optional().meta({ description: "Picture height to ask for.", unit: "pixels", example: 720 }),
    framerate: framerate().optional().meta({ description: "Frame rate to ask for.", unit: "frames/s", example: 30 }),
    format: z
      .enum(["auto", "raw", "mjpeg"])
      .prefault("auto")
      .meta({ description: "raw asks for plain pictures, mjpeg for compressed ones (higher rates over USB 2)." }),
  })
  .meta({ description: "A camera on this machine (USB, capture card), by Video4Linux." });

const test = z
  .strictObject({
    type: z.literal("test"),
    pattern: text().prefault("smpte").meta({ description: "Pattern of GStreamer's videotestsrc." }),
    width: size.width.prefault(1280).meta({ description: "Picture width.", unit: "pixels" }),
    height: size.height.prefault(720).meta({ description: "Picture height.", unit: "pixels" }),
    framerate: framerate().prefault(15).meta({ description: "Frame rate.", unit: "frames/s" }),
    realtime: z
      .boolean()
      .prefault(true)
      .meta({ description: "Play at that rate; false plays as fast as the machine can." }),
    frames: integerIn(0, 2_147_483_647)
      .prefault(0)
      .meta({ description: "End after this many; 0 never ends.", unit: "frames" }),
  })
  .meta({ description: "A generated test picture." });

const images = z
  .strictObject({
    type: z.literal("images"),
    path: path().meta({
      description: "Numbered JPEG or PNG files, with one printf pattern for the number.",
      example: "frames/%05d.jpg",
    }),
    start: integerIn(0, 2_147_483_647).prefault(0).meta({ description: "Number of the first file." }),
    framerate: framerate().prefault(10).meta({ description: "Frame rate at which they are played.", unit: "frames/s" }),
    loop: z
      .boolean()
      .prefault(false)
      .meta({ description: "Begin again after the last; otherwise the camera ends there." }),
    realtime: z
      .boolean()
      .prefault(true)
      .meta({ description: "Play at that rate; false plays as fast as the machine can." }),
  })
  .meta({ description: "A sequence of image files." });

export const SOURCE_TYPES = ["rtsp", "uri", "file", "v4l2", "test", "images"] as const;

export const sourceSchema = z.discriminatedUnion("type", [rtsp, uri, file, v4l2, test, images], {
  error: (issue) =>
    issue.code === "invalid_union"
      ? `a source whose type is one of ${SOURCE_TYPES.join(", ")}`
      : "a source: a map with a type and its keys",
});

export type Source = z.output<typeof sourceSchema>;
type SourceInput = z.input<typeof sourceSchema>;

const location = z
  .strictObject({
    latitude: numberIn(-90, 90).meta({ description: "Latitude.", unit: "degrees", example: 52.52 }),
    longitude: numberIn(-180, 180).meta({ description: "Longitude.", unit: "degrees", example: 13.405 }),
    altitude: numberIn(-500, 10_000).prefault(0).meta({ description: "Height above sea level.", unit: "metres" }),
  })
  .meta({ description: "Where it is on Earth; goes into the messages." });

const coordinate = z
  .strictObject({
    x: z.number().prefault(0).meta({ description: "x in the plan of the place." }),
    y: z.number().prefault(0).meta({ description: "y in the plan of the place." }),
    z: z.number().prefault(0).meta({ description: "z in the plan of the place." }),
  })
  .meta({ description: "Where it is in the plan of its place; goes into the messages." });

export const placeSchema = z.strictObject({
  id: text().meta({ description: "Identifier of the place.", example: "1" }),
  name: text().meta({ description: "Name of the place.", example: "main-street" }),
  type: text().prefault("intersection").meta({ description: "Kind of place, such as intersection, garage, entrance." }),
  location: location.optional(),
  coordinate: coordinate.optional(),
  fields: z
    .array(z.string(), { error: "a list of at most three texts" })
    .max(3, { error: "a list of at most three texts" })
    .prefault([])
    .meta({ description: "The three place-sub-fields of the message schema: name, id, level of a part of the place." }),
});

export type Place = z.output<typeof placeSchema>;

const reconnect = z.strictObject({
  delay: duration({ min: "10ms", max: "1h" })
    .prefault("1s")
    .meta({ description: "Wait before the first new attempt.", unit: "duration" }),
  maxDelay: duration({ min: "10ms", max: "1h" })
    .prefault("30s")
    .meta({ description: "The wait doubles with each attempt that fails, up to this.", unit: "duration" }),
  startTimeout: duration({ min: "500ms", max: "1h" })
    .prefault("20s")
    .meta({ description: "How long an attempt may take until its first picture.", unit: "duration" }),
});

export const cameraSchema = z
  .strictObject({
    id: identifier().meta({
      description: "Unique name; stands in topics and addresses.",
      restart: "camera",
      example: "front-door",
    }),
    name: text()
      .optional()
      .meta({ description: "Name for people.", restart: "camera", defaultNote: "the id", example: "Front door" }),
    enabled: z
      .boolean()
      .prefault(true)
      .meta({ description: "false keeps the entry and does not open the camera.", restart: "camera" }),
    uri: z
      .string({ error: "a URI, such as rtsp://HOST/PATH, file:///PATH, v4l2:///dev/video0 or test:" })
      .optional()
      .meta({
        description:
          "Short form of source, when its defaults suit: rtsp://…, file:///…, v4l2:///dev/video0, test:, or any other URI.",
        restart: "camera",
        example: "rtsp://192.0.2.10/stream1",
      }),
    source: sourceSchema
      .optional()
      .meta({ description: "Where the pictures come from (either this or uri).", restart: "camera" }),
    stallTimeout: duration({ min: "500ms", max: "1h" }).optional().meta({
      description: "No frame for this long: the source is closed and opened again.",
      unit: "duration",
      restart: "camera",
      defaultNote: "pipeline.stallTimeout",
      example: "10s",
    }),
    reconnect: reconnect.prefault({}).meta({ description: "How a lost source is tried again.", restart: "camera" }),
    description: z.string().prefault("").meta({ description: "Free text for the messages.", restart: "camera" }),
    location: location.optional(),
    coordinate: coordinate.optional(),
    place: placeSchema
      .optional()
      .meta({ description: "Place of this camera, when it is not the device's.", restart: "camera" }),
    zones: zonesSchema.optional(),
  })
  .transform((camera, context) => {
    const { uri: short, source, name, ...rest } = camera;
    const found = source ?? (short === undefined ? undefined : sourceOfUri(short));
    if (found === undefined) {
      const message = "a URI, such as rtsp://HOST/PATH, file:///PATH, v4l2:///dev/video0 or test:";
      // That both are absent is said by crosscheck.ts, under the same key, also when other keys of the camera are wrong.
      context.issues.push({ code: "custom", input: short, path: short === undefined ? [] : ["uri"], message });
      return z.NEVER;
    }
    return { ...rest, name: name ?? camera.id, source: found };
  });

/** A camera with all defaults filled in; `source` is always present. */
export type Camera = z.output<typeof cameraSchema>;
/** A camera as it is written in a file or sent to the control interface. */
export type CameraInput = z.input<typeof cameraSchema>;

/** The source that a short `uri` stands for; undefined when it is not a URI. */
export function sourceOfUri(short: string): Source | undefined {
  const input = sourceInputOfUri(short);
  return input === undefined ? undefined : sourceSchema.safeParse(input).data;
}

/** The source object, as a person would write it, that a short `uri` stands for; undefined when it is not a URI. */
export function sourceInputOfUri(short: string): SourceInput | undefined {
  if (/^rtsps?:\/\//.test(short)) return { type: "rtsp", uri: short };
  if (short.startsWith("file://")) return { type: "file", path: decodeURIComponent(short.slice("file://".length)) };
  if (short.startsWith("v4l2://")) return { type: "v4l2", device: short.slice("v4l2://".length) || "/dev/video0" };
  if (/^test:(\/\/)?/.test(short)) return { type: "test", pattern: short.replace(/^test:(\/\/)?/, "") || "smpte" };
  if (/^[a-z][a-z0-9+.-]*:\S+$/.test(short)) return { type: "uri", uri: short };
  return undefined;
}
