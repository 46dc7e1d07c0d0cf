import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AccountFile } from "../../../services/control/accounts/account-file.ts";
import type { LogEntry } from "../../../services/log/entry.ts";
import { waitUntil } from "../../support/wait.ts";
import { makeFolder, type SmallSupervisor, startSmall } from "../supervisor/small-supervisor.ts";
import { ask, fromPage, logIn } from "./support/http.ts";
import { makeUsers, PASSWORD } from "./support/users.ts";

let small: SmallSupervisor;
let base: string;
let accounts: AccountFile;
let token: string;
const log: LogEntry[] = [];
beforeAll(async () => {
  const folder = makeFolder();
  accounts = await makeUsers(folder, { ann: "operator", vic: "viewer", tmp: "viewer" });
  token = accounts.addToken("prometheus", "viewer");
  small = await startSmall({ console: { listen: "127.0.0.1:0", tls: { selfSigned: true } } }, { folder, log });
  base = small.supervisor.status().console ?? "";
}, 60_000);
afterAll(() => small.end());

const change = (cookie: string, path: string, body: object) =>
  ask(base, path, { method: "POST", headers: { ...fromPage(base), cookie }, body: JSON.stringify(body) });

describe("without a login", () => {
  it.each(["/", "/app.js", "/livez", "/readyz", "/api/session"])("%s is open", async (path) => {
    expect([200, 503]).toContain((await ask(base, path)).status);
  });

  it.each([
    "/api/status",
    "/metrics",
    "/statusz",
    "/api/events",
    "/api/cameras/gate/live",
    "/api/schemas",
    "/api/none",
  ])("%s asks for one, also on this machine", async (path) => {
    const answer = await ask(base, path);
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toContain("Bearer");
    expect(answer.json().error?.message).toContain("log in first");
  });

  it("the session says so, and readiness gives no reasons away", async () => {
    expect((await ask(base, "/api/session")).json()).toMatchObject({
      loginRequired: true,
      user: null,
      role: null,
      tls: true,
    });
    const { status, body } = await ask(base, "/readyz");
    expect(status === 200 ? "ready\n" : "not ready\n").toBe(body);
  });

  it("the control socket needs none: its file's permissions decide", async () => {
    expect((await ask(small.supervisor.controlSocket, "/api/status")).status).toBe(200);
  });
});

describe("a login", () => {
  it("gives a cookie that only this host gets back, over TLS, and no script reads", async () => {
    const { answer } = await logIn(base, "ann", PASSWORD);
    expect(answer.json()).toEqual({ loginRequired: false, user: "ann", role: "operator", tls: true, reason: "" });
    expect(String(answer.headers["set-cookie"])).toMatch(
      /^__Host-nightjar=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    );
    expect(answer.headers["strict-transport-security"]).toMatch(/^max-age=\d{8}/);
  });

  it.each([
    ["ann", "wrong horse"],
    ["nobody", PASSWORD],
  ])("as %s with %s is refused in the same words", async (user, password) => {
    const { answer, cookie } = await logIn(base, user, password);
    expect([answer.status, answer.json().error?.message, cookie]).toEqual([401, "user or password is wrong", ""]);
  });

  it("lets a viewer look, and an operator change", async () => {
    const viewer = (await logIn(base, "vic", PASSWORD)).cookie;
    const operator = (await logIn(base, "ann", PASSWORD)).cookie;
    expect((await ask(base, "/api/status", { headers: { cookie: viewer } })).status).toBe(200);
    const refused = await change(viewer, "/api/log-level", { level: "info" });
    expect([refused.status, refused.json().error?.message]).toEqual([
      403,
      "vic may look, but not change: that takes the role operator",
    ]);
    expect((await change(operator, "/api/log-level", { level: "info" })).json()).toEqual({ level: "info" });
    const said = log.filter(({ message }) => message === "changed by request: POST /api/log-level");
    expect(said.map(({ fields }) => fields.by)).toEqual(["ann"]);
  });

  it("ends when the user logs out, and its streams end with it", async () => {
    const { cookie } = await logIn(base, "ann", PASSWORD);
    const ended = Promise.withResolvers<void>();
    const stream = request(`${base}api/events`, { headers: { cookie }, rejectUnauthorized: false, agent: false });
    stream.on("response", (response) =>
      response
        .on("close", ended.resolve)
        .on("error", () => undefined)
        .resume(),
    );
    stream.on("error", () => ended.resolve());
    await new Promise((resolve) => stream.on("response", resolve).end());
    const out = await change(cookie, "/api/logout", {});
    expect(String(out.headers["set-cookie"])).toContain("__Host-nightjar=; ");
    expect((await ask(base, "/api/status", { headers: { cookie } })).status).toBe(401);
    await ended.promise;
  });

  it("ends when the user is removed", async () => {
    const { cookie } = await logIn(base, "tmp", PASSWORD);
    accounts.removeUser("tmp");
    expect((await ask(base, "/api/status", { headers: { cookie } })).status).toBe(401);
  });
});

