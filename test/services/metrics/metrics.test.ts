import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allMetrics } from "../../../services/metrics/docs.ts";
import { Metrics } from "../../../services/metrics/metrics.ts";
import { waitUntil } from "../../support/wait.ts";
import { ask } from "../control/support/http.ts";
import { type SmallSupervisor, startSmall } from "../supervisor/small-supervisor.ts";

const ROOT = join(import.meta.dirname, "../../..");
const known = allMetrics();
/** Those of the library for Node's own process are named by it. */
const ours = known.filter(({ name }) => !name.startsWith("nightjar_supervisor_"));

describe("names", () => {
  it.each(ours.map(({ name, type }) => [name, type] as const))("%s (%s) is as Prometheus wants it", (name, type) => {
    expect(name).toMatch(/^nightjar_[a-z][a-z0-9_]*[a-z0-9]$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
    expect(name).not.toMatch(/_(ms|milliseconds|kb|mb|percent|minutes|hours)(_|$)/);
  });

  it("stand once, each with a help", () => {
    expect(new Set(known.map(({ name }) => name)).size).toBe(known.length);
    for (const { help } of ours) expect(help).toMatch(/^\S.*[^.]$/);
  });
});

it("the page of metrics is what the registry says (node scripts/generate-metrics-docs.ts)", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/generate-metrics-docs.ts", "--check"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
});

describe("the dashboard for Grafana", () => {
  const dashboard = JSON.parse(readFileSync(join(ROOT, "docs/grafana/nightjar.json"), "utf8")) as {
    readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
    readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
  };
  const queries = [
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.map(({ query }) => (typeof query === "string" ? query : query.query)),
  ];
  const labelsOf = new Map(
    known.flatMap(({ name, labels }) => [[name, labels] as const, [`${name}_bucket`, [...labels, "le"]] as const]),
  );

  it("asks for metrics that there are, by labels that they have", () => {
    const used = queries.flatMap((query) => [...query.matchAll(/(nightjar_\w+)(?:\{([^}]*)\})?/g)]);
    expect(used.length).toBeGreaterThan(30);
    for (const [, name = "", filters = ""] of used) {
      const labels = labelsOf.get(name);
      expect(labels, name).toBeDefined();
      for (const [, label = ""] of filters.matchAll(/(\w+)=~?"/g))
        expect(["instance", ...(labels ?? [])], `${name} by ${label}`).toContain(label);
    }
  });

  it("the alarms of the page are of metrics that there are, too", () => {
    const page = readFileSync(join(ROOT, "docs/reference/metrics.md"), "utf8").split("## ")[0] ?? "";
    for (const [name] of page.matchAll(/nightjar_\w+_\w+/g)) expect(labelsOf.has(name), name).toBe(true);
  });
});

describe("a scrape", () => {
  let small: SmallSupervisor;
  let text: string;
  beforeAll(async () => {
    small = await startSmall();
    const playing = () =>
      small.supervisor.status().cameras.every(({ state, latency }) => state === "playing" && latency.p50 !== null);
    await waitUntil("both cameras to play", playing, 25_000);
    text = (await ask(small.supervisor.controlSocket, "/metrics")).body;
  });
  afterAll(() => small.end());

  it.each([
    /^nightjar_camera_fps\{camera="gate"\} \d/m,
    /^nightjar_camera_latency_seconds\{camera="yard",quantile="0.99"\} [\d.e-]+$/m,
    /^nightjar_camera_last_frame_timestamp_seconds\{camera="gate"\} 1\d{9}/m,
    /^nightjar_process_state\{process="pipeline",state="running"\} 1$/m,
    /^nightjar_process_resident_bytes\{process="supervisor"\} \d{8,}$/m,
    /^nightjar_disk_free_bytes\{path="[^"]+",holds="state,[^"]*"\} \d+$/m,
    /^nightjar_build_info\{version="[\d.]+",profile="portable",gstreamer="1.22.0"\} 1$/m,
    /^nightjar_ready 1$/m,
    /^nightjar_bundles_quarantined 0$/m,
    /^nightjar_outbox_messages\{class="telemetry"\} \d+$/m,
    /^nightjar_memory_available_bytes \d+$/m,
  ])("has %s", (line) => {
    expect(text).toMatch(line);
  });

  it("says nothing of what is not known", () => {
    expect(text).not.toContain("NaN");
    expect(text).not.toMatch(/^nightjar_update_/m);
  });

  it("that comes twice counts nothing twice", async () => {
    const restarts = /^nightjar_process_restarts_total\{process="pipeline"\} 0$/m;
    expect((await ask(small.supervisor.controlSocket, "/metrics")).body).toMatch(restarts);
  });
});

it("changes of bundles and updates are counted when they end, once", async () => {
  const metrics = new Metrics(() => Promise.reject(new Error("not asked")));
  const event = {
    element: "infer",
    bundle: { name: "street", version: "1" },
    reason: "",
    ms: 0,
    framesWithoutObjects: 0,
  };
  for (const step of ["prepare", "activate", "done", "module restarted", "rolled-back"])
    metrics.observeBundle({ ...event, step });
  for (const state of ["checking", "committed", "committed", "idle", "failed"] as const)
    metrics.observeUpdate({ state } as Parameters<Metrics["observeUpdate"]>[0]);
  const value = async (name: string) => (await metrics.registry.getSingleMetric(name)?.get())?.values;
  expect(await value("nightjar_bundle_changes_total")).toMatchObject([
    { labels: { element: "infer", end: "done" }, value: 1 },
    { labels: { element: "infer", end: "rolled-back" }, value: 1 },
  ]);
  expect(await value("nightjar_updates_total")).toMatchObject([
    { labels: { end: "committed" }, value: 1 },
    { labels: { end: "failed" }, value: 1 },
  ]);
});
