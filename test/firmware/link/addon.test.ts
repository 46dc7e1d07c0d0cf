import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createLink,
  map,
  peerCredentials,
  ring,
  ringBell,
  sendWithFd,
  stamp,
  unmap,
  wait,
  waitBell,
} from "../../../firmware/link/addon.ts";
import { bellOffset, computeLayout, writeHeader } from "../../../firmware/link/layout.ts";
import { Bell, Kind, SLOT } from "../../../firmware/link/protocol.ts";
import { LinkMemory } from "../../../firmware/link/slots.ts";

/** How much slower than usual this machine may be: under emulation limits in time mean little. */
const patience = Number(process.env["NIGHTJAR_PATIENCE"] ?? 1);

const layout = computeLayout({
  kind: Kind.Analyze,
  batch: 1,
  slots: 2,
  maxObjects: 4,
  maxEvents: 1,
  auxBytes: 0,
  tensors: [],
});

let fd: number;
let link: LinkMemory;

beforeEach(() => {
  fd = createLink(layout.totalBytes);
  const buffer = map(fd, layout.totalBytes);
  writeHeader(buffer, layout);
  link = new LinkMemory(buffer);
});

afterEach(() => {
  unmap(link.buffer);
  closeSync(fd);
});

/** Mappings of links in this process: one is that of the test. Those of the tests before go a moment later. */
function mappings(): number {
  return readFileSync("/proc/self/maps", "utf8").match(/nightjar-link/g)?.length ?? 0;
}

describe("the memory of a link", () => {
  it("cannot be cut off or grown", () => {
    expect(() => ftruncateSync(fd, 0)).toThrow("EPERM");
    expect(() => ftruncateSync(fd, layout.totalBytes * 2)).toThrow("EPERM");
  });

  it("is the same in every mapping", () => {
    const other = new LinkMemory(map(fd, layout.totalBytes));
    link.slots[1]!.state = 5;
    expect(other.slots[1]!.state).toBe(5);
    unmap(other.buffer);
  });

  it("is unmapped at once when it is given back", async () => {
    for (let i = 0; i < 50; i++) unmap(map(fd, layout.totalBytes));
    await expect.poll(mappings).toBe(1);
  });

  it("is unmapped when it is forgotten", () => {
    const script = new URL("forget.ts", import.meta.url).pathname;
    expect(execFileSync(process.execPath, ["--expose-gc", script], { encoding: "utf8" }).trim()).toBe("0");
  });

  it("leaves empty views when it is given back", () => {
    const buffer = map(fd, layout.totalBytes);
    const view = new Uint8Array(buffer);
    unmap(buffer);
    expect([buffer.byteLength, view.length]).toEqual([0, 0]);
    expect(() => ring(buffer, 128)).toThrow(RangeError);
  });

  it("must be sealed and large enough", () => {
    const file = openSync("/proc/self/exe", "r");
    expect(() => map(file, 4096)).toThrow("not sealed");
    expect(() => map(fd, layout.totalBytes + 1)).toThrow("smaller than its layout");
    closeSync(file);
  });

  it("is closed when another program is started", () => {
    const listed = execFileSync("ls", ["-l", "/proc/self/fd"], { encoding: "utf8" });
    expect(listed).not.toContain("nightjar-link");
  });
});

describe("offsets", () => {
  it.each([
    ["outside of the memory", layout.totalBytes],
    ["before it", -4],
    ["between words", 130],
    ["not whole", 128.5],
    ["not a number", Number.NaN],
  ])("that are %s are refused", (_, offset) => {
    expect(() => ring(link.buffer, offset)).toThrow(RangeError);
    expect(() => wait(link.buffer, offset, 0, 0)).toThrow(RangeError);
  });

  it("in something that is not a mapping are refused", () => {
    expect(() => ring(new Uint8Array(8) as unknown as ArrayBuffer, 0)).toThrow(TypeError);
  });
});

