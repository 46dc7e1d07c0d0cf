// The whole of Nightjar on the demo cameras, with Mosquitto as the broker: what a person and a consumer see.

import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Mosquitto } from "../support/mosquitto.ts";
import { demoCameras, Nightjar } from "../support/nightjar.ts";
import { waitUntil } from "../support/wait.ts";

const UNTRACKED = "18446744073709551615";

interface Message {
  readonly topic: string;
  readonly at: number;
  readonly body: Record<string, unknown>;
}

let broker: Mosquitto;
let nightjar: Nightjar;
let consumer: MqttClient;
const messages: Message[] = [];

const objectMessages = (camera: string): Message[] =>
  messages.filter((message) => message.topic.endsWith(`/cameras/${camera}/objects`));

/** The track ids of one message of the minimal schema. */
const idsOf = (message: Message): string[] =>
  (message.body["objects"] as string[]).map((object) => object.split("|")[0] ?? "").filter((id) => id !== UNTRACKED);

/** When objects came again after a gap without any that began after `since`; undefined as long as they have not. */
function detectedAgain(all: readonly Message[], since: number): number | undefined {
  const later = all.filter((message) => message.at > since);
  const gap = later.findIndex((message) => idsOf(message).length === 0);
  return gap < 0 ? undefined : later.slice(gap).find((message) => idsOf(message).length > 0)?.at;
}

beforeAll(async () => {
  broker = await Mosquitto.start();
  consumer = await connectAsync(broker.url, { protocolVersion: 5, clientId: "consumer" });
  consumer.on("message", (topic, payload) => {
    if (payload.length > 0) messages.push({ topic, at: Date.now(), body: JSON.parse(payload.toString()) });
  });
  await consumer.subscribeAsync("nightjar/#", { qos: 1 });
  nightjar = await Nightjar.start({ cameras: demoCameras, mqtt: { url: broker.url } });
  await nightjar.untilStatus(
    "four cameras to play with objects",
    (status) => status.cameras.length === 4 && status.cameras.every((camera) => camera.objectsTotal > 20),
    90_000,
  );
}, 120_000);

afterAll(async () => {
  await nightjar?.stop();
  await consumer?.endAsync(true);
  await broker?.remove();
});

describe("the demo", () => {
  it("publishes valid messages of all four cameras", async () => {
    for (const { id } of demoCameras) {
      const [message] = await waitUntil(`messages of ${id}`, () => {
        const found = objectMessages(id);
        return found.length > 10 ? found : undefined;
      });
      expect(message?.body).toMatchObject({ version: "4.0", sensorId: id });
      expect(String(message?.body["@timestamp"])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(Array.isArray(message?.body["objects"])).toBe(true);
    }
  });

  it("keeps the id of an object over many frames", async () => {
    for (const { id } of demoCameras) {
      const longest = await waitUntil(
        `a track of 20 frames at ${id}`,
        () => {
          const frames = new Map<string, number>();
          for (const message of objectMessages(id)) {
            for (const track of idsOf(message)) frames.set(track, (frames.get(track) ?? 0) + 1);
          }
          const most = Math.max(0, ...frames.values());
          return most >= 20 ? most : undefined;
        },
        15_000,
      );
      expect(longest).toBeGreaterThanOrEqual(20);
    }
  });

  it("announces itself with a retained status", () => {
    const births = messages.filter((message) => message.topic === "nightjar/test/status");
    expect(births.at(-1)?.body["state"]).toBe("online");
  });

  it("keeps detecting within 2 s when the postprocess process is killed, and frames never stop", async () => {
    const before = await nightjar.status();
    process.kill(await nightjar.pidOf("postprocess"), "SIGKILL");
    const killedAt = Date.now();
    const back = await waitUntil(
      "objects of all cameras again",
      () => {
        const times = demoCameras.map(({ id }) => detectedAgain(objectMessages(id), killedAt));
        return times.every((time) => time !== undefined) ? Math.max(...(times as number[])) : undefined;
      },
      10_000,
    );
    expect(back - killedAt).toBeLessThan(2000);
    const after = await nightjar.status();
    for (const [index, camera] of after.cameras.entries()) {
      expect(camera.frames).toBeGreaterThan(before.cameras[index]!.frames);
      expect(camera.tries).toBe(before.cameras[index]!.tries);
    }
  });

  it("has video back within 3 s when the pipeline process is killed", async () => {
    process.kill(await nightjar.pidOf("pipeline"), "SIGKILL");
    const killedAt = Date.now();
    await nightjar.untilStatus(
      "video of all cameras again",
      (status) => status.cameras.every((camera) => (camera.last.decoded ?? 0) > killedAt + 50),
      10_000,
    );
    expect(Date.now() - killedAt).toBeLessThan(3000);
    await nightjar.untilStatus("objects again", (status) =>
      status.cameras.every((camera) => (camera.last.published ?? 0) > killedAt + 50),
    );
  });

  it("takes a camera more and lets it go while the others play", async () => {
    const before = await nightjar.status();
    await nightjar.ask("POST", "/api/cameras", { id: "extra", uri: "test:ball" });
    await nightjar.untilStatus("the new camera to play", (status) =>
      status.cameras.some((camera) => camera.id === "extra" && camera.state === "playing"),
    );
    await nightjar.ask("DELETE", "/api/cameras/extra");
    const after = await nightjar.untilStatus("the camera to be gone", (status) => status.cameras.length === 4);
    for (const [index, camera] of after.cameras.entries()) expect(camera.tries).toBe(before.cameras[index]!.tries);
  });

  it("says what is wrong with a broken camera, and the others play on", async () => {
    await nightjar.ask("POST", "/api/cameras", { id: "broken", uri: "file:///no/such/clip.mp4" });
    const status = await nightjar.untilStatus("the broken camera to fail", (seen) =>
      seen.cameras.some((camera) => camera.id === "broken" && camera.state === "failed"),
    );
    const broken = status.cameras.find((camera) => camera.id === "broken");
    expect(broken?.reason).toContain("/no/such/clip.mp4");
    await nightjar.untilStatus(
      "the others to play",
      (seen) => seen.cameras.filter((camera) => camera.state === "playing").length === 4,
    );
    await nightjar.ask("DELETE", "/api/cameras/broken");
  });

  it("ends cleanly when it is asked to, leaves no process behind and says that it is offline", async () => {
    const pids = (await nightjar.status()).processes.map((view) => view.pid).filter((pid) => pid !== null);
    const ended = await nightjar.stop();
    expect(ended).toEqual({ code: 0, signal: null });
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
    await waitUntil("the offline status", () =>
      messages.some((message) => message.topic === "nightjar/test/status" && message.body["state"] === "offline"),
    );
  });
});
