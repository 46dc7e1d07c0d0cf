/** Commands over MQTT, to a whole supervisor through Mosquitto, and the pictures that they and events refer to. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Client } from "../../../services/cli/client.ts";
import { cameraEvent, commandReply } from "../../../services/publisher/messages.ts";
import { Mosquitto } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { makeFolder, type SmallSupervisor, startSmall } from "./small-supervisor.ts";

// Who may give commands is the broker's business: "viewer" may only look.
const ACL = "user box\ntopic readwrite #\nuser operator\ntopic readwrite #\nuser viewer\ntopic read #\n";

interface Reply {
  readonly ok: boolean;
  readonly output?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

let broker: Mosquitto;
let small: SmallSupervisor;
let operator: MqttClient;
const folder = makeFolder();
const replies = new Map<string, Reply[]>();
const events: Record<string, unknown>[] = [];

const settings = () => ({
  mqtt: { url: broker.url, username: "box" },
  evidence: { enabled: true },
  cameras: [{ id: "eventful", uri: "test:" }],
});

beforeAll(async () => {
  broker = await Mosquitto.start({ config: ["allow_anonymous true", "acl_file %d/acl"], files: { acl: ACL } });
  small = await startSmall(settings(), { folder });
  operator = await connectAsync(broker.url, { protocolVersion: 5, username: "operator" });
  operator.on("message", (topic, payload, packet) => {
    if (topic.endsWith("/events")) return void events.push(JSON.parse(payload.toString()));
    const key = packet.properties?.correlationData?.toString("hex") ?? topic;
    replies.set(key, [...(replies.get(key) ?? []), commandReply.parse(JSON.parse(payload.toString())) as Reply]);
  });
  await operator.subscribeAsync(["operator/replies", "nightjar/box/reply/+", "nightjar/box/cameras/+/events"], {
    qos: 1,
  });
  await waitUntil("the camera to play", () => small.supervisor.status().cameras[0]?.state === "playing", 25_000);
  await waitUntil("the broker", () => small.supervisor.status().broker.state === "connected", 10_000);
});
afterAll(async () => {
  await operator?.endAsync(true);
  await small?.end();
  await broker?.remove();
});

/** Gives a command as MQTT 5 has it, and waits for its reply. */
async function ask(name: string, input: object = {}, correlation = randomBytes(8)): Promise<Reply> {
  const before = replies.get(correlation.toString("hex"))?.length ?? 0;
  const properties = { responseTopic: "operator/replies", correlationData: correlation };
  await operator.publishAsync(`nightjar/box/command/${name}`, JSON.stringify({ input }), { qos: 1, properties });
  return waitUntil(`the reply to ${name}`, () => replies.get(correlation.toString("hex"))?.[before], 10_000);
}

function fetchPath(path: string): Promise<{ status: number; type: string; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: small.supervisor.controlSocket, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          body: Buffer.concat(chunks),
        }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

it("answers what changes nothing, with the correlation data of the request", async () => {
  expect(await ask("health")).toMatchObject({ ok: true, output: { ready: true, broker: { state: "connected" } } });
  expect(await ask("listCameras")).toMatchObject({ ok: true, output: [{ id: "eventful" }] });
});

it("says what is wrong with a command", async () => {
  expect(await ask("selfDestruct")).toMatchObject({ ok: false, error: { code: "unknown" } });
  expect(await ask("setLogLevel", { level: "loud" })).toMatchObject({ ok: false, error: { code: "invalid" } });
  expect(await ask("removeCamera", { id: "nowhere" })).toMatchObject({
    ok: false,
    error: { code: "invalid", message: expect.stringContaining('no camera "nowhere"') },
  });
});

it("does a repeated command once, gives the same reply, and has written its effect before that", async () => {
  const correlation = randomBytes(8);
  const camera = { id: "added", uri: "test:" };
  const first = await ask("addCamera", camera, correlation);
  expect(first).toMatchObject({ ok: true, output: { id: "added" } });
  const kept = JSON.parse(readFileSync(join(folder, "state", "cameras.json"), "utf8"));
  expect(kept.added).toMatchObject([{ id: "added" }]);
  expect(await ask("addCamera", camera, correlation)).toMatchObject({ ok: true, output: { id: "added" } });
  // Under another id it is another command.
  expect(await ask("addCamera", camera)).toMatchObject({ ok: false, error: { code: "invalid" } });
  expect(await ask("removeCamera", { id: "added" }, correlation)).toMatchObject({ error: { code: "conflict" } });
  expect(small.supervisor.status().cameras.map(({ id }) => id)).toEqual(["eventful", "added"]);
});

it("does not change anything for a command that could not be repeated safely", async () => {
  await operator.publishAsync("nightjar/box/command/setLogLevel", JSON.stringify({ input: { level: "warn" } }), {
    qos: 1,
  });
  const reply = await waitUntil("the reply", () => replies.get("nightjar/box/reply/setLogLevel")?.[0]);
  expect(reply).toMatchObject({
    ok: false,
    error: { code: "invalid", message: expect.stringContaining("correlation data") },
  });
});

