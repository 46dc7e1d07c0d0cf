/** The publisher's figures for Prometheus. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { CLASSES, type MessageClass, type OutboxStats } from "./outbox/types.ts";

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
  outboxMetrics(registry, stats);
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

function outboxMetrics(registry: Registry, stats: () => OutboxStats): void {
  const perClass = (name: string, help: string, member: "messages" | "bytes") =>
    new Gauge({
      name,
      help,
      labelNames: ["class"],
      registers: [registry],
      collect() {
        const { classes } = stats();
        for (const kind of CLASSES) this.set({ class: kind }, classes[kind][member]);
      },
    });
  perClass("nightjar_outbox_messages", "Messages that the broker does not have yet", "messages");
  perClass("nightjar_outbox_bytes", "Bytes of these messages", "bytes");
  const figures: [name: string, help: string, read: (stats: OutboxStats) => number][] = [
    ["nightjar_outbox_in_flight", "Messages waiting for an acknowledgement", ({ inFlight }) => inFlight],
    ["nightjar_outbox_oldest_seconds", "Age of the oldest message that waits", ({ oldestMs }) => oldestMs / 1000],
    ["nightjar_outbox_memory_bytes", "Bytes of messages in memory", ({ memoryBytes }) => memoryBytes],
    ["nightjar_outbox_dead_letters", "Messages that the broker refused for good", ({ deadLetters }) => deadLetters],
    ["nightjar_outbox_works", "1 while the disk takes messages", ({ storeProblem }) => (storeProblem === "" ? 1 : 0)],
  ];
  for (const [name, help, read] of figures) gauge(registry, name, help, () => read(stats()));
  new Counter({
    name: "nightjar_outbox_written_bytes_total",
    help: "Written to the disk",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(stats().writtenBytes);
    },
  });
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
