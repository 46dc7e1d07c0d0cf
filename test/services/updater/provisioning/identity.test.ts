import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { enrol, isDue, openIdentity } from "../../../../services/updater/provisioning/identity.ts";
import { temporaryFolder } from "../support/repository.ts";

/** A small authority: OpenSSL signs what is asked for, when the token is right. */
class Authority {
  readonly folder = temporaryFolder();
  readonly server: Server;
  readonly token = "claim-1234";
  /** Signs this request instead of the one that came. */
  other: string | undefined;

  constructor() {
    this.#openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      "/CN=fleet",
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-days",
      "2",
    );
    this.server = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk) => (text += chunk));
      request.on("end", () => {
        if (request.headers.authorization !== `Bearer ${this.token}`)
          return void response.writeHead(403).end("this token is not known");
        const { request: asked } = JSON.parse(text) as { request: string };
        writeFileSync(join(this.folder, "device.csr"), this.other ?? asked);
        this.#openssl(
          "x509",
          "-req",
          "-in",
          "device.csr",
          "-CA",
          "ca.pem",
          "-CAkey",
          "ca.key",
          "-days",
          "1",
          "-out",
          "device.pem",
        );
        response.end(JSON.stringify({ certificate: readFileSync(join(this.folder, "device.pem"), "utf8") }));
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/enrol`;
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.folder, stdio: "ignore" });
  }
}

let authority: Authority;
let directory: string;

beforeEach(async () => {
  authority = new Authority();
  directory = join(temporaryFolder(), "identity");
  await new Promise<void>((done) => authority.server.listen(0, "127.0.0.1", done));
});
afterEach(() => new Promise((done) => authority.server.close(done)));

describe("a device", () => {
  it("makes a key of its own once, which nobody else can read", () => {
    const { keyFile, certificate } = openIdentity(directory);
    const key = readFileSync(keyFile, "utf8");
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    openIdentity(directory);
    expect(readFileSync(keyFile, "utf8")).toBe(key);
    expect(certificate).toBeUndefined();
  });

  it("gets a certificate for its claim token, from a request that OpenSSL understands", async () => {
    const certificate = await enrol(directory, { url: authority.url, id: "gate-1", token: authority.token });
    expect(certificate.subject).toBe("CN=gate-1");
    expect(openIdentity(directory).certificate?.fingerprint).toBe(certificate.fingerprint);
    const text = execFileSync("openssl", ["req", "-in", join(authority.folder, "device.csr"), "-noout", "-verify"], {
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(text).toBe("");
  });

  it.each([
    ["a wrong token", "claim-9999", /it answers 403: this token is not known/],
    ["no token", undefined, /a claim token is needed/],
  ])("gets none for %s", async (_, token, message) => {
    await expect(enrol(directory, { url: authority.url, id: "gate-1", token })).rejects.toThrow(message);
    expect(openIdentity(directory).certificate).toBeUndefined();
  });

  it("keeps the certificate it has when the new one is for another key or another device", async () => {
    const before = await enrol(directory, { url: authority.url, id: "gate-1", token: authority.token });
    authority.other = readFileSync(join(authority.folder, "device.csr"), "utf8");
    await expect(enrol(directory, { url: authority.url, id: "gate-2", token: authority.token })).rejects.toThrow(
      /it is for CN=gate-1, not for gate-2/,
    );
    const stranger = join(temporaryFolder(), "identity");
    await expect(enrol(stranger, { url: authority.url, id: "gate-1", token: authority.token })).rejects.toThrow(
      /it is for another key/,
    );
    expect(openIdentity(directory).certificate?.fingerprint).toBe(before.fingerprint);
  });

  it("does not send its token where anybody could read it", async () => {
    await expect(enrol(directory, { url: "http://fleet.example.org/enrol", id: "gate-1", token: "t" })).rejects.toThrow(
      /expected an https: address/,
    );
  });

  it("is due for another certificate when two thirds of its life are over", async () => {
    const certificate = await enrol(directory, { url: authority.url, id: "gate-1", token: authority.token });
    const from = Date.parse(certificate.validFrom);
    expect(isDue(certificate, from + 15 * 3_600_000)).toBe(false);
    expect(isDue(certificate, from + 17 * 3_600_000)).toBe(true);
  });
});
