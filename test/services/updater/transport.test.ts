import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Transport } from "../../../services/updater/transport.ts";

let origin: Server;
let proxy: Server;
const seen: string[] = [];
const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = (server: Server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done));

beforeEach(async () => {
  seen.length = 0;
  origin = createServer((_, response) => response.end("from the origin"));
  proxy = createServer((asked, response) => {
    seen.push(asked.url ?? "");
    request(asked.url ?? "", (answer) => answer.pipe(response)).end();
  });
  await Promise.all([listen(origin), listen(proxy)]);
});

afterEach(async () => {
  for (const server of [origin, proxy]) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

it("goes through the proxy that is set", async () => {
  const transport = new Transport({
    idleMs: 1000,
    rate: 0,
    userAgent: "test",
    proxy: `http://127.0.0.1:${portOf(proxy)}`,
  });
  const url = `http://127.0.0.1:${portOf(origin)}/metadata/timestamp.json`;
  const { status, body } = await transport.open(url, 0, undefined);
  let text = "";
  for await (const chunk of body) text += chunk;
  transport.close();
  expect([status, text]).toEqual([200, "from the origin"]);
  expect(seen).toEqual([url]);
});

it("names the address and the reason when nobody answers, without the password in it", async () => {
  const transport = new Transport({ idleMs: 1000, rate: 0, userAgent: "test" });
  const failed = transport.open(`http://user:secret@127.0.0.1:1/metadata`, 0, undefined);
  await expect(failed).rejects.toThrow(
    /^http:\/\/127\.0\.0\.1:1\/metadata cannot be fetched: nothing answers there \(connection refused\)/,
  );
  transport.close();
});
