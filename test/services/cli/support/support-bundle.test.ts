/** Support bundles: secrets are planted wherever one can be, and none comes out; what helps does. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { tarGz } from "../../../../services/cli/support/archive.ts";
import { contentOf } from "../../../../services/cli/support/collect.ts";
import { masker } from "../../../../services/cli/support/mask.ts";
import { EXIT } from "../../../../services/log/errors.ts";
import { type SmallSupervisor, startSmall } from "../../supervisor/small-supervisor.ts";

const NIGHTJAR = join(import.meta.dirname, "../../../../bin/nightjar");
const folder = mkdtempSync(join(tmpdir(), "nightjar-support-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let small: SmallSupervisor | undefined;
afterEach(async () => {
  await small?.end();
  small = undefined;
});

/** Without blocking: what it asks may run in this process. */
function nightjar(args: readonly string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(NIGHTJAR, args, { env: { ...process.env, XDG_RUNTIME_DIR: folder, ...env }, cwd: folder });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

let count = 0;
/** The files of the archive that the command writes, by name, and all their text together. */
async function pack(args: readonly string[], env: Record<string, string> = {}) {
  const file = join(folder, `bundle-${count++}.tar.gz`);
  const { code, stdout, stderr } = await nightjar(["support-bundle", "--out", file, ...args], env);
  expect(code, stderr).toBe(EXIT.ok);
  const place = `${file}.d`;
  mkdirSync(place);
  execFileSync("tar", ["-xzf", file, "-C", place]);
  const names = execFileSync("tar", ["-tzf", file], { encoding: "utf8" }).trim().split("\n");
  const text = (name: string) => readFileSync(join(place, name), "utf8");
  return { file, names, text, everything: names.map(text).join("\n"), stdout };
}

describe("a mask", () => {
  const mask = masker(["hunter2!", 'quo"ted pass', "p@ss/word"]);

  it.each([
    ["a known value", "the camera said hunter2! to us"],
    ["a known value in JSON", JSON.stringify({ said: 'quo"ted pass' })],
    ["a known value in an address", `http://host/?x=${encodeURIComponent("p@ss/word")}`],
    ["a known value in base64", `Authorization: ${Buffer.from("hunter2!").toString("base64")}`],
    ["user and password of an address", "rtsp://admin:S3CRETa@10.0.0.7/stream"],
    ["a password with an @ in an address", "rtsp://admin:S3CRETa@b@10.0.0.7/stream"],
    ["a password of a query", "http://10.0.0.7/video.cgi?user=S3CRETa&pwd=S3CRETb&ch=1"],
    ["a password in a path", "rtsp://10.0.0.7/user=admin_password=S3CRETa_channel=1"],
    ["a key of YAML", "password: S3CRETa"],
    ["a key of YAML with quotes", "mqtt: {password: 'S3CRETa b'}"],
    ["a key of JSON", '{"apiKey": "S3CRETa", "clientSecret":"S3CRETb"}'],
    ["a comment", "# old password: S3CRETa"],
    ["an option of a command line", "prog --password S3CRETa --token=S3CRETb"],
    ["a bearer token", "authorization: Bearer S3CRETa.S3CRETb"],
    ["a header of basic authentication", "Authorization: Basic UzNDUkVUYTpTM0NSRVRi"],
    ["a web token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJTM0NSRVRhIn0.S3CRETa"],
    ["a hash of a password", "$scrypt$ln=16,r=8,p=1$S3CRETa$S3CRETb"],
    ["a private key", "-----BEGIN PRIVATE KEY-----\nS3CRETa\nS3CRETb\n-----END PRIVATE KEY-----"],
    ["a private key that is cut off", "-----BEGIN EC PRIVATE KEY-----\nS3CRETa"],
    ["a key of a cloud", "AWS_SECRET_ACCESS_KEY=S3CRETa AKIAABCDEFGHIJKLMNOP"],
  ])("takes %s out", (_, text) => {
    expect(mask(text)).not.toMatch(/S3CRET|hunter2|quo.{0,2}ted pass|p(@|%40)ss|aHVudGVyMi|UzNDUkVU|AKIA[A-Z]/);
  });

  it.each([
    "password: {file: /etc/nightjar/camera.password}",
    "the token is not there: look at the key of the schema",
    "tracking: {bundle: bytetrack}",
    "https://updates.example.org/fleet/metadata/1.root.json",
    "2026-11-22T10:00:00Z gate: 15 frames/s",
  ])("leaves %j as it is", (text) => {
    expect(mask(text)).toBe(text);
  });
});

/** Every place in which a secret of ours can stand, each with a value of its own. @param more a part that is wrong */
function plant(more = "") {
  const place = mkdtempSync(join(folder, "planted-"));
  const secrets: string[] = [];
  const secret = (name: string) => {
    const value = `planted-${name}-${Math.random().toString(36).slice(2)}`;
    secrets.push(value);
    return value;
  };
  const file = (name: string, content: string) => {
    writeFileSync(join(place, name), content, { mode: 0o600 });
    return join(place, name);
  };
  const pem = `-----BEGIN PRIVATE KEY-----\n${secret("pem")}\n-----END PRIVATE KEY-----\n`;
  const config = {
    version: 1,
    device: { id: "gate-1" },
    cameras: [
      {
        id: "front",
        source: {
          type: "rtsp",
          uri: "rtsp://10.0.0.7/stream",
          username: "viewer",
          password: { file: file("camera.password", `${secret("camera")}\n`) },
        },
      },
    ],
    mqtt: {
      url: "mqtts://broker.example:8883",
      username: "gate",
      password: { env: "PLANTED_MQTT" },
      tls: { certificate: file("mqtt.pem", "a certificate"), key: file("mqtt.key", pem) },
    },
    updates: { repository: `https://fleet:${secret("userinfo")}@127.0.0.1:1/updates`, root: join(place, "root.json") },
    directories: { state: join(place, "state"), runtime: join(place, "run") },
  };
  mkdirSync(join(place, "state"));
  writeFileSync(join(place, "state", "users.json"), JSON.stringify({ hash: secret("hash") }));
  const comment = `# the old camera: rtsp://admin:${secret("comment")}@10.0.0.9/  password: ${secret("note")}\n`;
  writeFileSync(join(place, "nightjar.yaml"), comment + stringify(config) + more);
  const env = { PLANTED_MQTT: secret("mqtt"), SOME_API_TOKEN: secret("environment") };
  return { place, secrets, env, configuration: join(place, "nightjar.yaml") };
}

it("with secrets in files, environment, addresses and comments, has none of them, and what helps", async () => {
  const { secrets, env, configuration } = plant();
  const { names, everything, text, file, stdout } = await pack(["--config", configuration], env);
  expect(secrets).toHaveLength(8);
  expect(names).not.toContain("configuration/problem.txt");
  for (const secret of secrets) expect(everything).not.toContain(secret);
  for (const name of [
    "README.txt",
    "doctor.json",
    "versions.json",
    "configuration/nightjar.yaml",
    "configuration/effective.json",
    "state-files.txt",
    "machine/kernel.txt",
    "running/status.json",
  ])
    expect(names).toContain(name);
  expect(text("configuration/nightjar.yaml")).toContain("camera.password");
  expect(text("configuration/nightjar.yaml")).toContain("broker.example");
  expect(JSON.parse(text("doctor.json"))).toMatchObject({ groups: expect.any(Array) });
  expect(text("state-files.txt")).toContain("users.json");
  expect(text("running/status.json")).toContain("not available");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(file).size).toBeLessThan(2_000_000);
  expect(stdout).toContain("look through it before you give it away");
}, 60_000);

