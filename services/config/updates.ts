/** The keys of updates over the air. */
import { z } from "zod";
import { parseWindow, WINDOW_PATTERN } from "../updater/schedule.ts";
import { duration, numberIn, path, size, text } from "./fields.ts";

const WINDOW_EXPECTED = 'hours of the day such as "02:00-05:00" (local time; over midnight: "22:00-04:00")';

const windows = () =>
  z.array(
    z
      .string({ error: WINDOW_EXPECTED })
      .regex(WINDOW_PATTERN, { error: WINDOW_EXPECTED })
      .transform((value) => parseWindow(value)!),
    { error: `a list of ${WINDOW_EXPECTED}` },
  );

const ADDRESS_EXPECTED = "an address https://HOST/PATH, http://HOST/PATH or file:///PATH";
const NAME_EXPECTED = "lower-case letters, digits, . _ - (at most 64)";

const probation = z.strictObject({
  module: duration({ min: "0s", max: "7d" }).prefault("60s").meta({
    description: "How long a release is watched that brings no other model.",
    unit: "duration",
    restart: "nightjar",
  }),
  model: duration({ min: "0s", max: "7d" }).prefault("5min").meta({
    description: "How long a release is watched that brings another model.",
    unit: "duration",
    restart: "nightjar",
  }),
  shadow: duration({ min: "0s", max: "1d" }).prefault("0s").meta({
    description: "How long a release runs unseen beside what serves, before it does; 0s: not at all.",
    unit: "duration",
    restart: "nightjar",
  }),
  agreement: numberIn(0, 1).prefault(0).meta({
    description: "Least share of objects on which a release agrees with what served before; 0: not looked at.",
    restart: "nightjar",
  }),
  frameRate: numberIn(0, 1).prefault(0.95).meta({
    description: "Least share of the frames that were looked at before which still are.",
    restart: "nightjar",
  }),
});

const tls = z.strictObject({
  ca: path()
    .optional()
    .meta({ description: "Certificates (PEM) to trust.", defaultNote: "the system's", example: "updates-ca.pem" }),
  certificate: path().optional().meta({ description: "Certificate (PEM) of this device.", example: "device.pem" }),
  key: path().optional().meta({ description: "Private key (PEM) of this device.", example: "device.key" }),
});

export const updates = z.strictObject({
  repository: z
    .string({ error: ADDRESS_EXPECTED })
    .regex(/^(https?:\/\/[^\s/]+|file:\/\/\/)[^\s]*$/, { error: ADDRESS_EXPECTED })
    .optional()
    .meta({
      description:
        "Where updates come from: the address of a repository (nightjar repo makes one). Without it, there are none.",
      restart: "nightjar",
      defaultNote: "no updates",
      example: "https://updates.example.org/fleet",
    }),
  root: path().optional().meta({
    description: "The repository's first root.json, as it came with the device: all trust begins with it.",
    restart: "nightjar",
    defaultNote: "root.json beside this file",
    example: "/etc/nightjar/root.json",
  }),
  channels: z
    .array(z.string({ error: NAME_EXPECTED }).regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, { error: NAME_EXPECTED }), {
      error: "a list of names of channels",
    })
    .optional()
    .meta({
      description: "Channels of the repository to follow.",
      restart: "nightjar",
      defaultNote: "the names of the bundles of inference and tracking",
      example: ["street", "bytetrack"],
    }),
  automatic: z.boolean().prefault(true).meta({
    description: "Install what is for this device by itself; otherwise it waits for nightjar update install.",
    restart: "nightjar",
  }),
  interval: duration({ min: "10s", max: "7d" })
    .prefault("30min")
    .meta({ description: "Between two looks at the repository, about.", unit: "duration", restart: "nightjar" }),
  groups: z
    .array(text(), { error: "a list of names of groups" })
    .prefault([])
    .meta({
      description: "Groups that this device is in; a rollout may begin with one.",
      restart: "nightjar",
      example: ["canary"],
    }),
  hardware: z
    .array(text(), { error: "a list of names" })
    .prefault([])
    .meta({
      description:
        "What this device is made of, besides what it finds out (processor, device tree); releases may ask for it.",
      restart: "nightjar",
      example: ["orin-nx-16g"],
    }),
  downloadWindows: windows()
    .prefault([])
    .meta({
      description: "Hours in which releases are fetched; none: always.",
      restart: "nightjar",
      example: ["01:00-05:00"],
    }),
  installWindows: windows()
    .prefault([])
    .meta({
      description: "Hours in which what was fetched is brought in; none: always.",
      restart: "nightjar",
      example: ["02:00-04:00"],
    }),
  rate: size().prefault("0B").meta({
    description: "Most bytes per second of a fetch; 0B: as fast as it goes.",
    unit: "size",
    restart: "nightjar",
  }),
  idleTimeout: duration({ min: "1s", max: "10min" }).prefault("30s").meta({
    description:
      "A server that is silent, or sends less than 1 kB, for this long is given up; the fetch goes on there later.",
    unit: "duration",
    restart: "nightjar",
  }),
  proxy: z
    .string({ error: "an address http://HOST:PORT" })
    .regex(/^http:\/\/[^\s/]+\/?$/, { error: "an address http://HOST:PORT" })
    .optional()
    .meta({
      description: "HTTP proxy on the way to the repository.",
      restart: "nightjar",
      defaultNote: "HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment",
      example: "http://proxy:3128",
    }),
  tls: tls.prefault({}).meta({ description: "For https: addresses.", restart: "nightjar" }),
  clock: z.enum(["auto", "system"], { error: "one of auto, system" }).prefault("auto").meta({
    description:
      "When the time is certain enough to call signatures fresh: auto, once systemd's time service has synchronised (where it runs); system, always.",
    restart: "nightjar",
  }),
  probation: probation
    .prefault({})
    .meta({ description: "How a release is watched, unless it says so itself.", restart: "nightjar" }),
});
