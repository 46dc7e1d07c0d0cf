import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, expect, it } from "vitest";
import { type ConsumedMessage, Consumer } from "../../../services/publisher/consumer.ts";
import { type EmbeddedBroker, startEmbeddedBroker } from "../../../services/publisher/embedded-broker.ts";
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