it("of a running Nightjar has its status and its log", async () => {
  small = await startSmall({ device: { id: "box" } });
  const { text } = await pack(["--socket", small.supervisor.controlSocket]);
  expect(JSON.parse(text("running/status.json"))).toMatchObject({ device: { id: "box" } });
  expect(text("running/log.json")).toContain("entries");
  expect(text("running/health.json")).not.toContain("not available");
}, 60_000);

it("of a configuration that is wrong says what is wrong with it, and has the rest", async () => {
  const { secrets, env, configuration } = plant("modules: {token: planted-inline}\n");
  const { text, everything } = await pack(["--config", configuration], env);
  expect(text("configuration/problem.txt")).toContain("modules.token");
  expect(JSON.parse(text("doctor.json"))).toMatchObject({ groups: expect.any(Array) });
  for (const secret of [...secrets, "planted-inline"]) expect(everything).not.toContain(secret);
}, 60_000);

it("is not written over an archive that is there", async () => {
  const file = join(folder, "there.tar.gz");
  writeFileSync(file, "");
  const { code, stderr } = await nightjar(["support-bundle", "--out", file]);
  expect(code).toBe(EXIT.environment);
  expect(stderr).toContain("it is there already: name another place with --out");
}, 60_000);

it("bounds each part and keeps its end, where the news are", async () => {
  const text = `${"x".repeat(3_000_000)}the end`;
  const content = await contentOf({ name: "long.txt", text: () => text }, (each) => each);
  expect(content.length).toBeLessThan(2_200_000);
  expect(content).toMatch(/^\(the beginning is left out\)\n/);
  expect(content).toMatch(/the end$/);
});

it("says of a part that cannot be had why, and goes on", async () => {
  const part = { name: "gone.txt", text: () => readFileSync("/nowhere/at/all", "utf8") };
  expect(await contentOf(part, (each) => each)).toMatch(/^not available: ENOENT/);
});

it("is an archive that tar reads", () => {
  const file = join(folder, "plain.tar.gz");
  const entries = [
    { name: "a.txt", content: Buffer.from("a") },
    { name: "deep/b.txt", content: Buffer.alloc(1024, "b") },
  ];
  writeFileSync(file, tarGz(entries, Date.UTC(2026, 0, 1)));
  const listed = execFileSync("tar", ["-tvzf", file], { encoding: "utf8" });
  expect(listed).toMatch(/-rw------- 0\/0 +1 2026-01-01 \d\d:\d\d a\.txt\n-rw------- 0\/0 +1024 .* deep\/b\.txt/);
});
