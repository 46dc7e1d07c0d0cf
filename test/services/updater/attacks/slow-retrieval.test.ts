/**
 * Slow retrieval (1.5.2 of the TUF specification, among the malicious mirrors): answers that trickle, stall or break off, so
 * that a device neither updates nor learns why. The attacker has the wire alone. Bodies of targets are in ../downloads.test.ts.
 */
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { UnreachableError } from "../../../../services/updater/transport.ts";
import { scene } from "../support/scene.ts";
import { Visitor } from "../support/visitor.ts";

const IDLE_MS = 250;
const at = scene();

/** The true file, served as `send` likes. */
function serve(name: string, send: (response: ServerResponse, bytes: Buffer) => void): void {
  at.server.trick = (_, response, path) => {
    if (!path.endsWith(name)) return false;
    response.on("error", () => {});
    send(response, readFileSync(at.repository.metadata(path.replace("metadata/", ""))));
    return true;
  };
}

describe.each(["timestamp.json", "snapshot.json", "releases.json"])("%s", (name) => {
  it("that trickles in byte by byte is given up", async () => {
    const timers: NodeJS.Timeout[] = [];
    serve(name, (response, bytes) => {
      response.writeHead(200, { "content-length": bytes.length });
      let sent = 0;
      timers.push(setInterval(() => response.write(bytes.subarray(sent, ++sent)), 20));
    });
    const impatient = new Visitor(at.server.url, at.repository.firstRoot, { idleMs: IDLE_MS });
    const began = performance.now();
    await expect(impatient.visit()).rejects.toThrow(/came within 0\.25 s/);
    expect(performance.now() - began).toBeLessThan(5000);
    for (const timer of timers) clearInterval(timer);
  });

  it("that never comes is given up", async () => {
    serve(name, () => {});
    const impatient = new Visitor(at.server.url, at.repository.firstRoot, { idleMs: IDLE_MS });
    await expect(impatient.visit()).rejects.toThrow(/no answer within 0\.25 s/);
  });

  it("that breaks off is not taken for an attack, and taken when it comes whole", async () => {
    serve(name, (response, bytes) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 100), () => response.destroy());
    });
    await expect(at.visitor.visit()).rejects.toThrow(UnreachableError);
    at.server.trick = undefined;
    expect((await at.visitor.visit()).versions["releases"]).toBe(2);
  });

  it("that ends early and says that this is all is refused", async () => {
    serve(name, (response, bytes) => void response.writeHead(200).end(bytes.subarray(0, bytes.length / 2)));
    await expect(at.visitor.visit()).rejects.toThrow(/the repository is not trusted/);
    at.server.trick = undefined;
    expect((await at.visitor.visit()).versions["releases"]).toBe(2);
  });
});
