/** TLS to Mosquitto: always verified, with our own certificate where the broker wants one. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { readSecret } from "../../../services/config/secrets.ts";
import type { PublisherOptions } from "../../../services/publisher/options.ts";
import { Mosquitto } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { type Publishing, publishing } from "./support/publishing.ts";

const directory = mkdtempSync(join(tmpdir(), "nightjar-tls-"));
const path = (name: string) => join(directory, name);
const cleanup: (() => Promise<unknown>)[] = [];

/** Makes NAME.pem and NAME.key, signed by `issuer` (by itself when that is undefined). */
function certificate(name: string, commonName: string, issuer?: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path(`${name}.key`)];
  const subject = [
    "-subj",
    `/CN=${commonName}`,
    "-addext",
    `subjectAltName=${commonName === "127.0.0.1" ? "IP" : "DNS"}:${commonName}`,
  ];
  const signed = issuer === undefined ? [] : ["-CA", path(`${issuer}.pem`), "-CAkey", path(`${issuer}.key`)];
  execFileSync("openssl", ["req", "-x509", ...key, "-days", "2", "-out", path(`${name}.pem`), ...subject, ...signed], {
    stdio: "ignore",
  });
}

beforeAll(() => {
  certificate("ca", "Test authority");
  certificate("broker", "127.0.0.1", "ca");
  certificate("elsewhere", "elsewhere.example", "ca");
  certificate("device", "gate-1", "ca");
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean();
});

async function broker(name: string, ...more: string[]): Promise<string> {
  const files = Object.fromEntries(
    [`${name}.pem`, `${name}.key`, "ca.pem"].map((file) => [file, readFileSync(path(file), "utf8")]),
  );
  // The listener comes last in this file, so its certificate goes into one of its own.
  files["tls.conf"] = [`certfile %d/${name}.pem`, `keyfile %d/${name}.key`, ...more].join("\n");
  const mosquitto = await Mosquitto.start({ config: ["allow_anonymous true"], files });
  cleanup.push(() => mosquitto.remove());
  await mosquitto.end();
  const config = join(mosquitto.directory, "mosquitto.conf");
  const lines = [readFileSync(config, "utf8"), files["tls.conf"].replaceAll("%d", mosquitto.directory)];
  writeFileSync(config, `${lines.join("\n")}\n`);
  await mosquitto.start();
  return mosquitto.url.replace("mqtt:", "mqtts:");
}

async function connect(url: string, options: Partial<PublisherOptions>): Promise<Publishing> {
  const running = publishing({ url, ...options });
  cleanup.push(() => running.publisher.stop(0));
  await running.publisher.start();
  return running;
}

it("trusts the authority that it is told to, and no other", async () => {
  const url = await broker("broker");
  const strict = await connect(url, {});
  await waitUntil("the complaint", () => strict.complaints().length === 1);
  expect(strict.complaints()[0]).toMatch(/authority.*mqtt.tls.ca/);
  const trusting = await connect(url, { clientId: "other", tls: { ca: path("ca.pem") } });
  await waitUntil("the connection", () => trusting.publisher.snapshot().state === "connected");
  expect(trusting.publisher.snapshot().insecure).toBe(false);
});

it("does not take a certificate of another name, unless it is told to expect that name", async () => {
  const url = await broker("elsewhere");
  const strict = await connect(url, { tls: { ca: path("ca.pem") } });
  await waitUntil("the complaint", () => strict.complaints().length === 1);
  expect(strict.complaints()[0]).toMatch(/is for another name.*mqtt.tls.serverName/);
  const told = await connect(url, { clientId: "other", tls: { ca: path("ca.pem"), serverName: "elsewhere.example" } });
  await waitUntil("the connection", () => told.publisher.snapshot().state === "connected");
});

it("shows its own certificate where the broker wants one, and says so when it has none", async () => {
  const url = await broker("broker", "cafile %d/ca.pem", "require_certificate true");
  const without = await connect(url, { tls: { ca: path("ca.pem") } });
  await waitUntil("the complaint", () => without.complaints().length >= 1);
  expect(without.complaints().join()).toMatch(/certificate from this device|closed the connection/);
  const tls = { ca: path("ca.pem"), certificate: path("device.pem"), key: path("device.key") };
  const withOne = await connect(url, { clientId: "other", tls });
  await waitUntil("the connection", () => withOne.publisher.snapshot().state === "connected");
});

it("names the key of a file that is missing, and goes on when it is there", async () => {
  const url = await broker("broker");
  const running = await connect(url, { tls: { ca: path("later.pem") } });
  await waitUntil("the complaint", () => running.complaints().length === 1);
  expect(running.complaints()[0]).toContain("mqtt.tls.ca: expected a PEM file at");
  writeFileSync(path("later.pem"), readFileSync(path("ca.pem")));
  await waitUntil("the connection", () => running.publisher.snapshot().state === "connected");
});

it("takes the password from a credential of systemd, and never shows it", async () => {
  const { execFileSync: run } = await import("node:child_process");
  const mosquitto = await Mosquitto.start({
    config: ["allow_anonymous false", "password_file %d/passwords"],
    files: { passwords: "" },
  });
  cleanup.push(() => mosquitto.remove());
  run("mosquitto_passwd", ["-b", `${mosquitto.directory}/passwords`, "device", "swordfish-42"]);
  mosquitto.signal("SIGHUP");
  writeFileSync(path("mqtt-password"), "swordfish-42\n");
  process.env.CREDENTIALS_DIRECTORY = directory;
  const password = () => readSecret({ credential: "mqtt-password" }, "mqtt.password");
  const running = await connect(mosquitto.url, { username: "device", password });
  await waitUntil("the connection", () => running.publisher.snapshot().state === "connected");
  expect(JSON.stringify(running.log) + JSON.stringify(running.publisher.snapshot())).not.toContain("swordfish");
  delete process.env.CREDENTIALS_DIRECTORY;
  expect(password).toThrow('mqtt.password: expected the systemd credential "mqtt-password", but this service has none');
});
