/** What somebody does who is not meant to come in: each on real sockets, against a supervisor with users and TLS, or with none. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LogEntry } from "../../../services/log/entry.ts";
import { waitUntil } from "../../support/wait.ts";
import { makeFolder, type SmallSupervisor, startSmall } from "../supervisor/small-supervisor.ts";
import { ask, fromPage, logIn } from "./support/http.ts";
import { makeUsers, PASSWORD } from "./support/users.ts";

/** With users and TLS. */
let guarded: SmallSupervisor;
/** As it comes: plain, on this machine, without users. */
let open: SmallSupervisor;
let secure: string;
let plain: string;
let cookie: string;
const log: LogEntry[] = [];
beforeAll(async () => {
  const folder = makeFolder();
  await makeUsers(folder, { ann: "operator", bob: "viewer" });
  guarded = await startSmall(
    { console: { listen: "127.0.0.1:0", tls: { selfSigned: true }, hosts: ["box.example.org"] } },
    { folder, log },
  );
  open = await startSmall();
  secure = guarded.supervisor.status().console ?? "";
  plain = open.supervisor.status().console ?? "";
  cookie = (await logIn(secure, "ann", PASSWORD)).cookie;
}, 60_000);
/** Headers that come drop by drop: sent from the beginning, for it takes a while. */
let dropsEnded: Promise<number>;
beforeAll(() => {
  const begin = performance.now();
  const socket = socketTo(plain);
  socket.write("GET /livez HTTP/1.1\r\nHost: localhost\r\n");
  const drops = setInterval(() => socket.writable && socket.write("X-A: b\r\n"), 500);
  dropsEnded = new Promise<number>((resolve) => {
    socket.on("error", () => undefined).resume();
    socket.on("close", () => resolve(performance.now() - begin));
  }).finally(() => clearInterval(drops));
});
afterAll(() => Promise.all([guarded.end(), open.end()]));

const camerasOf = (small: SmallSupervisor) => small.supervisor.status().cameras.map(({ id }) => id);
const removeGate = { method: "DELETE", body: "{}" };

