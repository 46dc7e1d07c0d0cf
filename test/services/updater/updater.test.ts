/** The updater against a real repository: what is published is taken, watched, kept or taken back. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { changeRollout } from "../../../services/updater/repository/changes.ts";
import { type Device, type DeviceOptions, startDevice } from "./support/device.ts";
import { TestRepository, temporaryFolder } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";

let repository: TestRepository;
let server: StaticServer;
let device: Device;
let folder: string;
const warnings: string[] = [];

function start(options: Partial<DeviceOptions> = {}): Device {
  device = startDevice({ folder, url: server.url, firstRoot: repository.firstRoot, warnings, ...options });
  return device;
}

const installed = () => device.updater.status().channels[0]?.installed ?? null;
const view = () => device.updater.status().channels[0];

beforeEach(async () => {
  repository = await TestRepository.create();
  server = await StaticServer.start(repository.publicDirectory);
  folder = temporaryFolder();
  warnings.length = 0;
});

afterEach(async () => {
  await device?.stop();
  await server.stop();
});

describe("a release", () => {
  it("is fetched, brought in and committed, and its directory holds what was published", async () => {
    await repository.release("1.1.0", { content: "better" });
    start();
    await device.check();
    expect(installed()).toBe("1.1.0");
    expect(readFileSync(join(device.activator.serving()!, "module.wasm"), "utf8")).toBe("better");
    expect(device.updater.history(10).map(({ version, state }) => [version, state])).toEqual([["1.1.0", "committed"]]);
    expect(device.updater.status().state).toBe("idle");
  });

  it("that nothing changed about costs two requests and less than 1 kB", async () => {
    await repository.release("1.1.0");
    start();
    await device.check();
    const before = { ...device.transport.counts };
    await device.check();
    expect(device.transport.counts.requests - before.requests).toBe(2);
    expect(device.transport.counts.bytes - before.bytes).toBeLessThan(1000);
  });

  it("fetches only what it does not have", async () => {
    await repository.release("1.1.0", { model: "the same model" });
    start();
    await device.check();
    await repository.release("1.2.0", { model: "the same model" });
    server.requests.length = 0;
    await device.check();
    expect(installed()).toBe("1.2.0");
    expect(server.requests.filter((path) => path.includes("model.onnx"))).toEqual([]);
    expect(device.activator.plans.map(({ probationMs }) => probationMs)).toEqual([20, 10]);
  });

  it("that fails on probation is taken back and not tried again by itself", async () => {
    await repository.release("1.1.0");
    start();
    await device.check();
    const good = device.activator.serving();
    await repository.release("1.2.0", { content: "behaviour: fails" });
    await device.check();
    expect(device.activator.serving()).toBe(good);
    expect(installed()).toBe("1.1.0");
    expect(device.updater.status().blocked).toMatchObject([{ version: "1.2.0", blocked: "its module failed 2 times" }]);
    await device.check();
    expect(device.updater.history(10).map(({ version, state }) => [version, state])).toEqual([
      ["1.2.0", "rolled-back"],
      ["1.1.0", "committed"],
    ]);
  });

  it("that is refused is blocked with its reason, and a mended one is taken", async () => {
    await repository.release("1.1.0", { content: "behaviour: refused" });
    start();
    await device.check();
    expect(installed()).toBeNull();
    expect(view()?.reason).toContain("it does not compile");
    await repository.release("1.1.1");
    await device.check();
    expect(installed()).toBe("1.1.1");
  });

  it("is taken by hand although its rollout has not come here", async () => {
    await repository.release("1.1.0", { rollout: { permyriad: 0 } });
    start();
    await device.check();
    expect(view()).toMatchObject({
      installed: null,
      available: null,
      reason: "1.1.0: its rollout is at 0 %, not at this device yet",
    });
    device.updater.install({});
    await device.updater.settled();
    expect(installed()).toBe("1.1.0");
  });

  it("is taken when its rollout is widened, without fetching a manifest again", async () => {
    await repository.release("1.1.0", { rollout: { permyriad: 0 } });
    start();
    await device.check();
    changeRollout(repository.workspace, "street", "1.1.0", { permyriad: 10_000 });
    await repository.publish();
    await device.check();
    expect(installed()).toBe("1.1.0");
  });

  it("is not taken once it is halted", async () => {
    await repository.release("1.1.0");
    changeRollout(repository.workspace, "street", "1.1.0", { halt: true });
    await repository.publish();
    start();
    await device.check();
    expect(view()).toMatchObject({ installed: null, reason: "1.1.0: its rollout is halted" });
  });

  it("is fetched before its time and brought in when that has come", async () => {
    const at = new Date(Date.now() + 700).toISOString();
    await repository.release("1.1.0", { rollout: { notBefore: at } });
    start();
    await device.check();
    expect(view()).toMatchObject({ installed: null, available: "1.1.0", reason: `fetched; it waits until ${at}` });
    expect(device.updater.status().nextCheck! - Date.now()).toBeLessThan(700);
    const fetched = server.requests.filter((path) => path.endsWith(".wasm")).length;
    await expect.poll(() => installed(), { timeout: 5000 }).toBe("1.1.0");
    expect(server.requests.filter((path) => path.endsWith(".wasm"))).toHaveLength(fetched);
  });

  it("waits for a hand where updates are not automatic", async () => {
    await repository.release("1.1.0");
    start({ automatic: false });
    await device.check();
    expect(view()).toMatchObject({
      installed: null,
      available: "1.1.0",
      reason: "it waits for nightjar update install",
    });
  });

  it("waits for the hours of the day in which it may be fetched", async () => {
    const minute = new Date().getHours() * 60 + new Date().getMinutes();
    await repository.release("1.1.0");
    start({ downloadWindows: [{ start: (minute + 120) % 1440, end: (minute + 180) % 1440 }] });
    await device.check();
    expect(view()?.reason).toMatch(/^it waits for the download window \d\d:\d\d-\d\d:\d\d$/);
    expect(server.requests.some((path) => path.startsWith("targets/"))).toBe(false);
  });

  it("that is taken back by hand stays away until somebody asks for it", async () => {
    await repository.release("1.1.0");
    start();
    await device.check();
    await repository.release("1.2.0");
    await device.check();
    device.updater.rollback(undefined);
    await device.updater.settled();
    await device.check();
    expect(installed()).toBe("1.1.0");
    expect(view()?.reason).toBe("1.2.0: blocked: taken back by hand");
    device.updater.install({ version: "1.2.0" });
    await device.updater.settled();
    expect(installed()).toBe("1.2.0");
  });

  it("does not come back over what somebody has put into service by hand", async () => {
    await repository.release("1.1.0");
    start();
    await device.check();
    device.activator.put(undefined);
    await device.check();
    expect(device.activator.serving()).toBeUndefined();
    expect(view()?.reason).toBe("1.1.0: blocked: another bundle was put into service");
  });

  it.each([
    [{ hardware: ["orin-nx-16g"] }, "1.1.0: for orin-nx-16g; this device is x64"],
    [{ abi: "2.0" }, "1.1.0: needs module ABI 2.0; this Nightjar has 1.1"],
    [{ minSupervisor: "9.0.0" }, "1.1.0: needs Nightjar 9.0.0; this is 0.1.0"],
  ])("that asks for %j is left alone, also when it is asked for", async (needs, reason) => {
    await repository.release("1.1.0", needs);
    start();
    await device.check();
    expect(view()?.reason).toBe(reason);
    device.updater.install({});
    await device.updater.settled();
    expect(device.updater.status().lastCheck?.problem).toBe(reason.replace("1.1.0", "street"));
    expect(installed()).toBeNull();
  });

  it("below what was installed is refused, even to a hand", async () => {
    await repository.release("1.0.0");
    await repository.release("1.1.0");
    start();
    await device.check();
    device.updater.install({ version: "1.0.0" });
    await device.updater.settled();
    expect(device.updater.status().lastCheck?.problem).toContain("its counter 1 is below 2");
    expect(installed()).toBe("1.1.0");
  });
});
