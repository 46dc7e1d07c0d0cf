import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { limitConnections, SERVER_OPTIONS } from "../../../services/control/limits.ts";
import { readBody } from "../../../services/control/request-body.ts";
import { waitUntil } from "../../support/wait.ts";

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  server.close();
});

async function listen(): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function open(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

it("one address has 64 connections, and another one again when one of them ends", async () => {
  server = createServer(SERVER_OPTIONS, (_, response) => response.end("here"));
  limitConnections(server, () => false);
  const port = await listen();
  const count = () => new Promise<number>((resolve) => server.getConnections((_, connections) => resolve(connections)));
  for (let i = 0; i < 64; i++) open(port);
  await waitUntil("64 connections", async () => (await count()) === 64);
  const refused = open(port);
  await waitUntil("the next one to be refused", () => refused.closed);
  sockets[0]?.destroy();
  await waitUntil("one to be gone", async () => (await count()) === 63);
  const taken = open(port);
  let answer = "";
  taken.on("data", (chunk) => {
    answer += chunk;
  });
  taken.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await waitUntil("an answer", () => answer.includes("here"));
});

it("a proxy of this machine may have more of them, all together not more than 256", async () => {
  server = createServer(SERVER_OPTIONS);
  limitConnections(server, () => true);
  const port = await listen();
  let dropped = 0;
  server.on("drop", () => {
    dropped += 1;
  });
  for (let i = 0; i < 260; i++) open(port);
  await waitUntil("four to be refused", () => dropped === 4);
});

it("a body that comes drop by drop ends with 408, and with it what waited for it", async () => {
  // The limits as they are, but for the time: nobody wants to wait half a minute here.
  const options = { ...SERVER_OPTIONS, headersTimeout: 500, requestTimeout: 1000, connectionsCheckingInterval: 200 };
  expect(SERVER_OPTIONS.requestTimeout).toBeLessThanOrEqual(30_000);
  let problem = "";
  server = createServer(options, (request) => {
    readBody(request).catch((error: Error) => {
      problem = error.message;
    });
  });
  const socket = open(await listen());
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  socket.write("POST /api/cameras HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{");
  const drops = setInterval(() => socket.writable && socket.write(" "), 100);
  await waitUntil("the end of it", () => socket.closed);
  clearInterval(drops);
  expect(answer).toMatch(/^HTTP\/1.1 408/);
  expect(problem).toBe("the caller left in the middle of the request");
});
