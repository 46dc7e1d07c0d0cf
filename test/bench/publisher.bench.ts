// The publisher: how fast records are kept, how fast they go to a broker, what the disk has to bear. Records of 1 kB.
//
// intake: from enqueue() to its promise, with the broker away, so that every record is written and synced; inside the clock
// are the thread that writes and the sync. single: one caller, one record at a time. grouped: four callers with groups of
// ten, each group awaited by its caller; what comes during a commit goes into the next one. Best of three runs, since a sync waits for whatever else the disk is doing;
// sync-over-record: the same number of records over what the disk can do at all, one write and fdatasync for each.
// drain: a full outbox on the disk to Mosquitto on this machine, window 20, no rate limit, from the connection to the last
// acknowledgement. written: bytes that the outbox' thread caused to be written (write_bytes of /proc), groups of ten,
// acknowledged four groups later, with the checkpoint at the end.
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Outbox } from "../../services/publisher/outbox/outbox.ts";
import { add, message, openBox, temporaryDirectory } from "../services/publisher/support/boxes.ts";
import { objectsRecord, publishing } from "../services/publisher/support/publishing.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { waitUntil } from "../support/wait.ts";
import type { Measurement } from "./figures.ts";
import { median } from "./process.ts";

const BYTES = 1000;
/** As many as the demo has cameras. */
const CALLERS = 4;
const POLICY = { quotaBytes: 1e9, commitMs: 0 };

async function withBox<Value>(work: (outbox: Outbox) => Promise<Value>): Promise<Value> {
  const directory = temporaryDirectory();
  const { outbox } = await openBox({ directory: directory.path, classes: { event: POLICY, telemetry: POLICY } });
  try {
    return await work(outbox);
  } finally {
    await outbox.close();
    directory.remove();
  }
}

/** Records per second: so many callers, each of which puts in a group and waits until it is on the disk. */
async function intake(outbox: Outbox, callers: number, group: number, count: number): Promise<number> {
  const begin = performance.now();
  const call = async () => {
    for (let done = 0; done < count / callers; done += group) await add(outbox, group, "event", BYTES);
  };
  await Promise.all(Array.from({ length: callers }, call));
  return (count / (performance.now() - begin)) * 1000;
}

/** Appends per second that the disk takes, each synced. */
function rawAppends(count: number): number {
  const directory = temporaryDirectory();
  const file = openSync(join(directory.path, "log"), "w");
  const record = Buffer.alloc(BYTES, "x");
  const begin = performance.now();
  for (let i = 0; i < count; i++) {
    writeSync(file, record);
    fdatasyncSync(file);
  }
  const rate = (count / (performance.now() - begin)) * 1000;
  closeSync(file);
  directory.remove();
  return rate;
}

async function intakes(): Promise<Measurement[]> {
  const single: number[] = [];
  const grouped: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < 3; round++) {
    const raw = rawAppends(500);
    const rate = await withBox(async (outbox) => {
      await intake(outbox, 1, 1, 300);
      return intake(outbox, 1, 1, 1500);
    });
    single.push(rate);
    ratios.push(rate / raw);
    grouped.push(
      await withBox(async (outbox) => {
        await intake(outbox, CALLERS, 10, 2000);
        return intake(outbox, CALLERS, 10, 20_000);
      }),
    );
  }
  return [
    { name: "publisher.intake-single", value: Math.max(...single) },
    { name: "publisher.intake-grouped", value: Math.max(...grouped) },
    { name: "publisher.intake-single-over-raw-appends", value: median(ratios) },
  ];
}

async function drain(): Promise<Measurement> {
  const directory = temporaryDirectory();
  const broker = await Mosquitto.start();
  const rates: number[] = [];
  const count = 15_000;
  try {
    for (let round = 0; round < 3; round++) {
      const { outbox } = await openBox({ directory: directory.path, classes: { telemetry: POLICY } });
      for (let i = 0; i < count; i += 500)
        await Promise.all(
          Array.from({ length: 500 }, () =>
            outbox.enqueue(
              message("telemetry", { topic: "nightjar/gate-1/cameras/gate/objects", payload: document() }),
            ),
          ),
        );
      await outbox.close();
      const { publisher } = publishing({
        url: broker.url,
        outbox: { disk: { directory: directory.path, freeShare: 0 }, backlogRate: 0, classes: { telemetry: POLICY } },
      });
      await publisher.start();
      await waitUntil("the first message", () => publisher.snapshot().acknowledged > 0, 20_000);
      const begin = performance.now();
      const first = publisher.snapshot().acknowledged;
      await waitUntil("an empty outbox", () => publisher.snapshot().acknowledged >= count, 60_000);
      rates.push(((count - first) / (performance.now() - begin)) * 1000);
      await publisher.stop();
    }
  } finally {
    await broker.remove();
    directory.remove();
  }
  return { name: "publisher.drain-window-20", value: Math.max(...rates) };
}

/** A payload of nvmsgconv's of 1 kB. */
function document(): Buffer {
  const { payload } = objectsRecord(1);
  const filler = "x".repeat(BYTES - payload.length - 20);
  return Buffer.concat([payload.subarray(0, -2), Buffer.from(`,\n  "pad": "${filler}"\n}`)]);
}

async function written(): Promise<Measurement> {
  const directory = temporaryDirectory();
  const count = 10_000;
  const { outbox } = await openBox({ directory: directory.path, backlogRate: 0, classes: { event: POLICY } });
  let bytes = 0;
  for (let done = 0; done < count; done += 40) {
    for (let i = 0; i < 4; i++) await add(outbox, 10, "event", BYTES);
    outbox.online();
    let taken = 0;
    while (taken < 40) {
      const messages = outbox.take(40);
      for (const one of messages) outbox.acknowledge(one);
      taken += messages.length;
      if (messages.length === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    outbox.offline();
    bytes = outbox.stats().writtenBytes;
  }
  await outbox.close();
  directory.remove();
  return { name: "publisher.written-per-1kB-in-groups-of-10", value: bytes / count / 1000 };
}

export async function measure(): Promise<Measurement[]> {
  return [...(await intakes()), await drain(), await written()];
}
