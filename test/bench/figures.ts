// Every figure that Nightjar promises, in one table: what it is, its unit, its bound, and the target that measures it.
// A benchmark reports values by these names; a figure that nobody reported is written down as not run.

/** Of the Makefile; null: promised, and nothing measures it yet. */
export type Target = "bench" | "bench-gpu" | "test-publisher" | "test-package" | "test-guest" | "soak" | null;

export interface Figure {
  name: string;
  unit: string;
  /** The side of the bound on which the value must lie; absent: reported without a bound. */
  atLeast?: number;
  atMost?: number;
  target: Target;
}

/** One measured value, as a benchmark reports it. */
export interface Measurement {
  name: string;
  value: number;
}

/** One row of build/bench.json. */
export interface Entry {
  name: string;
  value: number | null;
  unit: string;
  bound: string | null;
  holds: boolean | null;
  machine: string;
  commit: string;
  /** Why there is no value: the target that measures it. */
  notRun?: string;
}

const bench = (name: string, unit: string, bound: { atLeast?: number; atMost?: number } = {}): Figure => ({
  name,
  unit,
  ...bound,
  target: "bench",
});
const gpu = (name: string, unit: string, bound: { atLeast?: number; atMost?: number } = {}): Figure => ({
  name,
  unit,
  ...bound,
  target: "bench-gpu",
});

export const figures: Figure[] = [
  // The portable pipeline.
  bench("pipeline.fps-over-bare-engine", "ratio", { atLeast: 0.9 }),
  bench("pipeline.cpu-over-decoder-plus-engine", "ratio", { atMost: 1.15 }),
  bench("preprocess.speedup-over-videoconvertscale", "ratio", { atLeast: 3 }),
  bench("link.full-rate.p50", "µs", { atMost: 15 }),
  bench("link.full-rate.p99", "µs"),
  bench("link.full-rate.p99.9", "µs"),
  bench("link.30hz.p50", "µs", { atMost: 120 }),
  bench("link.30hz.p99", "µs"),
  bench("link.30hz.p99.9", "µs"),
  bench("system.capture-to-publish.p50", "ms"),
  bench("system.capture-to-publish.p99", "ms"),
  bench("system.cpu.supervisor", "% of a core"),
  bench("system.cpu.pipeline", "% of a core"),
  bench("system.cpu.postprocess", "% of a core"),
  bench("system.memory.supervisor", "MB"),
  bench("system.memory.pipeline", "MB"),
  bench("system.memory.postprocess", "MB"),
  bench("system.first-event", "s"),

  // Modules.
  bench("module.yolo-decode-over-vectorised-cpp", "ratio", { atMost: 1.1 }),
  bench("module.yolo-decode-with-copy-speedup-over-plain-cpp", "ratio", { atLeast: 2.5 }),
  bench("module.yolo-end-to-end", "µs", { atMost: 10 }),
  bench("module.yolo-float16-over-float32", "ratio", { atMost: 1 }),
  bench("module.yolo-int8-over-float32", "ratio", { atMost: 1 }),
  bench("module.rotated-nms-300", "ms", { atMost: 1 }),
  bench("module.bytetrack-100-objects", "µs", { atMost: 200 }),
  bench("module.zones-20-regions-100-objects", "µs", { atMost: 50 }),
  bench("swap.frames-lost-in-1000", "frames", { atMost: 0 }),
  bench("swap.frames-delayed-in-1000", "frames", { atMost: 0 }),
  bench("swap.module-activation", "ms", { atMost: 150 }),
  bench("swap.standby-takeover", "batches", { atMost: 1 }),
  bench("sandbox.hostile-module-over-limit", "ms", { atMost: 20 }),

  // The GPU.
  gpu("gpu.preprocess-of-bandwidth", "ratio", { atLeast: 0.6 }),
  gpu("gpu.preprocess-speedup-over-torch-way", "ratio", { atLeast: 5 }),
  gpu("gpu.pipeline-over-engine", "ratio", { atLeast: 0.95 }),
  gpu("gpu.pipeline-with-nvdec-over-slower-part", "ratio", { atLeast: 0.95 }),
  gpu("gpu.added-latency.p50", "µs"),
  gpu("gpu.added-latency.p99", "µs"),
  gpu("gpu.cuda-graph-gain-at-batch-1", "ratio"),
  gpu("gpu.memory-per-stream", "MB"),
  gpu("gpu.host-cpu-per-1000-frames", "s"),

  // The publisher.
  { name: "publisher.lost-over-200-crash-points", unit: "records", atMost: 0, target: "test-publisher" },
  { name: "publisher.lost-over-500-kills", unit: "records", atMost: 0, target: "test-publisher" },
  { name: "publisher.million-offline-complete", unit: "messages", atLeast: 1_000_000, target: "test-publisher" },
  bench("publisher.intake-single", "records/s", { atLeast: 2000 }),
  bench("publisher.intake-grouped", "records/s", { atLeast: 20_000 }),
  bench("publisher.intake-single-over-raw-appends", "ratio"),
  bench("publisher.drain-window-20", "messages/s", { atLeast: 3000 }),
  bench("publisher.written-per-1kB-in-groups-of-10", "kB", { atMost: 5 }),

  // The updater.
  bench("updater.unchanged-poll.requests", "requests", { atMost: 2 }),
  bench("updater.unchanged-poll.bytes", "B", { atMost: 1000 }),
  bench("updater.unchanged-poll.cpu", "ms", { atMost: 50 }),
  bench("updater.1MB-module-active", "ms", { atMost: 500 }),
  bench("updater.1MB-module-active.p99", "ms"),
  bench("updater.rollback-module", "s", { atMost: 60 }),
  bench("updater.rollback-model", "s", { atMost: 300 }),

  // The appliance.
  { name: "appliance.ready-in-guest", unit: "s", atMost: 10, target: "test-guest" },
  { name: "appliance.hang-to-restart", unit: "s", atMost: 25, target: "test-package" },
  bench("appliance.node-memory-at-four-cameras", "MB", { atMost: 350 }),
  bench("appliance.idle-console-cpu", "% of a core", { atMost: 1 }),
  { name: "appliance.soak-24h-lost", unit: "records", atMost: 0, target: "soak" },
];
