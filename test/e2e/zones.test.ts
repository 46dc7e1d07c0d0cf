/** Zones on a real camera of the demo: set, counted, changed and removed while it runs. */
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ZoneView } from "../../services/supervisor/zones.ts";
import { freePort } from "../support/mosquitto.ts";
import { demoCameras, Nightjar } from "../support/nightjar.ts";
import { waitUntil } from "../support/wait.ts";

interface Counted {
  readonly name: string;
  readonly in: number;
}

const across = {
  name: "across",
  type: "line",
  points: [
    [0.05, 0.55],
    [0.4, 0.55],
  ],
};
const events: { type: string; rule: string; direction: string | null; value: number }[] = [];
let zones: readonly Counted[] = [];
let nightjar: Nightjar;
let client: MqttClient;

beforeAll(async () => {
  const port = await freePort();
  nightjar = await Nightjar.start({
    cameras: demoCameras.filter(({ id }) => id === "highway"),
    mqtt: { embedded: { listen: `127.0.0.1:${port}` } },
    messages: { extensions: true },
  });
  await nightjar.untilStatus("objects", (status) => (status.cameras[0]?.objectsTotal ?? 0) > 20, 90_000);
  client = await connectAsync(`mqtt://127.0.0.1:${port}`);
  client.on("message", (topic, payload) => {
    const document = JSON.parse(payload.toString());
    if (topic.endsWith("/events")) events.push(document);
    else zones = document.nightjar?.user?.[0]?.data?.zones ?? [];
  });
  await client.subscribeAsync("nightjar/test/cameras/highway/+");
}, 120_000);

afterAll(async () => {
  await client?.endAsync(true);
  await nightjar?.stop();
});

const set = (zone: object) => nightjar.ask<ZoneView>("POST", "/api/cameras/highway/zones", zone);
const crossings = (rule: string) => events.filter((event) => event.type === "line-crossing" && event.rule === rule);
const countOf = (name: string) => zones.find((zone) => zone.name === name)?.in;

describe("zones of a running camera", () => {
  it("count from the first one on, which brings the module into the pipeline", async () => {
    await set(across);
    await waitUntil("two vehicles have crossed", () => crossings("across").length >= 2, 90_000);
    expect(
      crossings("across")
        .map(({ direction, value }) => [direction, value])
        .slice(0, 2),
    ).toEqual([
      ["in", 1],
      ["in", 2],
    ]);
  });

  it("come and go beside each other without losing a count", async () => {
    const before = crossings("across").at(-1)!.value;
    await set({ ...across, name: "back", points: [...across.points].reverse() });
    await waitUntil("both are counted", () => countOf("back") !== undefined, 30_000);
    expect(countOf("across")).toBeGreaterThanOrEqual(before);
    await nightjar.ask("DELETE", "/api/cameras/highway/zones/back");
    await waitUntil("one is left", () => zones.length === 1, 30_000);
    await waitUntil("it counts on", () => crossings("across").at(-1)!.value > before, 60_000);
  });

  it("that are wrong are refused with a reason, and nothing changes", async () => {
    await expect(set({ ...across, points: [[0, 3]] })).rejects.toThrow("found 3, expected a number from 0 to 1");
    await expect(set({ ...across, classes: ["plane"] })).rejects.toThrow(/has no label .*plane/);
    expect(await nightjar.ask<ZoneView[]>("GET", "/api/zones")).toMatchObject([{ zone: across, origin: "set" }]);
  });
});
