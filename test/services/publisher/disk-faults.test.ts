/** The outbox on a disk that fills up, becomes read-only, stalls or reports errors. */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { cannotMount, SmallDisk } from "../../support/small-disk.ts";
import { waitUntil } from "../../support/wait.ts";
import {
  add,
  type Box,
  type BoxOptions,
  drain,
  message,
  openBox,
  sequences,
  temporaryDirectory,
} from "./support/boxes.ts";

const isLong = process.env.NIGHTJAR_LONG === "1";
const reason = cannotMount();
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean();
});

async function onSmallDisk(options: BoxOptions = {}, megabytes = 16): Promise<Box & { disk: SmallDisk }> {
  const disk = new SmallDisk(megabytes);
  const box = await openBox({ directory: join(disk.path, "outbox"), ...options });
  cleanup.push(
    () => disk.remove(),
    () => box.outbox.close(500),
  );
  return { ...box, disk };
}

describe.skipIf(reason !== undefined)(
  `an outbox on a disk of its own${reason === undefined ? "" : ` (not here: ${reason})`}`,
  () => {
    it("stops growing when little space is left, gives up the least important first, and grows again", async () => {
      const { outbox, losses, problems, disk } = await onSmallDisk({ freeShare: 0.2 });
      await add(outbox, 50, "event", 1000);
      await add(outbox, 50, "telemetry", 1000);
      const full = outbox.stats().bytes;
      disk.fill(1024 * 1024);
      await sleep(1100);
      for (let i = 0; i < 8; i++) await add(outbox, 10, "event", 1000);
      expect(problems).toEqual([]);
      expect(outbox.stats().bytes).toBeLessThanOrEqual(full + 20_000);
      expect(losses.get("disk-full")).toBeGreaterThan(60);
      // All telemetry went before any event did.
      expect(outbox.stats().classes.telemetry.messages).toBe(0);
      const [report] = outbox.takeLosses();
      expect(report).toMatchObject({ reason: "disk-full", count: losses.get("disk-full") });
      disk.empty();
      await sleep(1100);
      const before = outbox.stats().messages;
      await add(outbox, 100, "event", 1000);
      expect(outbox.stats().messages).toBe(before + 100);
    });

    it("lives through a disk on which not a byte is left, and has everything it took", async () => {
      const { outbox, disk } = await onSmallDisk({ memoryBytes: 400_000 });
      const taken = await add(outbox, 100, "event", 1000);
      disk.fill(0);
      const receipts = Promise.all(
        Array.from({ length: 600 }, () => outbox.enqueue(message("event", { bytes: 1000 }))),
      );
      await sleep(1500);
      disk.empty();
      await waitUntil("the disk to be used again", () => outbox.stats().storeProblem === "", 35_000);
      const all = [...taken, ...(await receipts)];
      const lost = outbox.takeLosses();
      outbox.online();
      const arrived = new Set((await drain(outbox)).map(({ epoch, sequence }) => `${epoch}/${sequence}`));
      const isReported = (epoch: string, sequence: number) =>
        lost.some(
          (loss) => loss.epoch === epoch && loss.ranges.some(([from, to]) => sequence >= from && sequence <= to),
        );
      const unexplained = all.filter(
        ({ epoch, sequence }) => !arrived.has(`${epoch}/${sequence}`) && !isReported(epoch, sequence),
      );
      expect(unexplained).toEqual([]);
    });

    it("says that a disk has become read-only, goes on in memory, and comes back when it is mended", async () => {
      const { outbox, problems, disk } = await onSmallDisk();
      const { epoch } = outbox;
      await add(outbox, 5);
      disk.breakDown();
      void add(outbox, 1);
      await waitUntil("the problem", () => problems.length > 0);
      expect(problems[0]).toMatch(/^the outbox in .* does not work \(.*\): /);
      const [receipt] = await add(outbox, 1);
      expect(receipt).toMatchObject({ kept: true });
      expect(receipt?.epoch).not.toBe(epoch);
      await waitUntil("the disk to be let go", () => disk.repair(), 15_000);
      await waitUntil("the disk to work", () => problems.at(-1) === "", 15_000);
      expect((await add(outbox, 1))[0]).toMatchObject({ epoch, sequence: 7, kept: true });
      outbox.online();
      const stored = (await drain(outbox)).filter((one) => one.epoch === epoch);
      expect(sequences(stored)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }, 60_000);

    it("sends what comes while the disk is broken, and what waits for the disk when it is mended", async () => {
      const { outbox, problems, disk } = await onSmallDisk();
      await add(outbox, 5);
      disk.breakDown();
      // Nobody may have its sequence before the disk knows of it.
      void outbox.enqueue(message("event", { topic: "withheld" }));
      await waitUntil("the problem", () => problems.length > 0, 15_000);
      outbox.online();
      for (let i = 0; i < 3; i++) void outbox.enqueue(message("event", { topic: "later" }));
      expect((await drain(outbox)).map(({ topic }) => topic)).toEqual(["later", "later", "later"]);
      await waitUntil("the disk to be let go", () => disk.repair(), 15_000);
      await waitUntil("the disk to work", () => problems.at(-1) === "", 35_000);
      expect(sequences(await drain(outbox)).toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
    }, 90_000);

    it("starts on a read-only disk, in memory, and uses it when it can be written", async () => {
      const disk = new SmallDisk();
      cleanup.push(() => disk.remove());
      disk.remount("ro");
      const box = await openBox({ directory: join(disk.path, "outbox") });
      cleanup.push(() => box.outbox.close(500));
      expect(box.problems[0]).toMatch(/read-only/);
      expect(await add(box.outbox, 1)).toMatchObject([{ sequence: 1, kept: true, durable: false }]);
      disk.remount("rw");
      await waitUntil("the disk to work", () => box.problems.at(-1) === "", 15_000);
      expect(await add(box.outbox, 1)).toMatchObject([{ sequence: 1, kept: true, epoch: box.outbox.epoch }]);
    }, 30_000);

    it("writes what came while the disk stalled and the broker was away, when the disk goes on", async () => {
      const { outbox, disk } = await onSmallDisk();
      const { epoch } = outbox;
      await add(outbox, 1);
      disk.freeze();
      void add(outbox, 1);
      await waitUntil("the stall", () => outbox.stats().commitMs > 2500, 10_000);
      const late = add(outbox, 5);
      disk.thaw();
      expect((await late).every((receipt) => receipt.kept && receipt.epoch === epoch)).toBe(true);
      await waitUntil("all to be on the disk", () => outbox.stats().memoryBytes === 0, 10_000);
      outbox.online();
      expect(sequences(await drain(outbox))).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }, 60_000);

    it("never waits for a disk that stalls, sends what is live, and counts what memory cannot hold", async () => {
      const stallMs = isLong ? 10_000 : 4000;
      const { outbox, losses, disk } = await onSmallDisk({ memoryBytes: 300_000 });
      outbox.online();
      await add(outbox, 1, "alarm");
      disk.freeze();
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      const begin = performance.now();
      let sent = 0;
      // A broker that takes half of what comes.
      while (performance.now() - begin < stallMs) {
        for (let i = 0; i < 4; i++) void outbox.enqueue(message("telemetry", { bytes: 1000 }));
        for (const one of outbox.take(2)) {
          outbox.acknowledge(one);
          sent += 1;
        }
        await sleep(10);
      }
      delay.disable();
      expect(sent).toBeGreaterThan(stallMs / 20);
      expect(outbox.stats().memoryBytes).toBeLessThanOrEqual(300_000);
      expect(losses.get("memory-full")).toBeGreaterThan(10);
      disk.thaw();
      await waitUntil("the disk to take what is left", async () => (await add(outbox, 1, "alarm"))[0]?.kept, 5000);
      // The disk stood for seconds; we did not.
      expect(delay.max / 1e6).toBeLessThan(stallMs / 4);
    }, 60_000);
  },
);

const fiu = spawnSync("sh", ["-c", "command -v fiu-run"]).status === 0;

describe.skipIf(!fiu)("an outbox whose system calls fail", () => {
  const calls = isLong
    ? [
        "posix/io/rw/pwrite",
        "posix/io/rw/pwrite64",
        "posix/io/sync/fdatasync",
        "posix/io/sync/fsync",
        "posix/io/rw/pread64",
      ]
    : ["posix/io/rw/pwrite64", "posix/io/sync/fdatasync"];

  it.each(calls)(
    "keeps what it took while %s fails now and then",
    async (call) => {
      const directory = temporaryDirectory();
      cleanup.push(directory.remove);
      const program = new URL("support/failing.ts", import.meta.url).pathname;
      const faults = `enable_random name=${call},probability=0.05`;
      const output = execFileSync(
        "fiu-run",
        ["-x", "-c", faults, process.execPath, program, directory.path, isLong ? "400" : "60"],
        { encoding: "utf8", timeout: 120_000 },
      );
      const kept = output.split("\n").flatMap((line) => {
        const [word, epoch, sequence] = line.split(" ");
        return word === "kept" ? [`${epoch}/${sequence}`] : [];
      });
      const box = await openBox({ directory: directory.path });
      cleanup.push(() => box.outbox.close());
      expect(box.replaced).toEqual([]);
      box.outbox.online();
      const there = new Set((await drain(box.outbox)).map(({ epoch, sequence }) => `${epoch}/${sequence}`));
      // What went on in memory, under another epoch, was never on this disk.
      const lost = kept.filter((id) => id.startsWith(box.outbox.epoch) && !there.has(id));
      expect(lost).toEqual([]);
      expect(kept.length).toBeGreaterThan(50);
    },
    150_000,
  );
});
