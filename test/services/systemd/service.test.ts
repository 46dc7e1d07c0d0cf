import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { freePort } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { type ListeningManager, listenAsManager } from "./service-manager.ts";

let manager: ListeningManager;
let folder: string;
beforeEach(async () => {
  manager = await listenAsManager();
  folder = mkdtempSync(join(tmpdir(), "nightjar-service-"));
});
afterEach(() => {
  manager.close();
  rmSync(folder, { recursive: true });
});

const has = (text: string) => manager.messages.some((message) => message.includes(text));

it("a whole Nightjar tells systemd that it starts, is ready with its first picture, is alive, and stops", async () => {
  const file = join(folder, "nightjar.yaml");
  writeFileSync(
    file,
    `version: 1
cameras: [{id: gate, uri: "test:"}]
mqtt: {embedded: {listen: "127.0.0.1:${await freePort()}"}}
console: {enabled: false}
directories: {runtime: run, state: state}
`,
  );
  const env = { ...process.env, NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: "2000000" };
  const child = spawn("bin/nightjar", ["run", "--json", "-c", file], { env, stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  try {
    await waitUntil(
      "READY=1",
      () => has("READY=1"),
      30_000,
      () => manager.messages.join(", "),
    );
    expect(manager.messages.find((message) => message.includes("READY=1"))).toContain("1 of 1 cameras play");
    const starting = manager.messages.findIndex((message) => message.includes("EXTEND_TIMEOUT_USEC"));
    expect(starting).toBeGreaterThanOrEqual(0);
    expect(starting).toBeLessThan(manager.messages.findIndex((message) => message.includes("READY=1")));
    const alive = () => manager.messages.filter((message) => message.includes("WATCHDOG=1")).length;
    await waitUntil("three words that it is alive", () => alive() >= 3, 15_000);
    // A process that is stopped says nothing: the words come from it, not from a timer elsewhere.
    child.kill("SIGSTOP");
    const before = alive();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(alive() - before).toBeLessThanOrEqual(1);
    child.kill("SIGCONT");
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
  expect(has("STOPPING=1")).toBe(true);
});