it("takes commands of MQTT 3.1.1, with an id in the payload", async () => {
  const old = await connectAsync(broker.url, { protocolVersion: 4, username: "operator" });
  const text = JSON.stringify({ id: "change-1", input: { level: "debug" } });
  await old.publishAsync("nightjar/box/command/setLogLevel", text, { qos: 1 });
  const topic = "nightjar/box/reply/setLogLevel";
  const reply = await waitUntil("the reply", () => replies.get(topic)?.find(({ ok }) => ok));
  expect(reply).toMatchObject({ id: "change-1", output: { level: "debug" } });
  await old.endAsync(true);
});

it("ignores retained commands, and replies only where it may", async () => {
  const properties = { responseTopic: "nightjar/box/status", correlationData: randomBytes(4) };
  const id = { id: "x" };
  await operator.publishAsync(
    "nightjar/box/command/setLogLevel",
    JSON.stringify({ ...id, input: { level: "error" } }),
    { qos: 1, retain: true, properties },
  );
  await operator.publishAsync("nightjar/box/command/setLogLevel", "", { retain: true });
  await operator.publishAsync("nightjar/box/command/health", "", { qos: 1, properties });
  await sleep(300);
  expect(replies.get(properties.correlationData.toString("hex"))).toBeUndefined();
});

it("does not read files of the device as passwords for somebody far away", async () => {
  const source = { type: "rtsp", uri: "rtsp://127.0.0.1:1/x", username: "u", password: { file: "/etc/hostname" } };
  expect(await ask("addCamera", { id: "spy", source })).toMatchObject({
    ok: false,
    error: { code: "forbidden", message: expect.stringContaining("input.source.password") },
  });
});

it("is out of reach for whom the broker's access list does not let publish", async () => {
  const viewer = await connectAsync(broker.url, { protocolVersion: 4, username: "viewer" });
  await viewer.publishAsync(
    "nightjar/box/command/removeCamera",
    JSON.stringify({ id: "v", input: { id: "eventful" } }),
    { qos: 1 },
  );
  await sleep(300);
  expect(small.supervisor.status().cameras.map(({ id }) => id)).toContain("eventful");
  await viewer.endAsync(true);
});

it("keeps a picture, and a recording, that the reply says where to fetch", async () => {
  const { output } = await ask("snapshot", { id: "eventful" });
  const { path, bytes } = output as { path: string; bytes: number };
  const picture = await fetchPath(path);
  expect(picture).toMatchObject({ status: 200, type: "image/jpeg" });
  expect(picture.body.toString()).toMatch(/^picture \d+$/);
  expect(picture.body.length).toBe(bytes);
  const recording = (await ask("record", { id: "eventful", seconds: 1 })).output as { path: string };
  const found = await waitUntil("the recording", async () => {
    const answer = await fetchPath(recording.path);
    return answer.status === 200 && answer;
  });
  expect(found.body.toString().match(/picture/g)?.length).toBeGreaterThan(10);
  expect((await fetchPath("/api/evidence/1-nothing")).status).toBe(404);
  expect((await fetchPath("/api/evidence/..%2F..%2Fcameras.json")).status).toBe(404);
});

it("keeps a picture of each event, named in its message", async () => {
  const event = await waitUntil("an event with a picture", () => events.find(({ evidence }) => evidence !== undefined));
  const { path } = event.evidence as { path: string };
  expect(cameraEvent.shape.evidence.safeParse(event.evidence).success).toBe(true);
  const picture = await waitUntil("the picture", async () => {
    const answer = await fetchPath(path);
    return answer.status === 200 && answer;
  });
  expect(picture.body.toString()).toMatch(/^picture \d+$/);
});

it("is the same table for the command line and HTTP", async () => {
  const client = new Client(small.supervisor.controlSocket);
  expect(await client.call("setLogLevel", { level: "info" })).toEqual({ level: "info" });
  expect(await client.call("listEvidence", { camera: "eventful", limit: 3 })).toHaveLength(3);
  expect(await client.call("deadLetters", { limit: 5 })).toEqual([]);
  const { body } = await fetchPath("/api/schemas/command-record.schema.json");
  expect(JSON.parse(body.toString())).toMatchObject({ type: "object", required: ["id"] });
});

it("knows after a restart which commands it has done, and what was set", async () => {
  const correlation = randomBytes(8);
  await ask("setLogLevel", { level: "warn" }, correlation);
  await small.end("keep");
  small = await startSmall(settings(), { folder });
  await waitUntil("the broker", () => small.supervisor.status().broker.state === "connected", 10_000);
  expect(JSON.parse(readFileSync(join(folder, "state", "device.json"), "utf8"))).toMatchObject({ logLevel: "warn" });
  await ask("setLogLevel", { level: "info" });
  const again = await ask("setLogLevel", { level: "warn" }, correlation);
  expect(again).toMatchObject({ ok: true, output: { level: "warn" } });
  expect(JSON.parse(readFileSync(join(folder, "state", "device.json"), "utf8"))).toMatchObject({ logLevel: "info" });
  const other = await ask("setLogLevel", { level: "trace" }, correlation);
  expect(other).toMatchObject({ ok: false, error: { code: "conflict" } });
});
