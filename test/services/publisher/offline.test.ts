/**
 * A long time without a broker: everything arrives complete and in order, and never more in flight than the broker wants.
 * Short: 20,000 messages; NIGHTJAR_LONG=1: 100,000, and 1,000,000 with an eye on the memory.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { waitUntil } from "../../support/wait.ts";
import { temporaryDirectory } from "./support/boxes.ts";
import { objectsRecord, publishing } from "./support/publishing.ts";
import { ScriptedBroker } from "./support/scripted-broker.ts";

const isLong = process.env.NIGHTJAR_LONG === "1";
const counts = isLong ? [100_000, 1_000_000] : [20_000];

it.each(counts)(
  "delivers %i messages that were taken without a broker, complete and in order",
  async (count) => {
    const directory = temporaryDirectory();
    const outbox = {
      disk: { directory: directory.path, freeShare: 0 },
      backlogRate: 0,
      classes: { telemetry: { quotaBytes: 4e9 } },
    };
    const before = publishing({ url: "mqtt://127.0.0.1:9", outbox });
    await before.publisher.start();
    const memory: number[] = [];
    const payload = Buffer.alloc(1000 - 20, "x");
    for (let frame = 0; frame < count; frame += 500) {
      // The last of a group is kept when all are.
      const group = Array.from({ length: Math.min(500, count - frame) }, (_, index) =>
        before.publisher.publishRecord(
          objectsRecord(frame + index, { payload: Buffer.from(`{"id":${frame + index},"pad":"${payload}"}`) }),
          "gate",
        ),
      );
      await Promise.race([Promise.all(group), sleep(3)]);
      while (before.publisher.snapshot().outbox.memoryBytes > 6_000_000) await sleep(5);
      if (frame % 5000 === 0) memory.push(process.memoryUsage().rss);
    }
    await waitUntil("all to be on the disk", () => before.publisher.snapshot().outbox.memoryBytes === 0, 60_000);
    expect(before.publisher.snapshot()).toMatchObject({ queued: count, dropped: 0 });
    // A shorter run is over before the program has come to its size.
    if (count >= 1_000_000) expectFlat(memory, count);
    await before.publisher.stop(0);

    const received: number[] = [];
    const broker = await ScriptedBroker.start({
      properties: { receiveMaximum: 5 },
      answersAfterMs: 0,
      keepsPackets: false,
      sees: (packet) => {
        if (!packet.retain) received.push(Number(/"id":(\d+)/.exec(packet.payload.toString())?.[1]));
      },
    });
    const after = publishing({ url: broker.url, outbox });
    try {
      await after.publisher.start();
      await waitUntil(
        "everything",
        () => after.publisher.snapshot().acknowledged >= count,
        count * 4 + 30_000,
        () => `${received.length} came`,
      );
    } finally {
      await after.publisher.stop();
      await broker.stop();
      directory.remove();
    }
    expect(broker.maxUnanswered).toBeLessThanOrEqual(5);
    expect(received.length).toBe(count);
    expect(received.every((frame, index) => frame === index)).toBe(true);
  },
  7_200_000,
);

/** What is queued lies on the disk: the second half of a long queue takes no memory. */
function expectFlat(memory: readonly number[], count: number): void {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const quarter = Math.floor(memory.length / 4);
  const [second, last] = [mean(memory.slice(quarter, 2 * quarter)), mean(memory.slice(3 * quarter))];
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
  console.info(`${count} queued: ${megabytes(second)} MB in the second quarter, ${megabytes(last)} MB in the last`);
  expect(last - second).toBeLessThan(40e6);
}
