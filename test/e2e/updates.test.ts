// Updates over the air on the demo cameras: a good release is kept, each bad one is taken back and blocked by itself, and the
// cameras play on: every frame is counted as a consumer of the messages sees it.

import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HistoryEntry } from "../../services/updater/database.ts";
import type { ReleaseManifest } from "../../services/updater/release.ts";
import type { UpdateStatus } from "../../services/updater/types.ts";
import { TestRepository } from "../services/updater/support/repository.ts";
import { StaticServer } from "../services/updater/support/static-server.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { demoCameras, Nightjar } from "../support/nightjar.ts";
import { blindModel, streetBundle, streetDetector } from "../support/street-releases.ts";
import { waitUntil } from "../support/wait.ts";

const PROBATION_MS = 4000;

let repository: TestRepository;
let server: StaticServer;
let broker: Mosquitto;
let nightjar: Nightjar;
let folder: string;
let audience: Audience;

/** A consumer who looks at the number of every frame. */
class Audience {
  readonly #client: MqttClient;
  /** By topic: whether the frame of each number has come. */
  readonly #frames = new Map<string, true[]>();

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on("message", (topic, payload) => {
      const { frame } = (JSON.parse(payload.toString()) as { nightjar: { frame: number } }).nightjar;
      const frames = this.#frames.get(topic) ?? [];
      frames[frame] = true;
      this.#frames.set(topic, frames);
    });
  }

  static async connect(url: string): Promise<Audience> {
    const client = await connectAsync(url, { protocolVersion: 5, clientId: "audience" });
    const audience = new Audience(client);
    await client.subscribeAsync("nightjar/test/cameras/+/objects", { qos: 1 });
    return audience;
  }

  /** The newest frame of each camera. */
  mark(): Map<string, number> {
    return new Map([...this.#frames].map(([topic, frames]) => [topic, frames.length - 1]));
  }

  /** From a mark on, over all cameras: frames that came, and numbers that are missing between them. */
  since(mark: ReadonlyMap<string, number>): { seen: number; lost: number } {
    const counts = { seen: 0, lost: 0 };
    for (const [topic, frames] of this.#frames) {
      for (let number = (mark.get(topic) ?? -1) + 1; number < frames.length; number++) {
        counts[frames[number] === true ? "seen" : "lost"] += 1;
      }
    }
    return counts;
  }

  end(): Promise<void> {
    return this.#client.endAsync(true);
  }
}

const status = () => nightjar.ask<UpdateStatus>("GET", "/api/update");

/** Publishes, lets the device look, and waits until it has made up its mind. */
async function offer(
  directory: string,
  probation: ReleaseManifest["probation"] = {},
  limitMs = 60_000,
): Promise<UpdateStatus> {
  await repository.releaseOf(directory, { channel: "street", probation: { durationMs: PROBATION_MS, ...probation } });
  await nightjar.ask("POST", "/api/update/check");
  return waitUntil(
    "the end of the update",
    async () => {
      const now = await status();
      return now.busy ? undefined : now;
    },
    limitMs,
    () => `\n${nightjar.output.slice(-3000)}`,
  );
}

const frames = async () => (await nightjar.status()).cameras.map(({ frames: decoded, tries }) => ({ decoded, tries }));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-updates-"));
  repository = await TestRepository.create();
  server = await StaticServer.start(repository.publicDirectory);
  broker = await Mosquitto.start();
  copyFileSync(repository.metadata("1.root.json"), join(folder, "root.json"));
  nightjar = await Nightjar.start({
    cameras: demoCameras.slice(0, 2),
    mqtt: { url: broker.url },
    messages: { extensions: true },
    updates: {
      repository: server.url,
      root: join(folder, "root.json"),
      interval: "1h",
      // The machine does other things meanwhile.
      probation: { frameRate: 0.5 },
    },
  });
  await nightjar.untilStatus(
    "cameras with objects",
    ({ cameras }) => cameras.length === 2 && cameras.every(({ objectsTotal }) => objectsTotal > 20),
    90_000,
  );
  audience = await Audience.connect(broker.url);
  await waitUntil("a frame of each camera", () => audience.mark().size === 2, 30_000);
}, 120_000);

