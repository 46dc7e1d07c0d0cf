/** The keys of what is kept on the disk: messages until the broker has them, and pictures of events. */
import { z } from "zod";
import { DEFAULT_POLICIES, type MessageClass } from "../publisher/outbox/types.ts";
import { duration, integerIn, path, percent, size } from "./fields.ts";
import { formatDuration } from "./units.ts";

const MIB = 1024 * 1024;

/** Keys of one class; debug has no commit, for it is never written. */
function classKeys(kind: MessageClass) {
  const { quotaBytes, ttlMs, keep } = DEFAULT_POLICIES[kind];
  return {
    quota: size()
      .prefault(`${quotaBytes / MIB}MiB`)
      .meta({ description: "Most bytes that wait; the oldest messages go first.", unit: "size", restart: "nightjar" }),
    ttl: duration({ min: "1s", max: "365d" })
      .prefault(formatDuration(ttlMs))
      .meta({ description: "Messages older than this are given up.", unit: "duration", restart: "nightjar" }),
    keep: z
      .enum(["all", "latest"], { error: "one of all, latest" })
      .prefault(keep)
      .meta({ description: "latest: only the newest message of each topic waits.", restart: "nightjar" }),
  };
}

function stored(kind: MessageClass) {
  const commit = duration({ max: "1min" }).prefault(formatDuration(DEFAULT_POLICIES[kind].commitMs)).meta({
    description:
      "A message that the broker has not acknowledged after this is written to the disk. Longer spares flash memory; as much is lost with the power.",
    unit: "duration",
    restart: "nightjar",
  });
  return z.strictObject({ commit, ...classKeys(kind) }).prefault({});
}

/** Messages that wait for the broker. */
export const outbox = z.strictObject({
  directory: path().optional().meta({
    description: "Where they are kept.",
    restart: "nightjar",
    defaultNote: "<directories.state>/outbox",
    example: "/var/lib/nightjar/outbox",
  }),
  memory: size().prefault("16MiB").meta({
    description: "Most bytes of messages in memory, also while the disk does not work.",
    unit: "size",
    restart: "nightjar",
  }),
  freeSpace: percent().prefault("10%").meta({
    description:
      "Share of the file system that stays free: below it, the outbox does not grow, and the least important go first.",
    unit: "percent",
    restart: "nightjar",
  }),
  backlogRate: integerIn(0, 1_000_000).prefault(1000).meta({
    description:
      "Messages per second that had to wait, beside the live ones, when the broker is back; 0: as fast as it goes.",
    unit: "messages/s",
    restart: "nightjar",
  }),
  alarm: stored("alarm").meta({ description: "Loss reports.", restart: "nightjar" }),
  event: stored("event").meta({ description: "Events of analytics modules.", restart: "nightjar" }),
  telemetry: stored("telemetry").meta({ description: "Objects of frames.", restart: "nightjar" }),
  debug: z
    .strictObject(classKeys("debug"))
    .prefault({})
    .meta({ description: "Figures of the device; in memory only.", restart: "nightjar" }),
});

/** Pictures of events. */
export const evidence = z.strictObject({
  enabled: z
    .boolean()
    .prefault(false)
    .meta({ description: "Keep a picture for each event, and name it in the event.", restart: "nightjar" }),
  directory: path().optional().meta({
    description: "Where they are kept.",
    restart: "nightjar",
    defaultNote: "<directories.state>/evidence",
    example: "/var/lib/nightjar/evidence",
  }),
  quota: size().prefault("512MiB").meta({
    description: "Most bytes of pictures; the oldest go first. Also those of the snapshot command.",
    unit: "size",
    restart: "nightjar",
  }),
  ttl: duration({ min: "1min", max: "365d" })
    .prefault("30d")
    .meta({ description: "Pictures older than this are removed.", unit: "duration", restart: "nightjar" }),
});