describe("a page of another site", () => {
  it.each<[string, Record<string, string>]>([
    ["a form or script of elsewhere", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
    ["an old browser", { origin: "https://evil.example" }],
    ["a sandboxed frame", { origin: "null", "sec-fetch-site": "cross-site" }],
    ["another port of this host", { origin: "https://127.0.0.1:1", "sec-fetch-site": "same-site" }],
    ["one that says nothing about itself", {}],
    [
      "one that knows the header, but cannot hide where it is from",
      { origin: "https://evil.example", "x-nightjar": "console" },
    ],
  ])("changes nothing with the user's cookie: %s", async (_, headers) => {
    const answer = await ask(secure, "/api/cameras/gate", { ...removeGate, headers: { cookie, ...headers } });
    expect(answer.status).toBe(403);
    expect(camerasOf(guarded)).toContain("gate");
  });

  it.each<[string, Record<string, string>]>([
    ["cross-site", { "sec-fetch-site": "cross-site" }],
    ["same-site", { "sec-fetch-site": "same-site" }],
    ["by its origin", { origin: "http://evil.example" }],
  ])("reads and starts nothing on a console without users either: %s", async (_, headers) => {
    for (const path of ["/api/status", "/api/cameras/gate/live", "/metrics"])
      expect((await ask(plain, path, { headers })).status).toBe(403);
    expect((await ask(plain, "/api/cameras/gate", { ...removeGate, headers })).status).toBe(403);
    expect(open.supervisor.status().cameras.map(({ viewers }) => viewers)).toEqual([0, 0]);
  });

  it("may not be told apart by what it embeds: pictures and pages of ours stay ours", async () => {
    const { headers } = await ask(plain, "/");
    expect(headers).toMatchObject({
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "content-security-policy": expect.stringContaining("frame-ancestors 'none'"),
      "permissions-policy": expect.stringContaining("camera=()"),
    });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  });
});

describe("a name that was pointed at this machine", () => {
  it.each([
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "192.0.2.1",
    "a b",
  ])("%j is not answered on a loopback address", async (host) => {
    const answer = await ask(plain, "/api/status", { headers: { host } });
    expect([400, 403]).toContain(answer.status);
    expect(answer.body).not.toContain("cameras");
  });

  it.each(["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080"])("%s is this machine", async (host) => {
    expect((await ask(plain, "/api/status", { headers: { host } })).status).toBe(200);
  });

  it("that console.hosts has is answered", async () => {
    expect((await ask(secure, "/livez", { headers: { host: "box.example.org" } })).status).toBe(200);
  });
});

describe("a proxy on this machine", () => {
  it.each(["x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host"])(
    "brings others: with %s nobody is operator without a login",
    async (name) => {
      const answer = await ask(plain, "/api/status", { headers: { [name]: "127.0.0.1" } });
      expect([answer.status, answer.json().error?.message]).toEqual([
        401,
        expect.stringContaining("came through a proxy"),
      ]);
      expect(
        (await ask(plain, "/api/cameras/gate", { ...removeGate, headers: { [name]: "for=127.0.0.1" } })).status,
      ).toBe(401);
    },
  );
});

describe("a session", () => {
  it("cannot be chosen before the login", async () => {
    const chosen = "A".repeat(43);
    const { answer } = await logIn(secure, "ann", PASSWORD);
    expect(String(answer.headers["set-cookie"])).not.toContain(chosen);
    const before = { cookie: `__Host-nightjar=${chosen}` };
    await ask(secure, "/api/login", {
      method: "POST",
      headers: { ...fromPage(secure), ...before },
      body: JSON.stringify({ user: "ann", password: PASSWORD }),
    });
    expect((await ask(secure, "/api/status", { headers: before })).status).toBe(401);
  });

  it("is another one after each login, and the one before ends", async () => {
    const first = (await logIn(secure, "ann", PASSWORD)).cookie;
    const second = await ask(secure, "/api/login", {
      method: "POST",
      headers: { ...fromPage(secure), cookie: first },
      body: JSON.stringify({ user: "ann", password: PASSWORD }),
    });
    expect(second.status).toBe(200);
    expect((await ask(secure, "/api/status", { headers: { cookie: first } })).status).toBe(401);
  });

  it("of a console without TLS is none here", async () => {
    const token = cookie.split("=")[1];
    expect((await ask(secure, "/api/status", { headers: { cookie: `nightjar=${token}` } })).status).toBe(401);
  });

  it("is not begun by a page of another site (which would have the user work as somebody else)", async () => {
    const headers = { origin: "https://evil.example", "x-nightjar": "console" };
    const body = JSON.stringify({ user: "ann", password: PASSWORD });
    expect((await ask(secure, "/api/login", { method: "POST", headers, body })).status).toBe(403);
  });
});

describe("paths and headers", () => {
  it.each([
    "/../../../etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/package.json",
    "/vendor/../../../../package.json",
    "/api/evidence/..%2f..%2fusers.json",
    "/api/evidence/%2e%2e%2fusers.json",
    "/api/captures/..%2f..%2f..%2fstate%2fusers.json/file",
    "/api/schemas/..%2f..%2f..%2fpackage.json",
    "/app.js%00.html",
    "/%ff%fe",
  ])("%s leads nowhere", async (path) => {
    const answer = await ask(plain, path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.body).not.toMatch(/root:|"dependencies"|"users"/);
  });

  it("a line break in a path becomes no header", async () => {
    const answer = await ask(plain, "/api/cameras/x%0d%0aset-cookie:%20a=b/live");
    expect([answer.status, answer.headers["set-cookie"]]).toEqual([404, undefined]);
    expect(await raw(plain, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: b\nSet-Cookie: c\r\n\r\n")).toMatch(
      /^HTTP\/1.1 (200|400)/,
    );
  });

  it.each([
    [
      "two lengths",
      "POST /api/log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{}",
    ],
    [
      "a length and chunks",
      "POST /api/log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["no host", "GET /api/status HTTP/1.1\r\n\r\n"],
    ["headers that are too long", `GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`],
    ["no HTTP", "\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n"],
  ])("a request with %s is refused", async (_, text) => {
    expect(await raw(plain, text)).toMatch(/^HTTP\/1.1 (400|431)/);
  });

  it.each(["PUT", "PATCH", "OPTIONS", "TRACE"])("%s is no method of ours", async (method) => {
    expect((await ask(plain, "/api/status", { method })).status).toBe(405);
  });
});

describe("a body", () => {
  it("that is too long is refused before it has come", async () => {
    const text = await raw(
      plain,
      `POST /api/cameras HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n${"x".repeat(1000)}`,
    );
    expect(text).toMatch(/^HTTP\/1.1 413/);
  });

  it("that grows too long in pieces is refused", async () => {
    const chunk = `ffff\r\n${"x".repeat(0xffff)}\r\n`;
    const head = "POST /api/cameras HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(await raw(plain, `${head}${chunk}${chunk}`)).toMatch(/^HTTP\/1.1 413/);
  });

  it("cannot make an object anything but an object", async () => {
    const body = '{"__proto__":{"role":"operator"},"constructor":{"prototype":{"x":1}},"user":"ann","password":"x"}';
    const answer = await ask(secure, "/api/login", { method: "POST", headers: fromPage(secure), body });
    expect([400, 401, 429]).toContain(answer.status);
    expect(({} as { role?: string }).role).toBeUndefined();
  });
});

it("guessing passwords is slowed down, for the user too, and a right one is not taken meanwhile", async () => {
  const tries = [];
  for (let i = 0; i < 5; i++) tries.push((await logIn(secure, "bob", `wrong ${i}`)).answer.status);
  expect(tries.slice(0, 4)).toEqual([401, 401, 401, 401]);
  expect(tries[4]).toBe(429);
  const { answer } = await logIn(secure, "bob", PASSWORD);
  expect(answer.status).toBe(429);
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  expect(log.some(({ message, fields }) => message === "a login failed" && fields.user === "bob")).toBe(true);
  expect(JSON.stringify(log)).not.toContain("wrong 1");
}, 30_000);

it("HEAD starts no stream and makes no picture", async () => {
  for (const path of ["/api/cameras/gate/live", "/api/cameras/gate/snapshot.jpg", "/api/events", "/metrics"]) {
    const answer = await ask(plain, path, { method: "HEAD" });
    expect([answer.status, answer.body]).toEqual([200, ""]);
  }
  expect(open.supervisor.status().cameras.map(({ viewers }) => viewers)).toEqual([0, 0]);
});

it("headers that come drop by drop end with the connection, and keep nobody else out", async () => {
  expect((await ask(plain, "/livez")).status).toBe(200);
  expect(await dropsEnded).toBeLessThan(16_000);
}, 20_000);

it("the first user closes the console to everybody else on the machine, and ends their streams", async () => {
  const socket = socketTo(plain);
  socket.write("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const closed = new Promise((resolve) => socket.on("close", resolve).resume());
  await waitUntil("the stream to begin", () => socket.bytesRead > 0);
  await makeUsers(open.folder, { ann: "viewer" });
  expect((await ask(plain, "/api/status")).status).toBe(401);
  await closed;
});

function socketTo(base: string): Socket {
  const { hostname, port, protocol } = new URL(base);
  const where = { host: hostname, port: Number(port) };
  return protocol === "https:" ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
}

/** Sends bytes as they are. @returns the head of the answer */
function raw(base: string, text: string): Promise<string> {
  const socket = socketTo(base);
  return new Promise((resolve) => {
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      answer += chunk;
      if (answer.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}
