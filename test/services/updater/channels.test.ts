/** A device that follows several channels: none has to wait for another. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Device, startDevice } from "./support/device.ts";
import { TestRepository, temporaryFolder } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";

let repository: TestRepository;
let server: StaticServer;
let device: Device;

beforeEach(async () => {
  repository = await TestRepository.create();
  server = await StaticServer.start(repository.publicDirectory);
});

afterEach(async () => {
  await device.stop();
  await server.stop();
});

function start(): void {
  const { firstRoot } = repository;
  device = startDevice({ folder: temporaryFolder(), url: server.url, firstRoot, channels: ["bytetrack", "street"] });
}

describe("several channels", () => {
  const view = (name: string) => device.updater.status().channels.find((channel) => channel.name === name);

  it("do not wait for one whose release cannot be used here", async () => {
    await repository.releaseOf(repository.bundle("1.0.0", { name: "bytetrack", kind: "analyze" }), {
      channel: "bytetrack",
    });
    await repository.release("1.1.0");
    start();
    await device.check();
    expect(view("street")?.installed).toBe("1.1.0");
    expect(view("bytetrack")?.reason).toContain("is for the element tracker; this device has infer");
    expect(device.updater.status().lastCheck?.problem).toContain("is for the element tracker");
  });

  it("do not wait for one whose release has its time still to come", async () => {
    const notBefore = new Date(Date.now() + 60_000).toISOString();
    await repository.release("2.0.0", { channel: "bytetrack", rollout: { notBefore } });
    await repository.release("1.1.0");
    start();
    await device.check();
    expect(view("street")?.installed).toBe("1.1.0");
    expect(view("bytetrack")).toMatchObject({ available: "2.0.0", reason: `fetched; it waits until ${notBefore}` });
  });
});
