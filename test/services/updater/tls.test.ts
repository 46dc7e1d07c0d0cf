/** The fetcher over TLS with client certificates, against a real server: what goes wrong is said in one message each. */
import { writeFileSync } from "node:fs";
import { createServer, type Server, type ServerOptions } from "node:https";
import { type AddressInfo, createServer as createPlainServer, type Server as PlainServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { loadConfig } from "../../../services/config/load.ts";
import { configuredTransport } from "../../../services/supervisor/configured-updater.ts";
import { Transport, type TransportOptions } from "../../../services/updater/transport.ts";
import { Authority, type Pair } from "../../support/certificates.ts";
import { TestRepository } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";
import { Visitor } from "./support/visitor.ts";

let fleet: Authority;
let foreign: Authority;
let server: Pair;
let device: Pair;
const open: (Server | PlainServer)[] = [];

beforeAll(() => {
  fleet = new Authority("fleet");
  foreign = new Authority("foreign");
  server = fleet.sign("server", "IP:127.0.0.1");
  device = fleet.sign("gate-1", "DNS:gate-1");
}, 30_000);

afterAll(() => {
  fleet.remove();
  foreign.remove();
});

afterEach(async () => {
  for (const each of open.splice(0)) {
    if ("closeAllConnections" in each) each.closeAllConnections();
    await new Promise((done) => each.close(done));
  }
});

async function listen(server: Server | PlainServer): Promise<number> {
  open.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}

/** A server that wants certificates of the fleet, with this one of its own. @returns its address */
async function start({ certificate, key }: Pair, options: ServerOptions = {}): Promise<string> {
  const wants = { ca: fleet.own.certificate, requestCert: true, rejectUnauthorized: true };
  const made = createServer({ cert: certificate, key, ...wants, ...options }, (asked, answer) => {
    answer.end(
      `for ${(asked.socket as unknown as { getPeerCertificate(): { subject?: { CN: string } } }).getPeerCertificate().subject?.CN}`,
    );
  });
  return `https://127.0.0.1:${await listen(made)}/metadata/timestamp.json`;
}

const own = (pair: Pair = device): TransportOptions["tls"] => ({
  ca: fleet.own.certificate,
  certificate: pair.certificate,
  key: pair.key,
});

async function ask(url: string, tls: TransportOptions["tls"]): Promise<string> {
  const transport = new Transport({ idleMs: 5000, rate: 0, userAgent: "test", tls });
  try {
    const { body } = await transport.open(url, 0, undefined);
    let text = "";
    for await (const chunk of body) text += chunk;
    return text;
  } finally {
    transport.close();
  }
}

describe.each(["TLSv1.2", "TLSv1.3"] as const)("over %s", (version) => {
  const only = { minVersion: version, maxVersion: version };

  it("a device shows its certificate and gets what it asks for", async () => {
    expect(await ask(await start(server, only), own())).toBe("for gate-1");
  });

  it("a server of a foreign authority is not believed", async () => {
    const url = await start(foreign.sign("server", "IP:127.0.0.1"), only);
    await expect(ask(url, own())).rejects.toThrow(
      /^https:\S+ cannot be fetched: its certificate comes from an authority that this device does not trust: name the authority's certificate in updates\.tls\.ca$/,
    );
  });

  it("a server whose authority is in no file of the system is not believed", async () => {
    const { ca: _, ...without } = own() as { ca: string };
    await expect(ask(await start(server, only), without)).rejects.toThrow(/authority that this device does not trust/);
  });

  it("a server's expired certificate is refused", async () => {
    const url = await start(fleet.sign("old", "IP:127.0.0.1", -1), only);
    await expect(ask(url, own())).rejects.toThrow(
      /cannot be fetched: its certificate has expired: renew it on the server, or correct this device's clock$/,
    );
  });

  it("a certificate for another name is refused", async () => {
    const url = await start(fleet.sign("named", "DNS:updates.example"), only);
    await expect(ask(url, own())).rejects.toThrow(/cannot be fetched: its certificate is for another name: /);
  });

  it("a device without a certificate is told that it needs one", async () => {
    await expect(ask(await start(server, only), { ca: fleet.own.certificate })).rejects.toThrow(
      /wants? a certificate from this device: set updates\.tls\.certificate and updates\.tls\.key/,
    );
  });

  it("a certificate that the server does not accept is named as what is wrong", async () => {
    const url = await start(server, only);
    const message =
      /where it wants a certificate from this device, updates\.tls\.certificate has to be one that it accepts/;
    await expect(ask(url, own(foreign.sign("stranger", "DNS:gate-1")))).rejects.toThrow(message);
    await expect(ask(url, own(fleet.sign("late", "DNS:gate-1", -1)))).rejects.toThrow(message);
  });
});

it("a port that speaks no TLS is told apart", async () => {
  const port = await listen(
    createPlainServer((socket) =>
      socket.on("error", () => {}).end("220 not what you think\r\n", () => socket.destroy()),
    ),
  );
  await expect(ask(`https://127.0.0.1:${port}/`, own())).rejects.toThrow(/no TLS is spoken there/);
});

it("a repository is walked over TLS with a certificate, and by nobody without", async () => {
  const repository = await TestRepository.create();
  await repository.release("1.0.0");
  const files = await StaticServer.start(repository.publicDirectory);
  const front = createServer(
    {
      cert: server.certificate,
      key: server.key,
      ca: fleet.own.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    async ({ url }, answer) => {
      const { status, arrayBuffer } = await fetch(new URL(url ?? "/", files.url)).then(async (found) => {
        const bytes = await found.arrayBuffer();
        return { status: found.status, arrayBuffer: bytes };
      });
      answer.writeHead(status, { "content-length": arrayBuffer.byteLength }).end(Buffer.from(arrayBuffer));
    },
  );
  const address = `https://127.0.0.1:${await listen(front)}/`;
  const enrolled = new Visitor(address, repository.firstRoot, { tls: own() });
  expect((await enrolled.visit()).versions["releases"]).toBe(2);
  const stranger = new Visitor(address, repository.firstRoot, { tls: { ca: fleet.own.certificate } });
  await expect(stranger.visit()).rejects.toThrow(/wants a certificate from this device/);
  await files.stop();
});

describe("updates.tls", () => {
  const transportOf = (tls: Record<string, string>) => {
    const file = join(fleet.directory, "nightjar.yaml");
    writeFileSync(file, stringify({ version: 1, updates: { tls } }));
    return () => configuredTransport(loadConfig(file)).close();
  };

  it("is taken when the three files fit", () => {
    const { certificateFile: certificate, keyFile: key } = device;
    expect(transportOf({ ca: fleet.own.certificateFile, certificate, key })).not.toThrow();
  });

  it("is refused when the key belongs to another certificate", () => {
    const broken = transportOf({ certificate: device.certificateFile, key: server.keyFile });
    expect(broken).toThrow("updates.tls: key is not the key of certificate");
  });

  it("is refused when one of the pair is missing", () => {
    expect(transportOf({ certificate: device.certificateFile })).toThrow(
      "updates.tls.certificate is set and updates.tls.key is not: both belong together",
    );
  });

  it("is refused when a file is not there, or no PEM", () => {
    expect(transportOf({ ca: "/nowhere/ca.pem" })).toThrow(
      "updates.tls.ca: /nowhere/ca.pem: there is no such file; expected a file in PEM",
    );
    const file = join(fleet.directory, "nonsense.pem");
    writeFileSync(file, "nonsense");
    expect(transportOf({ certificate: file, key: device.keyFile })).toThrow(/updates\.tls: a file holds no PEM/);
  });
});
