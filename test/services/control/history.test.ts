import { expect, it } from "vitest";
import { History, type HistorySource } from "../../../services/control/history.ts";

type Camera = HistorySource["cameras"][number];

const camera = (id: string, fps: number, state = "playing") =>
  ({
    id,
    fps,
    inferredFps: fps / 2,
    latency: { p50: 40.04, p95: 80, p99: null },
    objects: [{ id: "1", label: "car" }],
    dropped: 3,
    state,
  }) as unknown as Camera;

const source = (...cameras: Camera[]): HistorySource => ({
  cameras,
  totals: { fps: 30, messagesPerSecond: 29.96, latency: { p50: 41, p95: 82, p99: 120 } } as HistorySource["totals"],
  broker: { queued: 7 },
});

it("keeps ten minutes, oldest first, all columns as long as the times", () => {
  const history = new History();
  for (let i = 0; i < 310; i++) history.add(source(camera("gate", i)), 1000 + i * 2000);
  const { times, cameras, totals, stepMs } = history.view();
  expect([times.length, times[0], times.at(-1), stepMs]).toEqual([300, 21_000, 619_000, 2000]);
  expect(cameras.gate?.fps.slice(0, 2)).toEqual([10, 11]);
  for (const column of [...Object.values(cameras.gate ?? {}), ...Object.values(totals)])
    expect(column).toHaveLength(300);
});

it("gives what came since, with one decimal, and null for what is not known", () => {
  const history = new History();
  history.add(source(camera("gate", 15)), 1000);
  history.add(source(camera("gate", 15.26, "stalled"), camera("yard", 5)), 3000);
  const { times, cameras, totals } = history.view(1000);
  expect(times).toEqual([3000]);
  expect(cameras).toEqual({
    gate: { fps: [15.3], inferred: [7.6], p50: [null], p95: [null], p99: [null], objects: [1], dropped: [3] },
    yard: { fps: [5], inferred: [2.5], p50: [40], p95: [80], p99: [null], objects: [1], dropped: [3] },
  });
  expect(totals).toEqual({ fps: [30], messagesPerSecond: [30], p50: [41], p95: [82], p99: [120], queued: [7] });
  expect(history.view().cameras.yard?.fps).toEqual([null, 5]);
});

it("forgets a camera ten minutes after it was removed", () => {
  const history = new History();
  history.add(source(camera("gate", 15)), 0);
  for (let i = 1; i < 300; i++) history.add(source(), i * 2000);
  expect(Object.keys(history.view().cameras)).toEqual(["gate"]);
  history.add(source(), 600_000);
  expect(Object.keys(history.view().cameras)).toEqual([]);
});
