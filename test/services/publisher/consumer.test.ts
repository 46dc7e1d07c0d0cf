import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConsumedMessage, Consumer, type ConsumerOptions } from "../../../services/publisher/consumer.ts";
import { type EmbeddedBroker, startEmbeddedBroker } from "../../../services/publisher/embedded-broker.ts";
import { Mosquitto } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";

interface Scene {
  readonly broker: EmbeddedBroker;
  readonly client: MqttClient;
  readonly consumer: Consumer;
  readonly received: ConsumedMessage[];
}

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.consumer.stop();
  await scene?.client.endAsync(true);
  await scene?.broker.stop();
  scene = undefined;
});

async function begin(): Promise<Scene> {
  const broker = await startEmbeddedBroker({ host: "127.0.0.1", port: 0 });
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const received: ConsumedMessage[] = [];
  const consumer = new Consumer({ url, topicPrefix: "p", protocol: "3.1.1" }, (message) => received.push(message));
  await consumer.start();
  scene = { broker, client: await connectAsync(url), consumer, received };
  return scene;
}

async function say(
  { client, received }: Scene,
  sequences: readonly number[],
  topic = "p/metrics",
  more = {},
): Promise<void> {
  for (const sequence of sequences) {
    const nightjarMessage = { device: "d", epoch: "0011223344556677", sequence };
    await client.publishAsync(topic, JSON.stringify({ ...more, nightjarMessage }), { qos: 1 });
  }
  const marker = `p/marker/${received.length}-${sequences.join("-")}`;
  await client.publishAsync(marker, "x", { qos: 1 });
  await waitUntil(marker, () => received.some(({ topic: at }) => at === marker));
}

function sequences({ received }: Scene): (number | undefined)[] {
  return received.flatMap(({ identity }) => (identity === undefined ? [] : [identity.sequence]));
}

it("passes each message once", async () => {
  const scene = await begin();
  await say(scene, [5, 6, 6, 7, 5, 8]);
  expect(sequences(scene)).toEqual([5, 6, 7, 8]);
  expect(scene.consumer.streams()).toMatchObject([{ received: 4, duplicates: 2, gaps: [] }]);
});

it("notes gaps, and closes them when the missing message comes late", async () => {
  const scene = await begin();
  await say(scene, [1, 2, 5, 9]);
  expect(scene.consumer.streams()[0]?.gaps).toEqual([
    [3, 4],
    [6, 8],
  ]);
  await say(scene, [7]);
  expect(scene.consumer.streams()[0]).toMatchObject({
    reordered: 1,
    gaps: [
      [3, 4],
      [6, 6],
      [8, 8],
    ],
  });
});

it("accepts gaps that a loss report explains, before or after", async () => {
  const scene = await begin();
  const report = {
    version: "1.0",
    device: "d",
    epoch: "0011223344556677",
    "@timestamp": "",
    stage: "outbox",
    reason: "queue-full",
    count: 2,
    bytes: 9,
  };
  await say(scene, [1, 4]);
  await say(scene, [5], "p/loss", {
    ...report,
    ranges: [
      [2, 3],
      [6, 7],
    ],
  });
  await say(scene, [8]);
  expect(scene.consumer.streams()[0]).toMatchObject({ gaps: [], reportedLost: 4 });
});

it("keeps epochs apart", async () => {
  const scene = await begin();
  await say(scene, [10]);
  const nightjarMessage = { device: "d", epoch: "ffffffffffffffff", sequence: 1 };
  await scene.client.publishAsync("p/metrics", JSON.stringify({ nightjarMessage }), { qos: 1 });
  await say(scene, [11]);
  expect(scene.consumer.streams().map(({ epoch, gaps }) => [epoch, gaps])).toEqual([
    ["0011223344556677", []],
    ["ffffffffffffffff", []],
  ]);
});

describe("a consumer whose session the broker keeps", () => {
  let broker: Mosquitto;
  let client: MqttClient;
  const consumers: Consumer[] = [];
  beforeEach(async () => {
    broker = await Mosquitto.start();
    client = await connectAsync(broker.url);
  });
  afterEach(async () => {
    for (const consumer of consumers.splice(0)) await consumer.stop();
    await client.endAsync(true);
    await broker.remove();
  });

  function consume(onMessage: (message: ConsumedMessage) => unknown, more: Partial<ConsumerOptions> = {}): Consumer {
    const consumer = new Consumer({ url: broker.url, topicPrefix: "p", clientId: "reader", ...more }, onMessage);
    consumers.push(consumer);
    return consumer;
  }

  async function publish(...sequences: number[]): Promise<void> {
    for (const sequence of sequences) {
      const nightjarMessage = { device: "d", epoch: "0011223344556677", sequence };
      await client.publishAsync("p/metrics", JSON.stringify({ nightjarMessage }), { qos: 1 });
    }
  }

  it("gets a message again whose handling failed, and says why it did", async () => {
    const handled: (number | undefined)[] = [];
    const problems: string[] = [];
    let isBroken = true;
    const consumer = consume(
      async ({ identity }) => {
        if (isBroken && identity?.sequence === 2) throw new Error("the database is away");
        handled.push(identity?.sequence);
      },
      { onProblem: ({ message }) => problems.push(message) },
    );
    await consumer.start();
    await publish(1, 2, 3);
    await waitUntil("two attempts", () => problems.length >= 2);
    expect(handled).toEqual([1]);
    isBroken = false;
    await waitUntil("all of them", () => handled.length === 3);
    expect(handled).toEqual([1, 2, 3]);
    expect(problems[0]).toBe("the database is away");
    expect(consumer.streams()).toMatchObject([{ received: 3, gaps: [] }]);
  }, 20_000);

  it("gets a message again that its process had not handled when it ended, and what came meanwhile", async () => {
    const first = consume(() => new Promise(() => undefined));
    await first.start();
    await publish(1);
    await waitUntil("the message to be at work", () => first.streams()[0]?.received === 1);
    await first.stop();
    await publish(2, 3);
    const handled: (number | undefined)[] = [];
    await consume(({ identity }) => handled.push(identity?.sequence)).start();
    await waitUntil("all of them", () => handled.length === 3);
    expect(handled).toEqual([1, 2, 3]);
  });

  it("handles one message after the other", async () => {
    let atWork = 0;
    let most = 0;
    let handled = 0;
    const consumer = consume(async () => {
      most = Math.max(most, ++atWork);
      await new Promise((resolve) => setTimeout(resolve, 5));
      atWork -= 1;
      handled += 1;
    });
    await consumer.start();
    await publish(...Array.from({ length: 20 }, (_, index) => index + 1));
    await waitUntil("all of them", () => handled === 20);
    expect(most).toBe(1);
  });
});

it("says that nothing listens", async () => {
  const absent = new Consumer({ url: "mqtt://127.0.0.1:9", topicPrefix: "p" }, () => undefined);
  await expect(absent.start()).rejects.toThrow(/ECONNREFUSED|closed/);
});
