/** The publisher's figures for Prometheus. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { MessageClass, OutboxStats } from "./outbox.ts";

export interface PublisherMetrics {
  published(kind: MessageClass): void;
  acknowledged(kind: MessageClass, latencyMs: number | undefined): void;
  dropped(reason: string, count: number): void;
}

/** @param stats asked when somebody scrapes */
export function publisherMetrics(
  registry: Registry,
  stats: () => OutboxStats & { readonly connected: boolean },
): PublisherMetrics {
  const registers = [registry];
  const published = new Counter({
    name: "nightjar_publisher_published_total",
    help: "Messages handed to the broker, repetitions included",
    labelNames: ["class"],
    registers,
  });
  const acknowledged = new Counter({
    name: "nightjar_publisher_acknowledged_total",
    help: "Messages that the broker has taken",
    labelNames: ["class"],
    registers,
  });
  const dropped = new Counter({
    name: "nightjar_publisher_dropped_total",
    help: "Messages given up",
    labelNames: ["reason"],
    registers,
  });
  const latency = new Histogram({
    name: "nightjar_publisher_capture_to_acknowledge_seconds",
    help: "From the capture of a frame to the broker's acknowledgement of its message",
    buckets: [0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 60],
    registers,
  });
  gauge(
    registry,
    "nightjar_publisher_queue_messages",
    "Messages that the broker does not have yet",
    () => stats().messages,
  );
  gauge(registry, "nightjar_publisher_queue_bytes", "Bytes of these messages", () => stats().bytes);
  gauge(registry, "nightjar_publisher_in_flight", "Messages waiting for an acknowledgement", () => stats().inFlight);
  gauge(registry, "nightjar_publisher_connected", "1 while connected to the broker", () => (stats().connected ? 1 : 0));
  return {
    published: (kind) => published.inc({ class: kind }),
    acknowledged: (kind, latencyMs) => {
      acknowledged.inc({ class: kind });
      if (latencyMs !== undefined) latency.observe(latencyMs / 1000);
    },
    dropped: (reason, count) => dropped.inc({ reason }, count),
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
