import { expect, it } from "vitest";
import { parseStats } from "../../../services/pipeline/stats.ts";

it("reads the text form of a statistics structure", () => {
  const text =
    'infer-stats, frames=(guint64)120, rate=(double)14.5, ready=(boolean)true, state=(string)"waiting\\ for\\ host", host=(string)up;';
  expect(parseStats(text)).toEqual({ frames: 120, rate: 14.5, ready: true, state: "waiting for host", host: "up" });
});

it("finds nothing in an empty structure", () => {
  expect(parseStats("stats;")).toEqual({});
});
