/** What Home Assistant is told through MQTT discovery. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Mosquitto } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { type Publishing, publishing } from "./support/publishing.ts";

let broker: Mosquitto;
let assistant: MqttClient;
let running: Publishing;
let messages: { topic: string; text: string }[] = [];

beforeEach(async () => {
  messages = [];
  broker = await Mosquitto.start();
  running = publishing({
    url: broker.url,
    version: "1.2.3",
    homeAssistant: { prefix: "homeassistant", deviceName: "Gate box" },
  });
  await running.publisher.start();
  assistant = await connectAsync(broker.url);
  assistant.on("message", (topic, payload) => messages.push({ topic, text: payload.toString() }));
  await assistant.subscribeAsync(["homeassistant/+/+/config", "nightjar/gate-1/cameras/+/counts"]);
});
afterEach(async () => {
  await running.publisher.stop(0);
  await assistant.endAsync(true);
  await broker.remove();
});

function documentOf(topic: string): Record<string, unknown> {
  return JSON.parse(messages.findLast((message) => message.topic === topic)?.text ?? "{}");
}

it("announces the device and the entities of each camera, under one device", async () => {
  running.publisher.publishCameraStatus("cam/07", { state: "playing" });
  await waitUntil("four entities", () => messages.length === 4);
  const entities = messages.map(({ topic }) => topic).sort();
  expect(entities).toEqual([
    "homeassistant/binary_sensor/gate-1_cam_07_occupancy/config",
    "homeassistant/binary_sensor/gate-1_connection/config",
    "homeassistant/event/gate-1_cam_07_events/config",
    "homeassistant/sensor/gate-1_cam_07_objects/config",
  ]);
  const documents = entities.map(documentOf);
  for (const document of documents)
    expect(document.device).toMatchObject({ identifiers: ["nightjar_gate-1"], name: "Gate box", sw_version: "1.2.3" });
  expect(new Set(documents.map((document) => document.unique_id)).size).toBe(4);
  expect(documents[2]).toMatchObject({
    state_topic: "nightjar/gate-1/cameras/cam_07/events",
    event_types: expect.arrayContaining(["line-crossing", "dwell"]),
  });
  expect(documents[3]).toMatchObject({
    availability: [{ topic: "nightjar/gate-1/status" }],
    default_entity_id: "sensor.gate_1_cam_07_objects",
    origin: { name: "Nightjar", sw_version: "1.2.3" },
  });
});

it("tells counts when asked to, retained, and takes everything away with the camera", async () => {
  running.publisher.publishCameraStatus("gate", { state: "playing" });
  running.publisher.publishCounts("gate", { car: 2, person: 1 });
  const topic = "nightjar/gate-1/cameras/gate/counts";
  await waitUntil("the counts", () => documentOf(topic).total === 3);
  expect(documentOf(topic)).toMatchObject({ camera: "gate", total: 3, labels: { car: 2, person: 1 } });
  running.publisher.publishCameraStatus("gate", null);
  await waitUntil("the end of the camera", () => messages.filter(({ text }) => text === "").length === 4);
});

it("announces everything again when Home Assistant has started", async () => {
  running.publisher.publishCameraStatus("gate", { state: "playing" });
  await waitUntil("four entities", () => messages.length === 4);
  messages = [];
  await assistant.publishAsync("homeassistant/status", "offline");
  await sleep(100);
  expect(messages).toEqual([]);
  await assistant.publishAsync("homeassistant/status", "online");
  await waitUntil("four entities again", () => messages.length === 4);
});
