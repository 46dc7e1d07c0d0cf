/** The registry's metrics as OpenTelemetry's data model has them (opentelemetry.io/docs/specs/otel/metrics/data-model). */
import type { DataPoint, Histogram, MetricData, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { Registry } from "prom-client";

/** Constants of the SDK, which is not loaded for three numbers. */
const CUMULATIVE = 1;
const POINT = { histogram: 0, gauge: 2, sum: 3 } as const;
/** ValueType.DOUBLE */
const DOUBLE = 1;

export interface Origin {
  /** Says whose metrics they are: "service.name", "host.name". */
  readonly attributes: Readonly<Record<string, string>>;
  readonly version: string;
  /** Milliseconds since 1970: what is counted began then. */
  readonly startedAt: number;
}

interface PrometheusMetric {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values: readonly PrometheusValue[];
}

interface PrometheusValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** Of a histogram: NAME_bucket, NAME_sum, NAME_count. */
  readonly metricName?: string;
}

/** One export: what the registry holds now. Metrics without a value are left out. */
export async function resourceMetrics(registry: Registry, origin: Origin, now: number): Promise<ResourceMetrics> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as readonly PrometheusMetric[];
  const times = { startTime: hrTime(origin.startedAt), endTime: hrTime(now) };
  return {
    resource: resourceOf(origin.attributes),
    scopeMetrics: [
      {
        scope: { name: "nightjar", version: origin.version },
        metrics: metrics.map((metric) => metricData(metric, times)).filter(({ dataPoints }) => dataPoints.length > 0),
      },
    ],
  };
}

type Times = Pick<DataPoint<number>, "startTime" | "endTime">;

function metricData(metric: PrometheusMetric, times: Times): MetricData {
  const { name, help, values, type } = metric;
  const common = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: DOUBLE },
    aggregationTemporality: CUMULATIVE,
  };
  if (String(type) === "histogram")
    return { ...common, dataPointType: POINT.histogram, dataPoints: histograms(metric, times) };
  const dataPoints = values.map(({ value, labels }) => ({ ...times, attributes: labels, value }));
  return String(type) === "counter"
    ? { ...common, dataPointType: POINT.sum, isMonotonic: true, dataPoints }
    : { ...common, dataPointType: POINT.gauge, dataPoints };
}

/** Prometheus counts everything up to a boundary, OpenTelemetry what lies between two. */
function histograms({ name, values }: PrometheusMetric, times: Times): DataPoint<Histogram>[] {
  const series = new Map<string, { labels: PrometheusValue["labels"]; values: PrometheusValue[] }>();
  for (const value of values) {
    const { le: _, ...labels } = value.labels;
    const key = JSON.stringify(labels);
    const known = series.get(key) ?? { labels, values: [] };
    known.values.push(value);
    series.set(key, known);
  }
  return [...series.values()].map(({ labels, values: own }) => {
    const only = (suffix: string) => own.find(({ metricName }) => metricName === `${name}${suffix}`)?.value ?? 0;
    const buckets = own.filter(({ metricName }) => metricName === `${name}_bucket`);
    const boundaries = buckets.map(({ labels: { le } }) => Number(le)).filter(Number.isFinite);
    const counts = buckets.map(({ value }, i) => value - (buckets[i - 1]?.value ?? 0));
    const histogram: Histogram = { buckets: { boundaries, counts }, sum: only("_sum"), count: only("_count") };
    return { ...times, attributes: labels, value: histogram };
  });
}

/** UCUM, from the unit that the name ends with. */
function unitOf(name: string): string {
  const units: Readonly<Record<string, string>> = { seconds: "s", bytes: "By", celsius: "Cel", ratio: "1" };
  return units[/_([a-z]+)(_total)?$/.exec(name)?.[1] ?? ""] ?? "";
}

/** Seconds and nanoseconds. */
function hrTime(milliseconds: number): [number, number] {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}

/** What an exporter reads of a resource: its attributes. */
function resourceOf(attributes: Origin["attributes"]): ResourceMetrics["resource"] {
  const resource: ResourceMetrics["resource"] = {
    attributes,
    merge: (other) => resourceOf({ ...attributes, ...(other?.attributes as Origin["attributes"] | undefined) }),
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}