describe("a bell", () => {
  it("that has rung already is not waited for", () => {
    const seen = link.bell(Bell.Module);
    ringBell(link, Bell.Module);
    expect(waitBell(link, Bell.Module, seen)).toBe(true);
  });

  it("that does not ring ends the wait when the time has passed", () => {
    const start = performance.now();
    expect(waitBell(link, Bell.Module, link.bell(Bell.Module), 150)).toBe(false);
    expect(performance.now() - start).toBeGreaterThanOrEqual(150);
  });

  it("keeps the native wait below a tenth of a second", () => {
    const start = performance.now();
    expect(wait(link.buffer, bellOffset(Bell.Module), 0, 10_000)).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000 * patience);
  });

  it("wakes a worker", async () => {
    const worker = await startWaiter();
    ringBell(link, Bell.Module);
    expect(await once(worker, "message")).toEqual(["woken"]);
    await worker.terminate();
  });
});

describe("a worker in a native wait", () => {
  it("leaves when the host stops the link", async () => {
    const worker = await startWaiter();
    const start = performance.now();
    link.stop();
    ringBell(link, Bell.Module);
    await once(worker, "exit");
    expect(performance.now() - start).toBeLessThan(1000 * patience);
  });

  it("obeys terminate() without being woken", async () => {
    const worker = await startWaiter();
    const start = performance.now();
    await worker.terminate();
    expect(performance.now() - start).toBeLessThan(1000 * patience);
  });

  it("gives its mapping back when it ends", async () => {
    const worker = await startWaiter();
    await expect.poll(mappings).toBe(2);
    await worker.terminate();
    await expect.poll(mappings).toBe(1);
  });
});

describe("stamp", () => {
  it("writes the monotonic clock", () => {
    const [slot] = link.slots;
    const before = Number(process.hrtime.bigint());
    stamp(link.buffer, slot!.offset + SLOT.moduleStart);
    const written = slot!.nanoseconds(SLOT.moduleStart);
    expect(written).toBeGreaterThanOrEqual(before);
    expect(written).toBeLessThanOrEqual(Number(process.hrtime.bigint()));
  });
});

describe("a descriptor over a socket", () => {
  it("arrives with the whole message, whoever reads it", async () => {
    const text = "x".repeat(250_000) + "\n";
    const received = await receive((handle) => sendWithFd(handle, Buffer.from(text), fd));
    expect(received).toEqual({ bytes: text.length, memory: layout.totalBytes });
  });

  it("is refused on something that is not a socket", () => {
    expect(() => sendWithFd(fd, Buffer.from("x"), fd)).toThrow("sendWithFd");
    expect(() => sendWithFd(fd, Buffer.alloc(0), fd)).toThrow("empty");
    expect(() => peerCredentials(fd)).toThrow("peerCredentials");
  });

  it("shows who is at the other end", async () => {
    const { server, path } = await listen();
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const client = connect(path);
    const [socket] = await accepted;
    const { pid, uid } = peerCredentials(handleOf(socket));
    expect([pid, uid]).toEqual([process.pid, process.getuid?.()]);
    client.destroy();
    socket.destroy();
    server.close();
  });
});

async function startWaiter(): Promise<Worker> {
  const worker = new Worker(new URL("waiter.ts", import.meta.url), { workerData: { fd, bytes: layout.totalBytes } });
  expect(await once(worker, "message")).toEqual(["waiting"]);
  return worker;
}

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function listen() {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-test-"));
  folders.push(folder);
  const path = join(folder, "link.sock");
  const server = createServer().listen(path);
  await once(server, "listening");
  return { server, path };
}

/** Lets another program receive what `send` sends; what it got. */
async function receive(send: (handle: number) => void): Promise<{ bytes: number; memory: number }> {
  const { server, path } = await listen();
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const receiver = spawn("python3", [new URL("receive.py", import.meta.url).pathname, path]);
  const output = receiver.stdout.setEncoding("utf8").toArray();
  const [socket] = await accepted;
  send(handleOf(socket));
  socket.end();
  const text = (await output).join("");
  server.close();
  return JSON.parse(text);
}

function handleOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}
