/** Retained messages of cameras that are gone: nobody is told of them any more, however they went. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Publisher } from "../../../services/publisher/publisher.ts";
import { Announced } from "../../../services/supervisor/announced.ts";
import { freePort, Mosquitto } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { publishing } from "../publisher/support/publishing.ts";

let state: string;
let broker: Mosquitto;
let reader: MqttClient;
const publishers: Publisher[] = [];
const log = pino({ level: "silent" });

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), "nightjar-announced-"));
  broker = await Mosquitto.start();
  reader = await connectAsync(broker.url);
});
afterEach(async () => {
  for (const publisher of publishers.splice(0)) await publisher.stop(0);
  await reader.endAsync(true);
  await broker.remove();
  rmSync(state, { recursive: true });
});

/** A run of Nightjar with these cameras. */
async function run(url: string, ...cameras: string[]): Promise<{ announced: Announced; publisher: Publisher }> {
  const { publisher } = publishing({ url });
  publishers.push(publisher);
  await publisher.start();
  const announced = new Announced(state, publisher, log);
  announced.start(new Set(cameras));
  for (const camera of cameras) publisher.publishCameraStatus(camera, { state: "playing" });
  announced.keep(new Set(cameras));
  return { announced, publisher };
}

function onFile(): string[] {
  return JSON.parse(readFileSync(join(state, "announced.json"), "utf8")).cameras;
}

async function retained(): Promise<string[]> {
  const topics: string[] = [];
  const listen = (topic: string, payload: Buffer) => void (payload.length > 0 && topics.push(topic.split("/").at(-2)!));
  reader.on("message", listen);
  await reader.subscribeAsync("nightjar/gate-1/cameras/+/status");
  await reader.publishAsync("marker", "");
  await reader.unsubscribeAsync("nightjar/gate-1/cameras/+/status");
  reader.off("message", listen);
  return topics.sort();
}

it("takes away the messages of a camera that was removed while nothing ran", async () => {
  const first = await run(broker.url, "gate", "yard");
  await waitUntil("both", async () => (await retained()).length === 2);
  await first.publisher.stop(0);
  const second = await run(broker.url, "gate");
  await waitUntil("one", async () => (await retained()).join() === "gate");
  await waitUntil("the connection", () => second.publisher.snapshot().state === "connected");
  second.announced.keep(new Set(["gate"]));
  expect(onFile()).toEqual(["gate"]);
});

it("remembers it for as long as the broker has not heard it", async () => {
  const first = await run(broker.url, "gate", "yard");
  await waitUntil("both", async () => (await retained()).length === 2);
  await first.publisher.stop(0);
  const away = await run(`mqtt://127.0.0.1:${await freePort()}`, "gate");
  expect(onFile()).toEqual(["gate", "yard"]);
  await away.publisher.stop(0);
  await run(broker.url, "gate");
  await waitUntil("one", async () => (await retained()).join() === "gate");
});

it("starts with a file that is damaged", async () => {
  writeFileSync(join(state, "announced.json"), "{");
  await run(broker.url, "gate");
  expect(onFile()).toEqual(["gate"]);
});
