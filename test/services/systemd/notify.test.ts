import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ServiceManager } from "../../../services/systemd/notify.ts";
import { type ListeningManager, listenAsManager } from "./service-manager.ts";

const none = () => expect.unreachable("no trouble was expected");

describe("with a service manager that listens", () => {
  let manager: ListeningManager;
  beforeEach(async () => {
    manager = await listenAsManager();
    // The package calls the program with the environment of this process.
    vi.stubEnv("NOTIFY_SOCKET", manager.socket);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    manager.close();
  });

  it("says that it is ready, with a line for people", async () => {
    await new ServiceManager(process.env, none).ready("2 of 2 cameras play");
    expect(manager.messages).toHaveLength(1);
    expect(manager.messages[0]).toContain("READY=1");
    expect(manager.messages[0]).toContain("STATUS=2 of 2 cameras play");
    expect(manager.messages[0]).toContain(`MAINPID=${process.pid}`);
  });

  it("says that it is alive, still starting, and stopping", async () => {
    const service = new ServiceManager(process.env, none);
    await service.alive();
    await service.stillStarting(30_000);
    await service.stopping();
    expect(manager.messages).toEqual(["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=30000000", "STOPPING=1"]);
  });

  it("keeps a status on one line, so that no text of a camera becomes a message", async () => {
    await new ServiceManager(process.env, none).status("camera gate:\nWATCHDOG=1 %s%n");
    expect(manager.messages.join()).toContain("STATUS=camera gate: WATCHDOG=1 %s%n");
  });
});

describe("without one", () => {
  afterEach(() => void vi.unstubAllEnvs());

  it("is silent", () => {
    expect(ServiceManager.listens({})).toBe(false);
    expect(ServiceManager.listens({ NOTIFY_SOCKET: "/run/systemd/notify" })).toBe(true);
  });

  it("names the trouble once, and goes on", async () => {
    vi.stubEnv("NOTIFY_SOCKET", "/nonexistent/notify");
    const troubles: string[] = [];
    const service = new ServiceManager(process.env, (message) => troubles.push(message));
    await service.alive();
    await service.alive();
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toMatch(/^systemd could not be told how the service is: /);
  });
});

it("takes the watchdog's time only when it is meant for this process", () => {
  const of = (env: Record<string, string>) => new ServiceManager(env, none).watchdogMs;
  expect(of({ WATCHDOG_USEC: "20000000" })).toBe(20_000);
  expect(of({ WATCHDOG_USEC: "20000000", WATCHDOG_PID: String(process.pid) })).toBe(20_000);
  expect(of({ WATCHDOG_USEC: "20000000", WATCHDOG_PID: "1" })).toBeUndefined();
  expect(of({})).toBeUndefined();
});
