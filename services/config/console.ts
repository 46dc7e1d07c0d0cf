/** The keys of the web page and the HTTP API. */
import { z } from "zod";
import { address, integerIn, numberIn, path, percent } from "./fields.ts";

const HOST_EXPECTED = "a name or an IP address, without scheme and port, such as box-12.example.org";

const tls = z.strictObject({
  certificate: path().optional().meta({
    description: "Certificate (PEM) with its chain. Read again when it changes.",
    restart: "nightjar",
    example: "/etc/nightjar/console.pem",
  }),
  key: path().optional().meta({
    description: "Its private key (PEM). Read again when it changes.",
    restart: "nightjar",
    example: "/etc/nightjar/console.key",
  }),
  selfSigned: z.boolean().prefault(false).meta({
    description:
      "Make key and certificate on this device when none are given. A browser warns of it once; the log says its fingerprint, to compare.",
    restart: "nightjar",
  }),
});

export const consoleSection = z.strictObject({
  enabled: z.boolean().prefault(true).meta({ description: "Serve the console and the HTTP API.", restart: "nightjar" }),
  listen: address().prefault("127.0.0.1:8080").meta({
    description:
      "Address of the console. Any other than one of this machine (127.0.0.1, [::1], localhost) needs console.tls and a user (nightjar user add).",
    restart: "nightjar",
  }),
  hosts: z
    .array(
      z.string({ error: HOST_EXPECTED }).regex(/^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/, { error: HOST_EXPECTED }),
      {
        error: `a list of names: ${HOST_EXPECTED}`,
      },
    )
    .prefault([])
    .meta({
      description:
        "More names under which the console is called, such as that of a proxy before it. Its address and the host name (also with .local) always are; a request for any other name is refused.",
      restart: "nightjar",
      example: ["box-12.example.org"],
    }),
  tls: tls.prefault({}).meta({ description: "TLS of the console.", restart: "nightjar" }),
  users: path().optional().meta({
    description: "Who may log in: nightjar user and nightjar token write this file, a change holds at once.",
    restart: "nightjar",
    defaultNote: "users.json in directories.state",
    example: "/var/lib/nightjar/users.json",
  }),
  pictureRate: numberIn(0.1, 60)
    .prefault(10)
    .meta({ description: "Most live pictures per second and viewer.", unit: "frames/s", restart: "nightjar" }),
  pictureQuality: percent()
    .prefault("75%")
    .meta({ description: "JPEG quality of live pictures.", unit: "percent", restart: "nightjar" }),
  pictureWidth: integerIn(160, 8192)
    .prefault(960)
    .meta({ description: "Largest width of live pictures.", unit: "pixels", restart: "nightjar" }),
  viewers: integerIn(1, 1000)
    .prefault(32)
    .meta({ description: "Most viewers of live pictures at a time.", unit: "viewers", restart: "nightjar" }),
});
