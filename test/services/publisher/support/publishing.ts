/** A publisher with short waiting times, and what it logs. */
import { pino } from "pino";
import { Registry } from "prom-client";
import type { PublisherOptions } from "../../../../services/publisher/options.ts";
import { createPublisher, type Publisher, type PublisherHooks } from "../../../../services/publisher/publisher.ts";
import { KIND, type PayloadRecord } from "../../../../services/publisher/record.ts";

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Publishing {
  readonly publisher: Publisher;
  readonly registry: Registry;
  readonly log: readonly LogLine[];
  /** Messages of warnings and errors. */
  complaints(): string[];
}

export function publishing(options: Partial<PublisherOptions>, hooks: PublisherHooks = {}): Publishing {
  const log: LogLine[] = [];
  const logger = pino({ level: "debug", base: null }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const registry = new Registry();
  const publisher = createPublisher(
    { device: "gate-1", backoff: { firstMs: 50, maxMs: 200 }, willDelayMs: 0, ...options },
    logger,
    registry,
    hooks,
  );
  return { publisher, registry, log, complaints: () => log.filter(({ level }) => level >= 40).map(({ msg }) => msg) };
}

/** A record with a minimal payload of nvmsgconv, captured now. */
export function objectsRecord(frame: number, fields: Partial<PayloadRecord> = {}): PayloadRecord {
  const document = {
    version: "4.0",
    id: String(frame),
    "@timestamp": new Date().toISOString(),
    sensorId: "gate",
    objects: ["1|0|0|2|2|car"],
  };
  return {
    kind: KIND.objects,
    sourceId: 0,
    frameNumber: frame,
    pts: 0n,
    captureNs: BigInt(Date.now()) * 1_000_000n,
    sequence: BigInt(frame + 1),
    componentId: 0,
    dropped: 0,
    emittedNs: BigInt(Date.now()) * 1_000_000n,
    payload: Buffer.from(JSON.stringify(document, null, 2)),
    ...fields,
  };
}
