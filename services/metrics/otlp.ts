/** Sends the metrics by OpenTelemetry (OTLP over HTTP). Loaded only when telemetry.otlp.endpoint is set. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { type Config, whyUnreadable } from "../config/load.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Metrics } from "./metrics.ts";
import { type Origin, resourceMetrics } from "./otlp-data.ts";

/** One export, with its repetitions. Milliseconds. */
const TIMEOUT_MS = 10_000;
/** The last one, when Nightjar stops. Milliseconds. */
const GOODBYE_MS = 1000;

export interface OtlpParts {
  readonly config: Config["telemetry"]["otlp"];
  readonly metrics: Metrics;
  readonly origin: Origin;
  readonly log: Logger;
}

interface Exporter {
  export(items: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

export class Otlp {
  readonly #parts: OtlpParts;
  #exporter: Exporter | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #problem = "";

  constructor(parts: OtlpParts) {
    this.#parts = parts;
  }

  /** Begins, if an endpoint is configured. @throws ExpectedError when the file of headers cannot be used */
  async start(): Promise<void> {
    const { endpoint, headers, interval } = this.#parts.config;
    if (endpoint === undefined) return;
    const given = headers === undefined ? {} : readHeaders(headers);
    const { OTLPMetricExporter } = await import("@opentelemetry/exporter-metrics-otlp-http");
    this.#exporter = new OTLPMetricExporter({ url: endpoint, headers: given, timeoutMillis: TIMEOUT_MS });
    this.#timer = setInterval(() => this.#tick(), interval);
  }

  /** What was counted since the last time is sent once more, if the receiver takes it soon. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const exporter = this.#exporter;
    if (exporter === undefined) return;
    const sent = (this.#running ?? Promise.resolve()).then(() => this.#send(exporter));
    await Promise.race([sent, sleep(GOODBYE_MS, undefined, { ref: false })]);
    await Promise.race([exporter.shutdown(), sleep(GOODBYE_MS, undefined, { ref: false })]);
  }

  /** A receiver that is slow gets fewer: the next export waits for the last. */
  #tick(): void {
    const exporter = this.#exporter;
    if (exporter === undefined || this.#running !== undefined) return;
    this.#running = this.#send(exporter).finally(() => {
      this.#running = undefined;
    });
  }

  async #send(exporter: Exporter): Promise<void> {
    const { metrics, origin } = this.#parts;
    try {
      await metrics.refresh();
      const data = await resourceMetrics(metrics.registry, origin, Date.now());
      const { code, error } = await new Promise<{ code: number; error?: Error }>((resolve) =>
        exporter.export(data, resolve),
      );
      this.#say(code === 0 ? "" : (error?.message ?? "unknown error"));
    } catch (error) {
      this.#say(messageOf(error));
    }
  }

  /** Once for each trouble, and when it is over. */
  #say(problem: string): void {
    const { log, config } = this.#parts;
    if (problem === this.#problem) return;
    this.#problem = problem;
    if (problem === "") log.info(`telemetry.otlp: metrics arrive at ${config.endpoint} again`);
    else log.warn(`telemetry.otlp: metrics do not arrive at ${config.endpoint}: ${problem}`);
  }
}

/** "NAME: VALUE" in each line; empty lines and those that begin with # are left out. @throws ExpectedError */
export function readHeaders(file: string): Record<string, string> {
  const lines = read(file).split(/\r?\n/);
  const wanted = lines.map((line, i) => ({ line: line.trim(), number: i + 1 }));
  return Object.fromEntries(
    wanted
      .filter(({ line }) => line !== "" && !line.startsWith("#"))
      .map(({ line, number }) => {
        const found = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(\S.*)$/.exec(line);
        if (found !== null) return [found[1], found[2]];
        // The line may hold a secret: it is not shown.
        throw new ExpectedError(
          EXIT.configuration,
          `telemetry.otlp.headers: line ${number} of ${file} is no header; expected NAME: VALUE`,
        );
      }),
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const message = `telemetry.otlp.headers: ${file}: ${whyUnreadable(error)}; expected one header in each line, NAME: VALUE`;
    throw new ExpectedError(EXIT.configuration, message, { cause: error });
  }
}
