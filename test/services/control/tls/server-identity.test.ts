import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseConfig } from "../../../../services/config/load.ts";
import { selfSignedCertificate } from "../../../../services/control/tls/self-signed.ts";
import { ServerIdentity } from "../../../../services/control/tls/server-identity.ts";

let folder: string;
let lines: string[];
const log = pino({}, { write: (line: string) => void lines.push(line) });
beforeEach(() => {
  lines = [];
  folder = mkdtempSync(join(tmpdir(), "nightjar-tls-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const identityOf = (tls: string, listen = "127.0.0.1:0", hosts = "[]") =>
  ServerIdentity.of(
    parseConfig(
      `version: 1\ndevice: {id: box}\nconsole: {listen: "${listen}", hosts: ${hosts}, tls: ${tls}}\ndirectories: {state: ${folder}, runtime: ${folder}}\n`,
      join(folder, "nightjar.yaml"),
    ),
    log,
  );

/** A key and a certificate for it, as files. */
function pair(name: string, at = new Date()): { cert: string; key: string } {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cert = selfSignedCertificate(privateKey, name, [name], at);
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  writeFileSync(join(folder, "c.pem"), cert);
  writeFileSync(join(folder, "c.key"), key);
  return { cert, key };
}

const GIVEN = "{certificate: c.pem, key: c.key}";

describe("a certificate that is given", () => {
  it("is served, and a new one as well, without a restart", async () => {
    const first = pair("one.example.org");
    const identity = identityOf(GIVEN);
    const server = createServer({ ...identity?.load() });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const served = async () => {
      const { port } = server.address() as AddressInfo;
      const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
      await new Promise((resolve) => socket.once("secureConnect", resolve));
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      return new X509Certificate(raw).subject;
    };
    expect(new X509Certificate(first.cert).subject).toBe(await served());
    vi.useFakeTimers({ toFake: ["setInterval"] });
    identity?.watch((next) => server.setSecureContext(next));
    // What cannot be used is not: the old one serves on.
    writeFileSync(join(folder, "c.key"), "no key");
    vi.advanceTimersByTime(10_000);
    expect(lines.at(-1)).toContain("the new certificate of the console is not used");
    expect(await served()).toBe("CN=one.example.org");
    pair("two.example.org");
    vi.advanceTimersByTime(10_000);
    expect(await served()).toBe("CN=two.example.org");
    identity?.close();
    server.close();
  });

  it("is refused with the key's name when it is of another key, missing, or no certificate", () => {
    const { key } = pair("one.example.org");
    pair("two.example.org");
    writeFileSync(join(folder, "c.key"), key);
    expect(() => identityOf(GIVEN)?.load()).toThrow(/console\.tls.*(is not the key of|cannot be used)/);
    rmSync(join(folder, "c.key"));
    expect(() => identityOf(GIVEN)?.load()).toThrow("console.tls.key: ");
    writeFileSync(join(folder, "c.pem"), "no certificate");
    expect(() => identityOf(GIVEN)?.load()).toThrow("console.tls");
  });

  it("that has expired is served, with a warning", () => {
    pair("old.example.org", new Date(Date.now() - 900 * 24 * 3600_000));
    expect(identityOf(GIVEN)?.load().cert).toContain("BEGIN CERTIFICATE");
    expect(lines.at(-1)).toContain("has expired");
  });
});

describe("one that the device makes", () => {
  const SELF = "{selfSigned: true}";
  const file = (name: string) => join(folder, "console", name);
  const names = () => new X509Certificate(readFileSync(file("console.pem"))).subjectAltName ?? "";

  it("is for the device's names and addresses, its key is for its owner only, and it stays the same", () => {
    const { cert } = identityOf(SELF, "192.0.2.7:8443", "[cam.example.org, 198.51.100.2]")!.load();
    expect(statSync(file("console.key")).mode & 0o777).toBe(0o600);
    for (const name of [
      "DNS:box",
      "DNS:localhost",
      "DNS:cam.example.org",
      "IP Address:192.0.2.7",
      "IP Address:198.51.100.2",
    ])
      expect(names()).toContain(name);
    const again = identityOf(SELF, "192.0.2.7:8443", "[cam.example.org, 198.51.100.2]")!.load();
    expect(again.cert).toBe(cert);
    const certificate = new X509Certificate(cert);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
  });

  it("is made anew for another name, after two thirds of its life, and when a power cut left half of it", () => {
    const first = identityOf(SELF)!.load();
    const named = identityOf(SELF, "127.0.0.1:0", "[cam.example.org]")!.load();
    expect(named.cert).not.toBe(first.cert);
    vi.useFakeTimers({ now: Date.now() + 540 * 24 * 3600_000, toFake: ["Date"] });
    const later = identityOf(SELF, "127.0.0.1:0", "[cam.example.org]")!.load();
    expect(later.cert).not.toBe(named.cert);
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    writeFileSync(file("console.key"), other.export({ type: "pkcs8", format: "pem" }).toString());
    expect(identityOf(SELF, "127.0.0.1:0", "[cam.example.org]")!.load().cert).not.toBe(later.cert);
    copyFileSync(file("console.key"), file("console.pem"));
    expect(identityOf(SELF)!.load().cert).toContain("BEGIN CERTIFICATE");
  });
});

it("without either, the console speaks plain HTTP", () => {
  expect(identityOf("{}")).toBeUndefined();
});
