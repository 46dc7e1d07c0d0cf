/** What the doctor says about the broker: reached or not, and over TLS with whose certificates. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { brokerFinding } from "../../../services/cli/doctor/broker.ts";
import { parseConfig } from "../../../services/config/load.ts";
import { Authority, type Pair } from "../../support/certificates.ts";
import { Mosquitto } from "../../support/mosquitto.ts";

let fleet: Authority;
let foreign: Authority;
let device: Pair;
let broker: Mosquitto | undefined;

beforeAll(() => {
  fleet = new Authority("fleet");
  foreign = new Authority("foreign");
  device = fleet.sign("gate-1", "DNS:gate-1");
}, 30_000);

afterAll(() => {
  fleet.remove();
  foreign.remove();
});

afterEach(async () => {
  await broker?.remove();
  broker = undefined;
});

/** Certificates belong to a listener, which stands last in the file: they are written behind it. */
async function secured({ certificate, key }: Pair): Promise<string> {
  const files = { "ca.pem": fleet.own.certificate, "server.pem": certificate, "server.key": key };
  broker = await Mosquitto.start({ config: ["allow_anonymous true"], files });
  await broker.end();
  const of = (name: string) => join(broker?.directory ?? "", name);
  const lines = [`cafile ${of("ca.pem")}`, `certfile ${of("server.pem")}`, `keyfile ${of("server.key")}`];
  appendFileSync(of("mosquitto.conf"), `\n${[...lines, "require_certificate true"].join("\n")}\n`);
  await broker.start();
  return broker.url.replace("mqtt:", "mqtts:");
}

const ask = (url: string, tls: Record<string, string> = {}) =>
  brokerFinding(
    parseConfig(stringify({ version: 1, mqtt: { url, tls } }), join(fleet.directory, "nightjar.yaml")),
    url,
  );
const own = () => ({ ca: fleet.own.certificateFile, certificate: device.certificateFile, key: device.keyFile });

it("a broker without TLS answers, or is missing with the reason", async () => {
  broker = await Mosquitto.start();
  expect(await ask(broker.url)).toMatchObject({ status: "ok", found: `${broker.url} answers` });
  expect(await ask("mqtt://127.0.0.1:1")).toMatchObject({
    status: "missing",
    found: expect.stringContaining("connection refused"),
  });
});

describe("a broker with TLS that wants certificates", () => {
  it("answers a device of its fleet; a certificate that ends soon is a warning", async () => {
    const url = await secured(fleet.sign("server", "IP:127.0.0.1", 365));
    expect(await ask(url, own())).toMatchObject({ status: "ok", found: expect.stringContaining("is valid until 20") });
    await broker?.remove();
    const soon = await secured(fleet.sign("soon", "IP:127.0.0.1", 2));
    expect(await ask(soon, own())).toMatchObject({ status: "warning", remedy: expect.stringContaining("renew") });
  });

  it.each([
    ["of a foreign authority", () => foreign.sign("server", "IP:127.0.0.1"), "mqtt.tls.ca"],
    ["for another name", () => fleet.sign("named", "DNS:broker.example"), "is for another name"],
  ])("%s is not believed", async (_, pair, expected) => {
    expect(await ask(await secured(pair()), own())).toMatchObject({
      status: "missing",
      found: expect.stringContaining(expected),
    });
  });

  it("refuses a device without a certificate, and that is said", async () => {
    const url = await secured(fleet.sign("server", "IP:127.0.0.1", 365));
    const found = await ask(url, { ca: fleet.own.certificateFile });
    expect(found).toMatchObject({ status: "missing", found: expect.stringContaining("mqtt.tls.certificate") });
  });
});
