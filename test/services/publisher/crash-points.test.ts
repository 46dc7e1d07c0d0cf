/**
 * The outbox' disk at every moment at which the power can go, its first start included: it opens, and has everything that
 * it had taken. Short: 24 points; NIGHTJAR_LONG=1: 240, and 120 on a disk that loses what was not flushed.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { CrashRecorder, cannotRecord } from "../../support/crash-recorder.ts";
import { openBox } from "./support/boxes.ts";

const isLong = process.env.NIGHTJAR_LONG === "1";
const reason = cannotRecord();

interface Recording {
  readonly recorder: CrashRecorder;
  readonly points: number;
  /** By sequence: from how many writes on it has to be there. */
  readonly kept: Map<number, number>;
  readonly sent: Set<number>;
}

async function record(rounds: number): Promise<Recording> {
  const recorder = new CrashRecorder();
  await recorder.start();
  const program = new URL("support/recorded.ts", import.meta.url).pathname;
  const args = [program, join(recorder.mountPoint, "outbox"), join(recorder.directory, "log"), String(rounds)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const points = await recorder.finish();
  const kept = new Map<number, number>();
  const sent = new Set<number>();
  for (const line of stdout.split("\n")) {
    const [word, ...numbers] = line.split(" ");
    if (word === "kept") kept.set(Number(numbers[0]), Number(numbers[1]));
    if (word === "sent") for (const number of numbers) sent.add(Number(number));
  }
  return { recorder, points, kept, sent };
}

/** Taken records that are not there, and what else is wrong. */
async function look({ kept, sent }: Recording, point: number, path: string): Promise<string[]> {
  const box = await openBox({ directory: join(path, "outbox") });
  const faults = [...box.problems, ...box.replaced].map((text) => `${point}: ${text}`);
  const there = new Set<number>();
  for (const kind of ["alarm", "event"] as const) {
    const messages = await box.outbox.store?.read({
      class: kind,
      after: 0,
      below: Number.MAX_SAFE_INTEGER,
      createdAfter: 0,
      maxMessages: 10_000,
      maxBytes: 1e9,
      skipTopics: [],
    });
    for (const { sequence } of messages ?? []) there.add(sequence);
  }
  for (const [sequence, writes] of kept)
    if (writes <= point && !there.has(sequence) && !sent.has(sequence)) faults.push(`${point}: ${sequence} is lost`);
  await box.outbox.close();
  return faults;
}

function spread(points: number, count: number): number[] {
  if (count >= points) return Array.from({ length: points }, (_, index) => index + 1);
  return [...new Set(Array.from({ length: count }, (_, index) => Math.ceil(((index + 1) * points) / count)))];
}

it.skipIf(reason !== undefined)(
  `opens after a power cut at any moment and has all that it had taken${reason === undefined ? "" : ` (not here: ${reason})`}`,
  async () => {
    const recording = await record(isLong ? 40 : 20);
    const { recorder, points, kept } = recording;
    const faults: string[] = [];
    let seen = 0;
    try {
      // With the first, the power goes before anything was written.
      for await (const { point, path } of recorder.crashes([0, ...spread(points, isLong ? 240 : 16)])) {
        faults.push(...(await look(recording, point, path)));
        seen += 1;
      }
      // A disk with a cache that does not survive: any of the writes since the last flush may be missing.
      let random = 1;
      const coin = () => {
        random = (random * 1103515245 + 12345) % 2 ** 31;
        return random % 3 === 0;
      };
      for await (const { point, path } of recorder.crashes(spread(points, isLong ? 120 : 8), coin)) {
        faults.push(...(await look(recording, point, path)));
        seen += 1;
      }
    } finally {
      recorder.remove();
    }
    console.info(`${seen} crash points of ${points} writes, ${kept.size} records taken, ${faults.length} faults`);
    expect(faults).toEqual([]);
    expect(kept.size).toBeGreaterThan(20);
    if (isLong) expect(seen).toBeGreaterThanOrEqual(200);
  },
  isLong ? 3_600_000 : 60_000,
);