describe("a console that other machines reach", () => {
  const elsewhere = { console: { listen: "0.0.0.0:0", tls: { selfSigned: true } } };

  it("does not start without a user", async () => {
    await expect(startSmall(elsewhere)).rejects.toThrow(
      /^console\.listen: 0\.0\.0\.0:0 can be reached by other machines/,
    );
  });

  it("asks this machine too for a login, also when its last user is gone", async () => {
    const folder = makeFolder();
    const own = await makeUsers(folder, { ann: "operator" });
    const other = await startSmall(elsewhere, { folder });
    const { port } = new URL(other.supervisor.status().console ?? "");
    const here = `https://127.0.0.1:${port}/`;
    expect((await ask(here, "/api/status")).status).toBe(401);
    own.removeUser("ann");
    const answer = await ask(here, "/api/status");
    expect([answer.status, answer.json().error?.message]).toEqual([
      401,
      "there are no users yet; make one on the device: nightjar user add",
    ]);
    expect((await ask(here, "/api/session")).json()).toMatchObject({ loginRequired: true, role: null });
    await other.end();
  }, 20_000);
});

describe("a token", () => {
  it("lets a program read, without cookies and headers of a page", async () => {
    const headers = { authorization: `Bearer ${token}` };
    expect((await ask(base, "/metrics", { headers })).status).toBe(200);
    expect((await ask(base, "/api/log-level", { method: "POST", headers, body: '{"level":"info"}' })).status).toBe(403);
  });

  it.each(["njt_", "njt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x"])("%s is nobody's", async (wrong) => {
    expect((await ask(base, "/metrics", { headers: { authorization: `Bearer ${wrong}` } })).status).toBe(401);
  });
});

describe("the certificate that the device made", () => {
  const keys = () => join(small.folder, "state/console");

  it("is for the names under which the console is called", async () => {
    const ca = readFileSync(join(keys(), "console.pem"));
    const { port } = new URL(base);
    for (const servername of ["localhost", "box"]) {
      const socket = connect({ host: "127.0.0.1", port: Number(port), ca, servername });
      await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
      expect([socket.authorized, socket.getProtocol()]).toEqual([true, "TLSv1.3"]);
      socket.destroy();
    }
  });

  it("is the same after a restart", async () => {
    const before = readFileSync(join(keys(), "console.pem"), "utf8");
    await small.end("keep");
    small = await startSmall(
      { console: { listen: "127.0.0.1:0", tls: { selfSigned: true } } },
      { folder: small.folder },
    );
    base = small.supervisor.status().console ?? "";
    expect(readFileSync(join(keys(), "console.pem"), "utf8")).toBe(before);
    await waitUntil("it to answer", async () => (await ask(base, "/livez")).status === 200);
  });
});
