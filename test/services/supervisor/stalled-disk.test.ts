/** A supervisor whose disk stands still: frames go on, the broker gets them, and questions are answered. */
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { cannotMount, SmallDisk } from "../../support/small-disk.ts";
import { waitUntil } from "../../support/wait.ts";
import { startSmall } from "./small-supervisor.ts";

const isLong = process.env.NIGHTJAR_LONG === "1";
const reason = cannotMount();

it.skipIf(reason !== undefined)(
  `never waits for its disk${reason === undefined ? "" : ` (not here: ${reason})`}`,
  async () => {
    const disk = new SmallDisk();
    const { supervisor, end } = await startSmall({ outbox: { directory: join(disk.path, "outbox") } });
    try {
      await waitUntil("frames at the broker", () => supervisor.status().broker.acknowledged > 20, 25_000);
      disk.freeze();
      const stallMs = isLong ? 10_000 : 3000;
      const begin = performance.now();
      const before = supervisor.status().broker.acknowledged;
      let slowest = 0;
      while (performance.now() - begin < stallMs) {
        const asked = performance.now();
        await alive(supervisor.controlSocket);
        slowest = Math.max(slowest, performance.now() - asked);
        await sleep(50);
      }
      // Two cameras of 20 frames a second.
      expect(supervisor.status().broker.acknowledged - before).toBeGreaterThan((stallMs / 1000) * 40 * 0.5);
      expect(slowest).toBeLessThan(1500);
    } finally {
      disk.thaw();
      await end();
      disk.remove();
    }
  },
  60_000,
);

function alive(socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: "/livez", agent: false }, (response) => {
      response.resume();
      response.on("end", resolve);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
