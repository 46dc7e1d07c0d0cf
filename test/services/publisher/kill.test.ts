/**
 * A publisher that is killed again and again, while its broker is sometimes frozen: whatever it had taken arrives, each
 * once, and every gap in the sequences is explained. Short: 12 rounds; NIGHTJAR_LONG=1: 500 (`make test-publisher`), or as many as
 * NIGHTJAR_ROUNDS says.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { Consumer } from "../../../services/publisher/consumer.ts";
import { Mosquitto } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { temporaryDirectory } from "./support/boxes.ts";

const rounds = Number(process.env.NIGHTJAR_ROUNDS ?? (process.env.NIGHTJAR_LONG === "1" ? 500 : 12));

class Victim {
  readonly child: ChildProcess;
  readonly kept: number[] = [];
  readonly #ready = Promise.withResolvers<void>();

  constructor(url: string, directory: string, firstFrame: number) {
    const program = new URL("support/victim.ts", import.meta.url).pathname;
    this.child = spawn(process.execPath, [program, url, directory, String(firstFrame)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface(this.child.stdout!).on("line", (line) => this.#hear(line));
    this.child.once("exit", () => this.#ready.reject(new Error("the publisher ended by itself")));
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  async kill(): Promise<void> {
    const gone = this.child.stdout!.closed ? undefined : once(this.child.stdout!, "close");
    this.child.kill("SIGKILL");
    await gone;
  }

  async end(): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.stdin!.write("end\n");
    await gone;
  }

  #hear(line: string): void {
    const [word, , , frame] = line.split(" ");
    if (word === "ready") this.#ready.resolve();
    if (word === "kept") this.kept.push(Number(frame));
  }
}

it(
  `loses nothing that it had taken, in ${rounds} rounds of kill -9`,
  async () => {
    const directory = temporaryDirectory();
    const broker = await Mosquitto.start({ config: ["allow_anonymous true", "max_queued_messages 0"] });
    const times = new Map<number, number>();
    const consumer = new Consumer(
      { url: broker.url, topicPrefix: "nightjar/gate-1", clientId: "reference" },
      ({ document }) => {
        const frame = Number((document as { id?: string } | undefined)?.id ?? -1);
        times.set(frame, (times.get(frame) ?? 0) + 1);
      },
    );
    const kept: number[] = [];
    let random = 42;
    const next = (most: number) => {
      random = (random * 1103515245 + 12345) % 2 ** 31;
      return random % most;
    };
    try {
      await consumer.start();
      for (let round = 0; round < rounds; round++) {
        if (round % 3 === 1) broker.signal("SIGSTOP");
        const victim = new Victim(broker.url, directory.path, round * 1_000_000);
        await victim.ready;
        await sleep(5 + next(195));
        if (round % 6 === 1) broker.signal("SIGCONT");
        if (round % 6 === 4) await sleep(next(100));
        await victim.kill();
        broker.signal("SIGCONT");
        kept.push(...victim.kept);
      }
      const last = new Victim(broker.url, directory.path, rounds * 1_000_000);
      await last.ready;
      await last.end();
      kept.push(...last.kept);
      const missing = () => kept.filter((frame) => !times.has(frame));
      await waitUntil(
        "everything that was taken",
        () => missing().length === 0,
        20_000,
        () => `${missing().length} of ${kept.length} are missing`,
      );
      await waitUntil(
        "the reports of what was lost",
        () => consumer.streams().every(({ gaps }) => gaps.length === 0),
        10_000,
      );
    } finally {
      await consumer.stop();
      await broker.remove();
      directory.remove();
    }
    const streams = consumer.streams();
    console.info(
      `${kept.length} records taken over ${rounds} rounds: ${JSON.stringify(streams.map(({ gaps, ...rest }) => rest))}`,
    );
    expect(kept.length).toBeGreaterThan(rounds * 10);
    // A frame was never published under two sequences, nor handed on twice.
    expect([...times].filter(([frame, count]) => frame >= 0 && count > 1)).toEqual([]);
    expect(streams.length).toBe(1);
    expect(streams[0]?.gaps).toEqual([]);
  },
  rounds * 4000 + 30_000,
);