afterAll(async () => {
  await audience?.end();
  await nightjar?.stop();
  await server?.stop();
  await broker?.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe("on the demo cameras", () => {
  it("a good release is brought in and kept, and no camera stops", async () => {
    const before = await frames();
    const mark = audience.mark();
    const after = await offer(streetBundle(folder, "7.1.0"));
    expect(after.channels.find(({ name }) => name === "street")).toMatchObject({ installed: "7.1.0" });
    const now = await frames();
    for (const [i, { decoded, tries }] of now.entries()) {
      expect(tries).toBe(before[i]!.tries);
      expect(decoded).toBeGreaterThan(before[i]!.decoded + 25);
    }
    expect((await nightjar.status()).links.find(({ instance }) => instance === "infer")?.bundle).toBe("street 7.1.0");
    const { seen, lost } = audience.since(mark);
    expect(seen).toBeGreaterThan(25);
    expect(lost).toBe(0);
  }, 70_000);

  it.each([
    ["traps", "7.2.0", "if (this.frames > 5) unreachable();", {}, /module|batches/],
    [
      "is slower",
      "7.3.0",
      "for (let i: i64 = 0; i < 1_500_000_000; i++) store<i64>(this.frames & 0, i);",
      { durationMs: 12_000 },
      /frames are looked at|failed|batches/,
    ],
  ])(
    "one that %s is taken back and blocked",
    async (_, version, before, probation, reason) => {
      const wasm = await streetDetector(before);
      const slow = (yaml: Record<string, unknown>) =>
        Object.assign(yaml, { limits: { ...(yaml["limits"] as object), "batch-ms": 20_000, "start-ms": 60_000 } });
      const mark = audience.mark();
      const after = await offer(streetBundle(folder, version, { module: wasm, keys: slow }), probation);
      expect(after.blocked, nightjar.output.slice(-4000)).toMatchObject([
        { version, blocked: expect.stringMatching(reason) },
        ...after.blocked.slice(1),
      ]);
      expect(after.channels.find(({ name }) => name === "street")?.installed).toBe("7.1.0");
      // Those on which the bad module failed go by without objects, and say so.
      expect(audience.since(mark)).toMatchObject({ lost: 0, seen: expect.toSatisfy((seen: number) => seen > 25) });
    },
    90_000,
  );

  it("a model that sees nothing is taken back within minutes, and no frame is lost by it", async () => {
    const mark = audience.mark();
    const began = performance.now();
    const model = { durationMs: 240_000, agreementPercent: 60 };
    const after = await offer(streetBundle(folder, "7.3.1", { model: blindModel() }), model, 270_000);
    expect(after.blocked[0], nightjar.output.slice(-4000)).toMatchObject({
      version: "7.3.1",
      // On a machine that has no time to compare, fewer frames tell.
      blocked: expect.stringMatching(/it agrees with the bundle before on|frames are looked at/),
    });
    console.info(`a bad model was gone after ${Math.round((performance.now() - began) / 1000)} s`);
    expect(performance.now() - began).toBeLessThan(300_000);
    expect(after.channels.find(({ name }) => name === "street")?.installed).toBe("7.1.0");
    expect(audience.since(mark).lost).toBe(0);
  }, 300_000);

  it("one that detects less is found out before it serves, and blocked", async () => {
    const blind = (yaml: Record<string, unknown>) =>
      Object.assign(yaml, { parameters: { ...(yaml["parameters"] as object), "confidence-threshold": 0.97 } });
    const after = await offer(streetBundle(folder, "7.4.0", { keys: blind }), { shadowMs: 3000, agreementPercent: 60 });
    expect(after.blocked[0]).toMatchObject({
      version: "7.4.0",
      blocked: expect.stringContaining("it agrees with what runs on"),
    });
    expect((await nightjar.status()).links.find(({ instance }) => instance === "infer")?.bundle).toBe("street 7.1.0");
  }, 70_000);

  it("a mended one follows, and the history tells all of it", async () => {
    const after = await offer(streetBundle(folder, "7.5.0"));
    expect(after.channels.find(({ name }) => name === "street")?.installed).toBe("7.5.0");
    const history = await nightjar.ask<HistoryEntry[]>("GET", "/api/update/history");
    expect(history.map(({ version, state }) => `${version} ${state}`)).toEqual([
      "7.5.0 committed",
      expect.stringMatching(/^7.4.0 (failed|rolled-back)$/),
      "7.3.1 rolled-back",
      "7.3.0 rolled-back",
      "7.2.0 rolled-back",
      "7.1.0 committed",
    ]);
    const { cameras } = await nightjar.status();
    for (const { state } of cameras) expect(state).toBe("playing");
  }, 70_000);

  it("a nudge over MQTT makes the device look, and its status is retained there", async () => {
    const client = await connectAsync(broker.url, { protocolVersion: 5, clientId: "fleet" });
    const heard: Record<string, unknown>[] = [];
    client.on("message", (_, payload) => heard.push(JSON.parse(payload.toString())));
    await client.subscribeAsync("nightjar/test/update", { qos: 1 });
    await waitUntil("the retained status", () => heard.length > 0);
    expect(heard[0]).toMatchObject({
      enabled: true,
      channels: [{ name: "street", installed: "7.5.0" }, { name: "bytetrack" }],
    });
    const before = server.requests.length;
    await client.publishAsync("nightjar/test/command/checkUpdate", JSON.stringify({ id: "nudge-1" }), { qos: 1 });
    await waitUntil("the device to look", () => server.requests.length > before);
    await client.endAsync(true);
  }, 20_000);
});
