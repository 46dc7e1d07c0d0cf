import { expect, it } from "vitest";
import { SteadyClock } from "../../../../services/publisher/outbox/steady-clock.ts";

const YEAR_MS = 365 * 24 * 3_600_000;

it.each([
  ["adds the time in which the device was off", 2_000_000, 1_000_000, 500 + 1_000_000],
  ["adds nothing when the wall clock stands before the last reading", 0, 1_000_000, 500],
  ["adds nothing when the wall clock has come from 1970 to today", 50 * YEAR_MS, 1000, 500],
])("%s", (_, wallNow, wallThen, expected) => {
  const clock = new SteadyClock(
    { steady: 500, wall: wallThen },
    () => 0,
    () => wallNow,
  );
  expect(clock.now()).toBe(expected);
});

it("does not follow a wall clock that jumps while it runs", () => {
  let wall = 1000;
  let monotonic = 0;
  const clock = new SteadyClock(
    undefined,
    () => monotonic,
    () => wall,
  );
  const before = clock.now();
  wall += 50 * YEAR_MS;
  monotonic += 10;
  expect(clock.now() - before).toBe(10);
});
