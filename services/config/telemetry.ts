/** The keys of metrics that are sent instead of fetched. */
import { z } from "zod";
import { duration, path } from "./fields.ts";

const ADDRESS_EXPECTED = "an address https://HOST/PATH or http://HOST/PATH, such as http://127.0.0.1:4318/v1/metrics";

const otlp = z.strictObject({
  endpoint: z
    .string({ error: ADDRESS_EXPECTED })
    .regex(/^https?:\/\/[^\s/@]+(\/\S*)?$/, { error: ADDRESS_EXPECTED })
    .optional()
    .meta({
      description: "Where the metrics of /metrics are sent, by OTLP over HTTP; not set: nowhere.",
      restart: "nightjar",
      example: "http://127.0.0.1:4318/v1/metrics",
    }),
  interval: duration({ min: "1s", max: "1h" })
    .prefault("60s")
    .meta({ description: "How often.", unit: "duration", restart: "nightjar" }),
  headers: path().optional().meta({
    description: "File with one header in each line, NAME: VALUE, such as a receiver's token.",
    restart: "nightjar",
    example: "/etc/nightjar/otlp-headers",
  }),
});

export const telemetry = z.strictObject({
  otlp: otlp.prefault({}).meta({ description: "OpenTelemetry.", restart: "nightjar" }),
});
