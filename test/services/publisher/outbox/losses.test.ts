/** What is known of losses until they are reported: bounded, written down once, told once. */
import { expect, it } from "vitest";
import { Losses } from "../../../../services/publisher/outbox/losses.ts";

function loss(sequence: number, reason = "memory-full") {
  return { epoch: "a", reason, from: sequence, to: sequence, count: 1, bytes: 10 };
}

it("stays small while neither disk nor broker take anything, and still counts every loss", () => {
  let counted = 0;
  const losses = new Losses((_, count) => {
    counted += count;
  });
  // Two classes in turn, so that no two neighbours follow each other.
  for (let sequence = 1; sequence <= 200_000; sequence += 1) {
    losses.add(loss(sequence, sequence % 2 === 0 ? "memory-full" : "expired"));
    // Each commit fails.
    if (sequence % 1000 === 0) losses.notWritten(losses.batch().losses);
  }
  const { losses: unwritten } = losses.batch();
  expect(unwritten.length).toBeLessThanOrEqual(20_000);
  expect(unwritten.reduce((sum, { count }) => sum + count, 0)).toBe(200_000);
  expect(losses.report().reduce((sum, { count }) => sum + count, 0)).toBe(200_000);
  expect(counted).toBe(200_000);
});

it("forgets on the disk what was told while it was being written", () => {
  const losses = new Losses(() => undefined);
  losses.add(loss(1));
  expect(losses.batch()).toMatchObject({ losses: [loss(1)], reportedUpTo: 0 });
  expect(losses.report()).toHaveLength(1);
  losses.written(7);
  expect(losses.batch()).toEqual({ losses: [], reportedUpTo: 7 });
});

it("does not write down what was told when the commit had failed", () => {
  const losses = new Losses(() => undefined);
  losses.add(loss(1));
  const batch = losses.batch();
  expect(losses.report()).toHaveLength(1);
  losses.notWritten(batch.losses);
  expect(losses.hasUnwritten).toBe(false);
});
