import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { EXIT } from "../../../services/log/errors.ts";

const NIGHTJAR = join(import.meta.dirname, "../../../bin/nightjar");
const folder = mkdtempSync(join(tmpdir(), "nightjar-user-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, "nightjar.yaml");
writeFileSync(
  config,
  'version: 1\nconsole: {listen: "0.0.0.0:8443", tls: {selfSigned: true}}\ndirectories: {state: state, runtime: run}\n',
);

function nightjar(args: readonly string[], input = "") {
  const { status, stdout, stderr } = spawnSync(NIGHTJAR, [...args, "-c", config], { encoding: "utf8", input });
  return { code: status, stdout: stdout.trim(), stderr: stderr.trim() };
}

it("a console for others is not valid without a user, and is with one", () => {
  const validate = () => nightjar(["validate", "--no-bundles"]);
  expect(validate()).toMatchObject({
    code: EXIT.configuration,
    stdout: expect.stringContaining("nightjar user add NAME"),
  });
  expect(nightjar(["user", "add", "ann", "--role", "operator"], "correct horse\n")).toMatchObject({
    code: EXIT.ok,
    stdout: "ann may log in, as operator",
  });
  expect(validate().code).toBe(EXIT.ok);
}, 20_000);

it("users are listed, changed and removed; a password that is too short is not taken", () => {
  expect(nightjar(["user", "list"]).stdout).toMatch(/^USER +ROLE +SINCE\nann +operator +\d{4}-\d\d-\d\d$/);
  const short = nightjar(["user", "password", "ann"], "short\n");
  expect(short).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining("it has 5 characters") });
  expect(nightjar(["user", "password", "ann"], "")).toMatchObject({ code: EXIT.usage });
  expect(nightjar(["user", "add", "bob", "--role", "king"], "correct horse\n").stderr).toContain(
    "expected viewer or operator",
  );
  expect(nightjar(["user", "remove", "ann"]).stdout).toContain("ann was removed, and was the last");
}, 20_000);

it("a token is shown once", () => {
  const token = nightjar(["token", "add", "prometheus"]).stdout;
  expect(token).toMatch(/^njt_[\w-]{43}$/);
  expect(nightjar(["token", "list"]).stdout).toMatch(/^TOKEN +ROLE +SINCE\nprometheus +viewer/);
  expect(readFileSync(join(folder, "state/users.json"), "utf8")).not.toContain(token);
}, 20_000);

it("a password that is typed is not shown", async () => {
  // script(1) gives the command a terminal of its own.
  const child = spawn("script", ["-qec", `${NIGHTJAR} user add cleo -c ${config}`, "/dev/null"], { stdio: "pipe" });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    shown += chunk;
    if (/cleo(, again)?: $/.test(shown)) child.stdin.write("battery staple\r");
  });
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  expect(shown).toContain("cleo may log in, as viewer");
  expect(shown).not.toContain("battery");
}, 20_000);
