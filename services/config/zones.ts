/**
 * Zones of a camera: regions and lines in its picture. docs/reference/zones.md says what they do; the module in wasm/modules/zones
 * does it. Coordinates are shares of the picture, 0 to 1, so that a zone outlives another stream size.
 */
import { z } from "zod";
import { duration, integerIn, numberIn, percent, text } from "./fields.ts";

const NAME_BYTES = 31;
const MAX_POINTS = 64;
const MAX_CLASSES = 32;

const NAME_EXPECTED = `a text of 1 to ${NAME_BYTES} bytes`;
const POINT_EXPECTED = "a point [x, y], numbers from 0 to 1: shares of the picture's width and height";

const name = z
  .string({ error: NAME_EXPECTED })
  .refine((value) => value !== "" && Buffer.byteLength(value) <= NAME_BYTES && !/\p{Cc}/u.test(value), {
    error: NAME_EXPECTED,
  });

const point = z
  .array(numberIn(0, 1), { error: POINT_EXPECTED })
  .min(2, { error: POINT_EXPECTED })
  .max(2, { error: POINT_EXPECTED });

const points = z
  .array(point, { error: `a list of points [x, y]` })
  .max(MAX_POINTS, { error: `at most ${MAX_POINTS} points` });

const zoneObject = z.strictObject({
  name: name.meta({ description: "Unique in its camera; the rule in events.", example: "driveway" }),
  type: z.enum(["region", "line"], { error: "one of region, line" }).meta({
    description: "A region is an area that objects are in; a line is something that they cross.",
    example: "region",
  }),
  points: points.meta({
    description:
      "Corners of the region (3 or more), or the points of the line (2 or more), as [x, y] in shares of the picture: [0, 0] is its upper left, [1, 1] its lower right corner.",
    example: [
      [0.1, 0.5],
      [0.6, 0.5],
      [0.6, 0.9],
      [0.1, 0.9],
    ],
  }),
  classes: z
    .array(text(), { error: "a list of labels" })
    .max(MAX_CLASSES, { error: `at most ${MAX_CLASSES} labels` })
    .optional()
    .meta({ description: "Labels of the objects that count.", defaultNote: "all", example: ["car", "truck"] }),
  anchor: z
    .enum(["bottom", "centre", "top", "left", "right"], { error: "one of bottom, centre, top, left, right" })
    .prefault("bottom")
    .meta({ description: "The point of an object's box that counts: bottom is the middle of its lower edge." }),
  settle: duration({ max: "1d" }).prefault("300ms").meta({
    description: "How long something must last until it counts: being inside, being outside again, being across.",
    unit: "duration",
  }),
  margin: percent().prefault("1%").meta({
    description: "Lines: an object that is farther behind it than this (of the picture's height) counts at once.",
    unit: "percent",
  }),
  count: z
    .enum(["both", "in", "out"], { error: "one of both, in, out" })
    .prefault("both")
    .meta({ description: "Lines: which crossings count. In is from its left to its right, looking along its points." }),
  dwell: duration({ min: "1ms", max: "1d" })
    .optional()
    .meta({ description: "Regions: tell who stays this long.", unit: "duration", defaultNote: "off", example: "30s" }),
  crowd: integerIn(1, 65_536).optional().meta({
    description: "Regions: tell when this many objects are inside.",
    unit: "objects",
    defaultNote: "off",
    example: 5,
  }),
  crowdTime: duration({ max: "1d" })
    .prefault("2s")
    .meta({ description: "Regions: how long there must be so many, or fewer again.", unit: "duration" }),
  direction: numberIn(-360, 360).optional().meta({
    description: "Regions: the allowed direction, clockwise: 0 to the right, 90 down. Tell who goes the wrong way.",
    unit: "degrees",
    defaultNote: "off",
    example: 90,
  }),
  tolerance: numberIn(1, 179)
    .prefault(90)
    .meta({ description: "Regions: how far a direction may be off.", unit: "degrees" }),
  stride: percent().prefault("5%").meta({
    description: "Regions: a way is looked at each time it is this long (of the picture's height).",
    unit: "percent",
  }),
});

const REGION_KEYS = ["dwell", "crowd", "direction"] as const;

/** One zone, as a person writes it. */
export const zoneSchema = zoneObject.check((context) => {
  const { type, points: corners, ...keys } = context.value;
  const least = type === "region" ? 3 : 2;
  const report = (key: string, message: string) =>
    context.issues.push({ code: "custom", input: context.value, path: [key], message });
  if (corners.length < least) report("points", `${least} or more points for a ${type}`);
  if (type === "region" && keys.count !== "both") report("count", "no such key: it is one of lines");
  if (type === "region") return;
  for (const key of REGION_KEYS) if (keys[key] !== undefined) report(key, "no such key: it is one of regions");
});

export const zonesSchema = z
  .array(zoneSchema, { error: "a list of zones" })
  .max(64, { error: "at most 64 zones" })
  .check((context) => {
    context.value.forEach((zone, i) => {
      if (context.value.findIndex((other) => other.name === zone.name) === i) return;
      const message = `another name: "${zone.name}" is taken, and names of a camera's zones differ`;
      context.issues.push({ code: "custom", input: context.value, path: [i, "name"], message });
    });
  })
  .meta({
    description: "Regions and lines in the picture. More can be set at run time (nightjar zone set).",
    restart: "camera",
    defaultNote: "none",
    example: [
      {
        name: "gate",
        type: "line",
        points: [
          [0.2, 0.6],
          [0.8, 0.6],
        ],
      },
    ],
  });

/** A zone with all defaults filled in: durations in milliseconds, percentages as shares. */
export type Zone = z.output<typeof zoneSchema>;
/** A zone as it is written in a file or sent to the control interface. */
export type ZoneInput = z.input<typeof zoneSchema>;

/** The section `zones` of the configuration. */
export const zonesSection = z.strictObject({
  enabled: z.boolean().optional().meta({
    description:
      "Run the zones module. Without it there are no zones; with no zones it costs a little time for nothing.",
    restart: "nightjar",
    defaultNote: "true when a camera has zones",
    example: true,
  }),
  bundle: text()
    .prefault("zones")
    .meta({ description: "Analyze bundle that knows zones: name or directory.", restart: "nightjar" }),
  forgetAfter: duration({ max: "1h" }).prefault("2s").meta({
    description: "An object not seen for so long has left its regions.",
    unit: "duration",
    restart: "nightjar",
  }),
});
