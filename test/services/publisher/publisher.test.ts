/** The publisher against Mosquitto. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { readSecret } from "../../../services/config/secrets.ts";
import { type ConsumedMessage, Consumer } from "../../../services/publisher/consumer.ts";
import {
  cameraStatus,
  deviceMetrics,
  deviceStatus,
  lossReport,
  minimalObjects,
} from "../../../services/publisher/messages.ts";
import type { AcknowledgedMessage } from "../../../services/publisher/publisher.ts";
import { KIND } from "../../../services/publisher/record.ts";
import { Mosquitto, type MosquittoOptions } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { cleanUp, cleanup, publishTo } from "./support/on-broker.ts";
import { objectsRecord, publishing } from "./support/publishing.ts";

afterEach(cleanUp);

async function broker(options?: MosquittoOptions): Promise<Mosquitto> {
  const mosquitto = await Mosquitto.start(options);
  cleanup.push(() => mosquitto.remove());
  return mosquitto;
}

async function consume(
  url: string,
  options: object = {},
): Promise<{ consumer: Consumer; received: ConsumedMessage[] }> {
  const received: ConsumedMessage[] = [];
  const consumer = new Consumer({ url, topicPrefix: "nightjar/gate-1", ...options }, (message) =>
    received.push(message),
  );
  cleanup.push(() => consumer.stop());
  await consumer.start();
  return { consumer, received };
}

function frames(received: readonly ConsumedMessage[]): number[] {
  return received
    .filter(({ path }) => path.endsWith("/objects"))
    .map(({ document }) => Number((document as { id: string }).id));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

it("brings records to the camera's topics, with an identity, as documents that meet their schema", async () => {
  const { url } = await broker();
  const { received } = await consume(url);
  const acknowledged: AcknowledgedMessage[] = [];
  const { publisher } = await publishTo(
    url,
    {},
    { onAcknowledged: (message: AcknowledgedMessage) => acknowledged.push(message) },
  );
  await publisher.publishRecord(objectsRecord(0), "gate");
  await publisher.publishRecord(objectsRecord(1, { kind: KIND.event, payload: Buffer.from("{}") }), "yard/2");
  await publisher.publishMetrics({ totals: { fps: 60 } });
  await waitUntil("three messages", () => received.filter(({ retained }) => !retained).length === 4);
  const byPath = new Map(received.map((message) => [message.path, message]));
  expect([...byPath.keys()].sort()).toEqual(["cameras/gate/objects", "cameras/yard_2/events", "metrics", "status"]);
  expect(minimalObjects.parse(byPath.get("cameras/gate/objects")?.document).objects).toEqual(["1|0|0|2|2|car"]);
  expect(deviceMetrics.parse(byPath.get("metrics")?.document)).toMatchObject({ device: "gate-1", totals: { fps: 60 } });
  expect(byPath.get("cameras/gate/objects")?.identity).toMatchObject({ device: "gate-1", sequence: 1 });
  await waitUntil("three acknowledgements", () => acknowledged.length === 3);
  const objects = acknowledged.find(({ camera }) => camera === "gate");
  expect(objects).toMatchObject({ sequence: 1, class: "telemetry" });
  expect(objects?.latencyMs).toBeLessThan(5000);
  expect(publisher.snapshot()).toMatchObject({
    state: "connected",
    protocol: "5",
    queued: 0,
    acknowledged: 3,
    dropped: 0,
  });
});

it("says its birth before anything else, and goodbye at the end", async () => {
  const { url } = await broker();
  const { received } = await consume(url);
  const running = publishing({ url });
  for (const frame of upTo(50)) await running.publisher.publishRecord(objectsRecord(frame), "gate");
  running.publisher.publishCameraStatus("gate", { state: "playing", reason: "" });
  await running.publisher.start();
  await waitUntil("all messages", () => frames(received).length === 50);
  await running.publisher.stop();
  await waitUntil("the goodbye", () => received.at(-1)?.path === "status");
  expect(received.slice(0, 2).map(({ path }) => path)).toEqual(["status", "cameras/gate/status"]);
  expect(deviceStatus.parse(received[0]?.document).state).toBe("online");
  expect(cameraStatus.parse(received[1]?.document)).toMatchObject({ camera: "gate", state: "playing" });
  expect(deviceStatus.parse(received.at(-1)?.document)).toMatchObject({ state: "offline", reason: "stopped" });
});

it("retains status: who comes later sees the newest, and a removed camera is gone", async () => {
  const { url } = await broker();
  const { publisher } = await publishTo(url);
  publisher.publishCameraStatus("gate", { state: "starting" });
  publisher.publishCameraStatus("gate", { state: "playing" });
  publisher.publishCameraStatus("yard", { state: "playing" });
  publisher.publishCameraStatus("yard", null);
  await waitUntil("the connection", () => publisher.snapshot().state === "connected");
  await sleep(100);
  const { received } = await consume(url);
  await waitUntil("retained messages", () => received.length === 2);
  expect(received.every(({ retained }) => retained)).toBe(true);
  expect(received.map(({ path, document }) => [path, (document as { state: string }).state]).sort()).toEqual([
    ["cameras/gate/status", "playing"],
    ["status", "online"],
  ]);
});

it("tells retained state only as it is now, however long the broker was away", async () => {
  const mosquitto = await broker();
  const { publisher } = await publishTo(mosquitto.url);
  await waitUntil("the connection", () => publisher.snapshot().state === "connected");
  await mosquitto.end("SIGKILL");
  await waitUntil("the loss of the connection", () => publisher.snapshot().state === "disconnected");
  for (const state of ["starved", "stalled", "failed", "starting", "playing"])
    publisher.publishCameraStatus("gate", { state });
  await mosquitto.start();
  const { received } = await consume(mosquitto.url);
  await waitUntil("the connection", () => publisher.snapshot().state === "connected");
  await waitUntil("the state", () => received.some(({ path }) => path === "cameras/gate/status"));
  await sleep(200);
  const states = received.filter(({ path }) => path === "cameras/gate/status").map(({ document }) => document);
  expect(states).toMatchObject([{ state: "playing" }]);
});

it("leaves a will: a device that vanishes is told to be offline", async () => {
  const mosquitto = await broker();
  const { received } = await consume(mosquitto.url);
  const { spawn } = await import("node:child_process");
  const child = spawn(process.execPath, [new URL("support/vanishing.ts", import.meta.url).pathname, mosquitto.url]);
  cleanup.push(async () => child.kill("SIGKILL"));
  await waitUntil("the birth", () => received.some(({ path }) => path === "status"));
  child.kill("SIGKILL");
  await waitUntil("the will", () => (received.at(-1)?.document as { state?: string } | undefined)?.state === "offline");
  expect(deviceStatus.parse(received.at(-1)?.document).reason).toBe("connection lost");
});

it.each(["SIGKILL", "SIGTERM"] as const)(
  "loses nothing when the broker is ended by %s and comes back without its sessions",
  async (signal) => {
    const mosquitto = await broker();
    const { consumer, received } = await consume(mosquitto.url);
    const { publisher, complaints } = await publishTo(mosquitto.url);
    for (const frame of upTo(100)) await publisher.publishRecord(objectsRecord(frame), "gate");
    await waitUntil("the first half", () => frames(received).length === 100);
    await mosquitto.end(signal);
    for (const frame of upTo(100)) await publisher.publishRecord(objectsRecord(100 + frame), "gate");
    await waitUntil("the loss of the connection", () => publisher.snapshot().state === "disconnected");
    expect(publisher.snapshot().queued).toBe(100);
    await mosquitto.start();
    // The consumer has no session at a broker that forgot everything: it has to be back first.
    await waitUntil("the publisher", () => publisher.snapshot().state === "connected");
    await waitUntil("an empty queue", () => publisher.snapshot().queued === 0);
    expect(publisher.snapshot()).toMatchObject({ acknowledged: 200, dropped: 0 });
    expect(consumer.streams()[0]?.duplicates).toBe(0);
    expect(complaints().filter((text) => text.startsWith("no connection"))).toHaveLength(complaints().length);
  },
);

it("delivers in order and without gaps through a broker that is frozen for a while", async () => {
  const mosquitto = await broker();
  const { consumer, received } = await consume(mosquitto.url);
  const { publisher } = await publishTo(mosquitto.url);
  await waitUntil("the connection", () => publisher.snapshot().state === "connected");
  mosquitto.signal("SIGSTOP");
  for (const frame of upTo(300)) await publisher.publishRecord(objectsRecord(frame), "gate");
  await sleep(300);
  expect(publisher.snapshot().inFlight).toBe(20);
  mosquitto.signal("SIGCONT");
  await waitUntil("all messages", () => frames(received).length === 300);
  expect(frames(received)).toEqual(upTo(300));
  expect(consumer.streams()).toMatchObject([{ received: 300, duplicates: 0, gaps: [] }]);
});

it("counts and announces what a full queue gives up, and the consumer sees no unexplained gap", async () => {
  const mosquitto = await broker();
  const quotaBytes = 50 * (objectsRecord(100).payload.length + 100);
  const { publisher, registry, complaints } = await publishTo(mosquitto.url, {
    outbox: { classes: { telemetry: { quotaBytes } } },
  });
  await waitUntil("the connection", () => publisher.snapshot().state === "connected");
  await publisher.publishRecord(objectsRecord(0), "gate");
  await waitUntil("the first message", () => publisher.snapshot().acknowledged === 1);
  await mosquitto.end("SIGKILL");
  await waitUntil("the loss of the connection", () => publisher.snapshot().state === "disconnected");
  for (const frame of upTo(200)) await publisher.publishRecord(objectsRecord(100 + frame), "gate");
  const { dropped } = publisher.snapshot();
  expect(dropped).toBeGreaterThan(140);
  const listening = mosquitto.start().then(() => consume(mosquitto.url));
  const { consumer, received } = await listening;
  await waitUntil("the loss report", () => received.some(({ path }) => path === "loss"));
  await waitUntil("an empty queue", () => publisher.snapshot().queued === 0);
  const report = lossReport.parse(received.find(({ path }) => path === "loss")?.document);
  expect(report).toMatchObject({ stage: "outbox", reason: "quota", count: dropped, from: 2, to: 1 + dropped });
  expect(consumer.streams()[0]?.gaps).toEqual([]);
  expect(await registry.metrics()).toContain(`nightjar_publisher_dropped_total{reason="quota"} ${dropped}`);
  expect(complaints()).toContain("messages were lost");
});

it("announces records that the pipeline dropped before they became messages", async () => {
  const { url } = await broker();
  const { received } = await consume(url);
  const { publisher } = await publishTo(url);
  publisher.recordsDropped(4);
  publisher.recordsDropped(2);
  await waitUntil("the loss report", () => received.some(({ path }) => path === "loss"));
  const report = lossReport.parse(received.find(({ path }) => path === "loss")?.document);
  expect(report).toMatchObject({ stage: "pipeline", reason: "reader-too-slow", count: 6 });
});

it("keeps trying with a wrong password, and works when it has been corrected", async () => {
  const { execFileSync } = await import("node:child_process");
  const mosquitto = await broker({
    config: ["allow_anonymous false", "password_file %d/passwords"],
    files: { passwords: "" },
  });
  execFileSync("mosquitto_passwd", ["-b", `${mosquitto.directory}/passwords`, "device", "right"]);
  mosquitto.signal("SIGHUP");
  const { writeFileSync } = await import("node:fs");
  const passwordFile = `${mosquitto.directory}/secret`;
  writeFileSync(passwordFile, "wrong-secret\n");
  const { publisher, complaints, log } = await publishTo(mosquitto.url, {
    username: "device",
    password: () => readSecret({ file: passwordFile }, "mqtt.password"),
  });
  await waitUntil("three refusals", () => log.filter(({ msg }) => msg.startsWith("no connection")).length >= 3);
  expect(complaints()).toHaveLength(1);
  expect(complaints()[0]).toMatch(/refused user "device": check mqtt.username and mqtt.password/);
  expect(JSON.stringify(log)).not.toContain("wrong-secret");
  writeFileSync(passwordFile, "right\n");
  await waitUntil("the connection", () => publisher.snapshot().state === "connected");
  expect(publisher.snapshot().reason).toBe("");
});

it("says so when the broker wants a user and there is none", async () => {
  const { url } = await broker({ config: ["allow_anonymous false"] });
  const { complaints } = await publishTo(url);
  await waitUntil("the complaint", () => complaints().length === 1);
  expect(complaints()[0]).toMatch(/without a user name: set mqtt.username/);
});

it("keeps messages for a topic that the broker does not allow, while others go through", async () => {
  const { url } = await broker({
    config: ["allow_anonymous true", "acl_file %d/acl"],
    files: { acl: "topic read #\ntopic write nightjar/gate-1/status\ntopic write nightjar/gate-1/cameras/gate/#\n" },
  });
  const { received } = await consume(url);
  const { publisher, complaints } = await publishTo(url);
  await publisher.publishMetrics({});
  await publisher.publishRecord(objectsRecord(0), "gate");
  await waitUntil("the allowed message", () => frames(received).length === 1);
  await waitUntil("the complaint", () => complaints().some((text) => text.includes("access list")));
  await waitUntil("only the refused message to be left", () => publisher.snapshot().queued === 1);
  expect(publisher.snapshot()).toMatchObject({ acknowledged: 1, dropped: 0 });
});

it("drops a message that is too large for the broker, counts it, and goes on", async () => {
  const { url } = await broker({ config: ["allow_anonymous true", "max_packet_size 2000"] });
  const { received } = await consume(url);
  const { publisher, complaints } = await publishTo(url);
  await publisher.publishRecord(objectsRecord(0, { payload: Buffer.from(`{"big":"${"x".repeat(5000)}"}`) }), "gate");
  await publisher.publishRecord(objectsRecord(1), "gate");
  await waitUntil("the small message", () => frames(received).includes(1));
  expect(publisher.snapshot().dropped).toBe(1);
  expect(complaints().some((text) => text.includes("at most 2000 bytes"))).toBe(true);
});
