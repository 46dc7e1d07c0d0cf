import { describe, expect, it } from "vitest";
import { LatencyHistogram, LatencyWindow, RateMeter } from "../../../services/supervisor/latency.ts";

describe("percentiles", () => {
  it("are unknown before the first sample", () => {
    expect(new LatencyWindow().percentiles()).toEqual({ p50: null, p95: null, p99: null });
    expect(new LatencyHistogram().percentiles()).toEqual({ p50: null, p95: null, p99: null });
  });

  it("of the window are those of the last samples", () => {
    const window = new LatencyWindow(100);
    for (let i = 0; i < 1000; i++) window.add(i);
    expect(window.percentiles()).toEqual({ p50: 950, p95: 995, p99: 999 });
  });

  it("of a run are exact to five per cent, in constant memory", () => {
    const histogram = new LatencyHistogram();
    for (let i = 1; i <= 10_000; i++) histogram.add(i / 10);
    const { p50, p99 } = histogram.percentiles();
    expect(Math.abs((p50 ?? 0) / 500 - 1)).toBeLessThan(0.05);
    expect(Math.abs((p99 ?? 0) / 990 - 1)).toBeLessThan(0.05);
  });

  it("of a run take samples of any size", () => {
    const histogram = new LatencyHistogram();
    for (const sample of [0, 1e-9, 1e12]) histogram.add(sample);
    expect(histogram.count).toBe(3);
    expect(histogram.percentiles().p99).toBeGreaterThan(1000);
  });
});

it("a rate is that of the last whole seconds", () => {
  const meter = new RateMeter();
  for (let ms = 0; ms < 5000; ms += 100) meter.add(ms);
  expect(meter.perSecond(5000)).toBe(10);
  expect(meter.perSecond(9000)).toBe(2);
  expect(meter.perSecond(60_000)).toBe(0);
});
