import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LogEntry } from "../../../services/log/entry.ts";
import { EXIT } from "../../../services/log/errors.ts";
import { readHeaders } from "../../../services/metrics/otlp.ts";
import { waitUntil } from "../../support/wait.ts";
import { ask } from "../control/support/http.ts";
import { makeFolder, startSmall } from "../supervisor/small-supervisor.ts";

interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly asDouble?: number;
  readonly bucketCounts?: readonly number[];
  readonly explicitBounds?: readonly number[];
  readonly count?: number;
}

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly sum?: {
    readonly isMonotonic: boolean;
    readonly aggregationTemporality: number;
    readonly dataPoints: readonly Point[];
  };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

interface Export {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: Point["attributes"] };
    readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[];
  }[];
}

/** A receiver as small as it can be: it takes what comes, or answers with `status`. */
class Receiver {
  readonly exports: Export[] = [];
  headers: IncomingHttpHeaders = {};
  status = 200;
  readonly #server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      this.headers = request.headers;
      if (this.status === 200) this.exports.push(JSON.parse(text.toString()) as Export);
      response.writeHead(this.status, { "content-type": "application/json" }).end("{}");
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/metrics`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const receiver = new Receiver();
const folder = makeFolder();
const log: LogEntry[] = [];
let small: Awaited<ReturnType<typeof startSmall>>;
let last: Map<string, Metric>;
let scrape: string;
beforeAll(async () => {
  writeFileSync(join(folder, "headers"), "# of the receiver\nAuthorization: Bearer secret-of-ours\n", { mode: 0o600 });
  const endpoint = await receiver.listen();
  small = await startSmall({ telemetry: { otlp: { endpoint, interval: "1s", headers: "headers" } } }, { folder, log });
  await waitUntil(
    "cameras to play",
    () => small.supervisor.status().cameras.every(({ latency }) => latency.p50 !== null),
    25_000,
  );
  const before = receiver.exports.length;
  await waitUntil("an export after that", () => receiver.exports.length > before + 1, 10_000);
  scrape = (await ask(small.supervisor.controlSocket, "/metrics")).body;
  const metrics = receiver.exports.at(-1)?.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [];
  last = new Map(metrics.map((metric) => [metric.name, metric]));
}, 60_000);
afterAll(async () => {
  await small.end();
  receiver.close();
});

describe("a receiver gets", () => {
  it("the same metrics that Prometheus reads", () => {
    const names = [...scrape.matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name);
    const filled = names.filter((name) => new RegExp(`^${name}(_count)?[{ ]`, "m").test(scrape));
    expect([...last.keys()].sort()).toEqual(filled.sort());
  });

  it("counters as sums that only grow, gauges with their labels, units from the names", () => {
    const frames = last.get("nightjar_camera_frames_total");
    expect(frames?.sum).toMatchObject({ isMonotonic: true, aggregationTemporality: 2 });
    expect(frames?.sum?.dataPoints.map(({ attributes }) => attributes[0])).toEqual([
      { key: "camera", value: { stringValue: "gate" } },
      { key: "camera", value: { stringValue: "yard" } },
    ]);
    const memory = last.get("nightjar_process_resident_bytes");
    expect(memory?.unit).toBe("By");
    expect(memory?.gauge?.dataPoints[0]?.asDouble).toBeGreaterThan(10e6);
    const point = frames?.sum?.dataPoints[0];
    expect(BigInt(point?.startTimeUnixNano ?? 0)).toBeLessThan(BigInt(point?.timeUnixNano ?? 0));
  });

  it("histograms with counts between the boundaries", () => {
    const point = last.get("nightjar_capture_to_publish_seconds")?.histogram?.dataPoints[0];
    expect(point?.bucketCounts).toHaveLength((point?.explicitBounds?.length ?? 0) + 1);
    expect(point?.bucketCounts?.reduce((sum, count) => sum + count, 0)).toBe(point?.count);
    expect(point?.count).toBeGreaterThan(0);
  });

  it("whose they are, and the headers of the file", () => {
    const attributes = receiver.exports.at(-1)?.resourceMetrics[0]?.resource.attributes;
    expect(attributes).toContainEqual({ key: "service.name", value: { stringValue: "nightjar" } });
    expect(attributes).toContainEqual({ key: "service.instance.id", value: { stringValue: "box" } });
    expect(receiver.headers.authorization).toBe("Bearer secret-of-ours");
  });
});

it("a receiver that refuses is told of once, without the secret, and so is its return", async () => {
  const said = (text: string) => log.filter(({ message }) => message.includes(text)).length;
  receiver.status = 400;
  await waitUntil("the trouble to be told", () => said("metrics do not arrive") === 1, 15_000);
  receiver.status = 200;
  await waitUntil("its end to be told", () => said("again") === 1, 15_000);
  expect(said("metrics do not arrive")).toBe(1);
  expect(JSON.stringify(log)).not.toContain("secret-of-ours");
}, 40_000);

it("a file of headers that is none is refused, by line and without its content", () => {
  const place = mkdtempSync(join(tmpdir(), "nightjar-otlp-"));
  const file = join(place, "headers");
  writeFileSync(file, "A: b\nno header at all\n");
  expect(() => readHeaders(file)).toThrow(expect.objectContaining({ exitCode: EXIT.configuration }));
  expect(() => readHeaders(file)).toThrow(/line 2 of .* is no header; expected NAME: VALUE$/);
  expect(() => readHeaders(join(place, "none"))).toThrow("there is no such file");
  rmSync(place, { recursive: true });
});
