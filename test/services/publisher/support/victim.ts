/**
 * A publisher that will be killed: node victim.ts URL DIRECTORY FIRST-FRAME [MILLISECONDS-BETWEEN]
 *
 * Says on standard output, one line each: "ready", then "kept EPOCH SEQUENCE FRAME" for every record that is on
 * the disk or at the broker: not for those that a slow disk left in memory. With the word "end" on standard input it publishes no more, empties its outbox and ends.
 */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { KIND } from "../../../../services/publisher/record.ts";
import { objectsRecord, publishing } from "./publishing.ts";

const [url, directory, firstFrame, pause = "1"] = process.argv.slice(2);
const { publisher } = publishing({
  url,
  outbox: {
    disk: { directory: directory!, freeShare: 0 },
    backlogRate: 0,
    classes: { event: { commitMs: 5 }, telemetry: { commitMs: 20 } },
  },
});
let ending = false;
process.stdin.on("data", () => {
  ending = true;
});
await publisher.start();
say("ready");
let frame = Number(firstFrame);
while (!ending) {
  // Events and objects in turn, one by one and in groups.
  const count = frame % 3 === 0 ? 1 : 5;
  for (let i = 0; i < count; i++) void publish(frame++);
  await sleep(Number(pause));
}
while (publisher.snapshot().queued > 0) await sleep(20);
await publisher.stop();
process.exit();

async function publish(number: number): Promise<void> {
  const record = objectsRecord(number, number % 2 === 0 ? { kind: KIND.event } : {});
  const receipt = await publisher.publishRecord(record, "gate");
  if (receipt?.kept === true && receipt.durable) say(`kept ${receipt.epoch} ${receipt.sequence} ${number}`);
}

/** Written when this returns: what is said has happened. */
function say(line: string): void {
  const text = Buffer.from(`${line}\n`);
  let at = 0;
  while (at < text.length) {
    try {
      at += writeSync(1, text, at);
    } catch (error) {
      // The pipe is full, since the reader is slow: try until it takes it.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}
