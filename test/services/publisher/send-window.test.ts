/** Who sends next: nobody exceeds the window, and neither queue nor replies starve. */
import { describe, expect, it } from "vitest";
import { SendWindow } from "../../../services/publisher/send-window.ts";

/** A broker that answers one message after the other; both the queue and what goes beside it always have more. */
async function answers(size: number, rounds: number): Promise<{ queue: number; beside: number; most: number }> {
  const inFlight: boolean[] = [];
  const sent = { queue: 0, beside: 0, most: 0 };
  const pump = () => {
    while (window.free > 0) {
      window.enter();
      inFlight.push(false);
      sent.queue += 1;
    }
  };
  const window = new SendWindow(pump);
  const ask = async (): Promise<void> => {
    await window.turn();
    inFlight.push(true);
    sent.beside += 1;
  };
  window.open(size);
  const asking = Array.from({ length: rounds }, ask);
  pump();
  for (let round = 0; round < rounds; round++) {
    await Promise.resolve();
    sent.most = Math.max(sent.most, inFlight.length);
    const isBeside = inFlight.shift();
    if (isBeside !== undefined) window.leave(isBeside);
    pump();
  }
  window.close();
  await Promise.all(asking);
  return sent;
}

describe.each([1, 2, 5, 20])("a window of %i", (size) => {
  it("is never exceeded, and lets both through", async () => {
    const { queue, beside, most } = await answers(size, 400);
    expect(most).toBeLessThanOrEqual(size);
    expect(queue).toBeGreaterThan(size === 1 ? 190 : size === 2 ? 190 : 290);
    expect(beside).toBeGreaterThan(size < 5 ? 150 : 60);
  });
});

it("gives the queue all of it when nothing else wants to go", () => {
  const window = new SendWindow(() => undefined);
  window.open(20);
  expect(window.free).toBe(20);
});

it("lets go of everybody who waits when the connection is gone", async () => {
  const window = new SendWindow(() => undefined);
  window.open(1);
  window.enter();
  const waiting = window.turn();
  window.close();
  await waiting;
  window.leave(false);
  expect(window.free).toBe(0);
  window.open(3);
  expect(window.free).toBe(3);
});
