import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createConnection } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import type { FromPostprocess } from "../../../services/postprocess/messages.ts";
import { waitUntil } from "../../support/wait.ts";
import { detectBundle, pictureOf, socketPath } from "./support/bundles.ts";
import { Element } from "./support/element.ts";
import { objectsOf } from "./support/records.ts";

const COMMAND = fileURLToPath(new URL("../../../bin/nightjar-host", import.meta.url));
const CAR = pictureOf([[4, 4, 2, 2, 0.9]]);

/** The host as it is installed, with its parent's end of IPC or stdin. */
class HostProcess {
  readonly path: string;
  readonly child: ChildProcess;
  readonly messages: FromPostprocess[] = [];
  errors = "";

  constructor(path: string, args: string[], ipc: boolean) {
    this.path = path;
    this.child = spawn(COMMAND, ["--socket", path, "--threads", "1", ...args], {
      stdio: ["pipe", "inherit", "pipe", ...(ipc ? ["ipc" as const] : [])],
    });
    this.child.on("message", (message) => this.messages.push(message as FromPostprocess));
    this.child.stderr!.on("data", (data) => {
      this.errors += String(data);
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async listening(): Promise<void> {
    await waitUntil("the host listens", async () => this.ended || (await answers(this.path)), 20_000);
  }
}

const processes: HostProcess[] = [];
function start(path = socketPath(), { args = [] as string[], ipc = true } = {}): HostProcess {
  const host = new HostProcess(path, args, ipc);
  processes.push(host);
  return host;
}

afterEach(() => {
  for (const host of processes.splice(0)) if (!host.ended) host.child.kill("SIGKILL");
});

async function detect(host: HostProcess): Promise<Element> {
  const element = new Element(host.path, host.pid);
  await element.open({ bundle: await detectBundle() });
  const slot = await element.run([{ picture: CAR }]);
  expect(objectsOf(slot)).toMatchObject([{ classId: 0 }]);
  element.release(slot);
  return element;
}

describe("the host process", () => {
  it("reports to the process that forked it", async () => {
    const host = start();
    await host.listening();
    const element = await detect(host);
    const status = await waitUntil("a status with a link", () =>
      host.messages.find((message) => message.type === "status" && message.links[0]?.state === "ready"),
    );
    expect(host.messages[0]).toEqual({ type: "ready", socket: host.path });
    expect(status).toMatchObject({ links: [{ instance: "test", bundle: "tiny 1.0.0", state: "ready" }] });
    expect(host.messages).toContainEqual(expect.objectContaining({ type: "log", level: "info", instance: "test" }));
    element.close();
  });

  it.each([
    ["the IPC channel closes", { ipc: true }, (host: HostProcess) => host.child.disconnect()],
    ["stdin closes", { ipc: false, args: ["--exit-with-parent"] }, (host: HostProcess) => host.child.stdin!.end()],
    ["it is asked to", { ipc: true }, (host: HostProcess) => host.child.kill("SIGTERM")],
  ])("ends with code 0 when %s, also while elements are at work", async (_when, options, end) => {
    const host = start(socketPath(), options);
    await host.listening();
    const element = await detect(host);
    element.submit([{ picture: CAR }]);
    end(host);
    await waitUntil("the host ends", () => host.ended, 10_000);
    expect([host.child.exitCode, host.child.signalCode]).toEqual([0, null]);
    expect(existsSync(host.path)).toBe(false);
    element.close();
  });

  it("that was killed leaves nothing in the way of the next one", async () => {
    const first = start();
    await first.listening();
    const element = await detect(first);
    first.child.kill("SIGKILL");
    await expect(element.next()).rejects.toThrow("hung up");
    element.close();
    const second = start(first.path);
    await waitUntil("the new host is ready", () => second.messages.some(({ type }) => type === "ready"), 20_000);
    (await detect(second)).close();
  });

  it("gives its memory and descriptors back when elements go", async () => {
    const host = start();
    await host.listening();
    const descriptors = () => readdirSync(`/proc/${host.pid}/fd`).length;
    const threads = () => readdirSync(`/proc/${host.pid}/task`).length;
    (await detect(host)).close();
    await waitUntil("the first link is closed", () => !hasLink(host));
    const before = { descriptors: descriptors(), threads: threads() };
    for (let i = 0; i < 3; i++) (await detect(host)).close();
    await waitUntil(
      "everything is given back",
      () => descriptors() <= before.descriptors && threads() <= before.threads,
      10_000,
    );
  });

  it("says what is wrong when its socket is taken, or an option is unknown", async () => {
    const first = start();
    await first.listening();
    const second = start(first.path, { ipc: false });
    await waitUntil("the second ends", () => second.ended, 20_000);
    expect(second.child.exitCode).toBe(5);
    expect(second.errors).toContain(`cannot listen on ${first.path}`);
    expect(second.errors).toContain("another host serves it");
    const third = start(socketPath(), { ipc: false, args: ["--treads", "2"] });
    await waitUntil("the third ends", () => third.ended, 20_000);
    expect(third.child.exitCode).toBe(2);
    expect(third.errors).toContain("usage: nightjar-host");
  });
});

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once("error", () => resolve(false));
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
  });
}

function hasLink(host: HostProcess): boolean {
  const last = host.messages.findLast((message) => message.type === "status");
  return last?.type !== "status" || last.links.length > 0;
}
