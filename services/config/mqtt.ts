/** The keys of the connection to the broker. */
import { z } from "zod";
import { address, duration, integerIn, path, secret, text } from "./fields.ts";

const tls = z.strictObject({
  ca: path()
    .optional()
    .meta({ description: "Certificates (PEM) to trust.", defaultNote: "the system's", example: "broker-ca.pem" }),
  certificate: path().optional().meta({ description: "Certificate (PEM) of this device.", example: "device.pem" }),
  key: path().optional().meta({ description: "Private key (PEM) of this device.", example: "device.key" }),
  serverName: text()
    .optional()
    .meta({ description: "Name to expect in the broker's certificate.", defaultNote: "the host of url" }),
});

/** Where messages go. */
export const mqtt = z.strictObject({
  url: z
    .string({ error: "a broker address mqtt://HOST[:PORT] or mqtts://HOST[:PORT]" })
    .regex(/^mqtts?:\/\/[^\s/]+/, { error: "a broker address mqtt://HOST[:PORT] or mqtts://HOST[:PORT]" })
    .optional()
    .meta({
      description: "Broker to publish to. Without it, an embedded broker serves this machine.",
      restart: "nightjar",
      defaultNote: "the embedded broker",
      example: "mqtts://broker.example.org:8883",
    }),
  embedded: z
    .strictObject({
      listen: address()
        .prefault("127.0.0.1:1883")
        .meta({ description: "Address of the embedded broker.", restart: "nightjar" }),
    })
    .prefault({})
    .meta({ description: "The embedded broker; used when url is absent.", restart: "nightjar" }),
  username: text()
    .optional()
    .meta({ description: "User name at the broker.", restart: "nightjar", example: "nightjar" }),
  password: secret()
    .optional()
    .meta({
      description: "Password at the broker, by reference.",
      restart: "nightjar",
      example: { file: "mqtt.password" },
    }),
  tls: tls.prefault({}).meta({ description: "For mqtts: addresses.", restart: "nightjar" }),
  clientId: text().max(65_535).optional().meta({
    description: "MQTT client identifier.",
    restart: "nightjar",
    defaultNote: "nightjar-<device.id>",
    example: "nightjar-1",
  }),
  protocol: z
    .enum(["5", "3.1.1"], { error: 'one of "5", "3.1.1" (in quotes)' })
    .prefault("5")
    .meta({ description: "MQTT version.", restart: "nightjar" }),
  topicPrefix: z
    .string({ error: "a topic without '+', '#' and without '/' at its ends" })
    .regex(/^[^+#/\0]+(\/[^+#/\0]+)*$/, { error: "a topic without '+', '#' and without '/' at its ends" })
    .optional()
    .meta({
      description: "Begins every topic.",
      restart: "nightjar",
      defaultNote: "nightjar/<device.id>",
      example: "site-7/nightjar-1",
    }),
  qos: z
    .union([z.literal(0), z.literal(1)], { error: "0 or 1" })
    .prefault(1)
    .meta({ description: "0: lost when the broker is away; 1: kept until the broker has it.", restart: "nightjar" }),
  keepAlive: duration({ min: "1s", max: "18h" })
    .prefault("30s")
    .meta({ description: "Longest silence on the connection.", unit: "duration", restart: "nightjar" }),
  connectTimeout: duration({ min: "100ms", max: "10min" })
    .prefault("10s")
    .meta({ description: "How long one attempt to connect may take.", unit: "duration", restart: "nightjar" }),
  insecure: z.boolean().prefault(false).meta({
    description:
      "Allows mqtt: to another machine, and an embedded broker that other machines reach, where anyone on the way reads and changes what is sent, and who may give commands is anybody's guess (only reading ones are taken). The status shows it.",
    restart: "nightjar",
  }),
  window: integerIn(1, 65_535).prefault(20).meta({
    description: "Messages on their way at once, unless the broker allows fewer.",
    unit: "messages",
    restart: "nightjar",
  }),
  commands: z.enum(["all", "read", "off"], { error: "one of all, read, off" }).prefault("all").meta({
    description:
      "Commands that are taken over MQTT, from whom the broker's access list lets publish them: all, only those that change nothing, or none.",
    restart: "nightjar",
  }),
  homeAssistant: z
    .strictObject({
      enabled: z
        .boolean()
        .prefault(false)
        .meta({ description: "Announce cameras to Home Assistant.", restart: "nightjar" }),
      prefix: z
        .string({ error: "a topic without '+', '#' and without '/' at its ends" })
        .regex(/^[^+#/\0]+(\/[^+#/\0]+)*$/, { error: "a topic without '+', '#' and without '/' at its ends" })
        .prefault("homeassistant")
        .meta({ description: "Home Assistant's discovery prefix.", restart: "nightjar" }),
    })
    .prefault({})
    .meta({ description: "MQTT discovery.", restart: "nightjar" }),
});
