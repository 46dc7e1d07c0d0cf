/** The publisher and a broker on another machine, whose cable is cut. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Consumer } from "../../../services/publisher/consumer.ts";
import { cannotMakeNetworks, FarMachine } from "../../support/network.ts";
import { waitUntil } from "../../support/wait.ts";
import { temporaryDirectory } from "./support/boxes.ts";
import { objectsRecord, type Publishing, publishing } from "./support/publishing.ts";

const reason = cannotMakeNetworks();
const PORT = 1883;

describe.skipIf(reason !== undefined)(`over a network${reason === undefined ? "" : ` (not here: ${reason})`}`, () => {
  let far: FarMachine;
  let broker: ReturnType<FarMachine["spawn"]>;
  const directory = mkdtempSync(join(tmpdir(), "nightjar-network-"));
  const cleanup: (() => unknown)[] = [];
  beforeAll(async () => {
    far = new FarMachine();
    const config = join(directory, "mosquitto.conf");
    writeFileSync(
      config,
      `persistence false\nuser root\nallow_anonymous true\nmax_queued_messages 0\nlistener ${PORT} ${far.address}\n`,
    );
    broker = far.spawn("/usr/sbin/mosquitto", "-c", config);
    await waitUntil("the broker", () => answers(far.address));
  });
  afterEach(async () => {
    for (const clean of cleanup.splice(0).reverse()) await clean();
  });
  afterAll(async () => {
    const gone = once(broker, "exit");
    broker.kill("SIGKILL");
    await gone;
    far.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  async function begin(): Promise<Publishing & { consumer: Consumer; frames: number[] }> {
    const url = `mqtt://${far.address}:${PORT}`;
    const frames: number[] = [];
    const id = `consumer-${Math.random()}`;
    const consumer = new Consumer({ url, topicPrefix: "nightjar/gate-1", clientId: id }, ({ path, document }) => {
      if (path.endsWith("/objects")) frames.push(Number((document as { id: string }).id));
    });
    await consumer.start();
    const store = temporaryDirectory();
    const running = publishing({
      url,
      keepAliveMs: 1000,
      connectTimeoutMs: 1000,
      outbox: { disk: { directory: store.path, freeShare: 0 }, backlogRate: 0 },
    });
    cleanup.push(
      store.remove,
      () => consumer.stop(),
      () => running.publisher.stop(0),
    );
    await running.publisher.start();
    await waitUntil("the connection", () => running.publisher.snapshot().state === "connected");
    return { ...running, consumer, frames };
  }

  async function publish({ publisher }: Publishing, from: number, count: number): Promise<void> {
    for (let frame = from; frame < from + count; frame++) {
      void publisher.publishRecord(objectsRecord(frame), "gate");
      await sleep(2);
    }
  }

  it("says that it knows that its messages are not protected there", async () => {
    const running = await begin();
    expect(running.publisher.snapshot().insecure).toBe(true);
  });

  it.each([
    ["the cable is cut", () => far.cut(), () => far.mend()],
    ["packets to the broker are swallowed", () => far.swallow(PORT), () => far.letThrough()],
  ])(
    "loses nothing while %s",
    async (_, cut, mend) => {
      const running = await begin();
      await publish(running, 0, 50);
      cut();
      try {
        await publish(running, 50, 100);
        await waitUntil(
          "the connection to be given up",
          () => running.publisher.snapshot().state === "disconnected",
          10_000,
        );
        await publish(running, 150, 50);
      } finally {
        mend();
      }
      const all = Array.from({ length: 200 }, (_, frame) => frame);
      await waitUntil(
        "all messages",
        () => new Set(running.frames).size === 200,
        20_000,
        () => `${running.frames.length} came`,
      );
      expect(running.frames.toSorted((a, b) => a - b)).toEqual(all);
      expect(running.consumer.streams()).toMatchObject([{ gaps: [], reportedLost: 0 }]);
      expect(running.publisher.snapshot().dropped).toBe(0);
    },
    60_000,
  );

  it("loses nothing over a cable that is cut again and again", async () => {
    const running = await begin();
    for (let round = 0; round < 4; round++) {
      await publish(running, round * 50, 25);
      far.cut();
      await publish(running, round * 50 + 25, 25);
      await sleep(round * 300);
      far.mend();
    }
    await waitUntil(
      "all messages",
      () => new Set(running.frames).size === 200,
      20_000,
      () => `${running.frames.length} came`,
    );
    expect(running.frames.length).toBe(200);
    expect(running.consumer.streams()[0]?.gaps).toEqual([]);
  }, 60_000);
});

function answers(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port: PORT, host, timeout: 500 });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("timeout", () => socket.destroy());
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}
