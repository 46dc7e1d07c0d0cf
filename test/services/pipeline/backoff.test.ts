import { expect, it } from "vitest";
import { waitBeforeRetry } from "../../../services/pipeline/backoff.ts";

const settings = { initialMs: 500, maxMs: 8000, factor: 2, jitter: 0 };

it("waits longer after each failure, up to the limit", () => {
  const waits = [1, 2, 3, 4, 5, 6, 1000, Number.MAX_SAFE_INTEGER].map((failures) =>
    waitBeforeRetry(settings, failures, 0.5),
  );
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
});

it("spreads the wait by the jitter to both sides", () => {
  const spread = [0, 0.5, 1].map((random) => waitBeforeRetry({ ...settings, jitter: 0.2 }, 5, random));
  expect(spread).toEqual([6400, 8000, 9600]);
});
