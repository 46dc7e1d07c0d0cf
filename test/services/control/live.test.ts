/** Viewers and listeners who do not read: real sockets, whose other end is held still. */
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventHub } from "../../../services/control/event-hub.ts";
import { Pictures } from "../../../services/control/pictures.ts";
import { waitUntil } from "../../support/wait.ts";

const PICTURE = Buffer.alloc(200_000, 0x55);

let server: Server;
let port: number;
let answers: ServerResponse[];
let begin: (response: ServerResponse) => void;
beforeEach(async () => {
  answers = [];
  server = createServer((_, response) => {
    answers.push(response);
    response.writeHead(200);
    begin(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Asks, and reads or does not. */
async function client(reads: boolean): Promise<{ socket: Socket; received: () => number }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  let received = 0;
  if (reads)
    socket.on("data", (chunk) => {
      received += chunk.length;
    });
  else socket.pause();
  const count = answers.length;
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await waitUntil("the request to arrive", () => answers.length > count);
  return { socket, received: () => received };
}

describe("a viewer who does not read", () => {
  it("takes no memory, holds nobody up, and is cut off after a while; another one gets every picture", async () => {
    const pictures = new Pictures(() => undefined);
    begin = (response) => pictures.view("gate", response);
    await client(false);
    const [still] = answers;
    const reader = await client(true);
    let slowest = 0;
    let mostHeld = 0;
    for (let i = 0; i < 100; i++) {
      const before = performance.now();
      pictures.push("gate", PICTURE, 1000 + i * 100);
      slowest = Math.max(slowest, performance.now() - before);
      mostHeld = Math.max(mostHeld, still?.writableLength ?? 0);
      const wanted = (i + 1) * PICTURE.length;
      await waitUntil("the reader to have the picture", () => reader.received() >= wanted);
    }
    expect(mostHeld).toBeLessThan(2 * PICTURE.length);
    expect(slowest).toBeLessThan(50);
    expect(still?.destroyed).toBe(false);
    pictures.push("gate", PICTURE, 60_000);
    await waitUntil("it to be cut off", () => still?.destroyed === true);
    await waitUntil("it to be forgotten", () => pictures.viewers("gate") === 1);
    pictures.close();
  }, 20_000);

  it("is told at once when there are as many as may be", async () => {
    const pictures = new Pictures(() => undefined, 2);
    begin = (response) => pictures.view("gate", response);
    await client(true);
    expect(pictures.isFull).toBe(false);
    const { socket } = await client(true);
    expect(pictures.isFull).toBe(true);
    socket.destroy();
    await waitUntil("room for another", () => !pictures.isFull);
    pictures.close();
  });
});

it("a listener who does not read is cut off at a megabyte; another one gets all", async () => {
  const hub = new EventHub();
  begin = (response) => hub.listen(response, ["objects"], undefined);
  await client(false);
  const [still] = answers;
  const reader = await client(true);
  const data = { text: "x".repeat(10_000) };
  for (let i = 0; i < 2000 && hub.listeners > 1; i++) {
    hub.publish({ type: "objects", time: 0, camera: "gate", data });
    if (i % 20 === 0) await sleep(1);
  }
  expect(hub.listeners).toBe(1);
  expect(still?.destroyed).toBe(true);
  expect(reader.received()).toBeGreaterThan(1_000_000);
  hub.close();
}, 20_000);
