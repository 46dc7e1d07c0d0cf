/**
 * Arbitrary software (1.5.2 of the TUF specification): metadata by keys that nobody trusts.
 * What an attacker has is said in each title: the wire alone, or stolen keys.
 */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bytesOf } from "../../../../services/updater/repository/documents.ts";
import { UntrustedError } from "../../../../services/updater/tuf-client.ts";
import { newSigner } from "../support/repository.ts";
import { scene } from "../support/scene.ts";

const TARGET_ROLES = ["targets", "releases", "modules", "models"] as const;
const at = scene();

describe("arbitrary software (1.5.2): metadata by foreign keys is refused:", () => {
  it("5.4.2 timestamp", async () => {
    await at.forger.forge(
      "timestamp",
      (signed) => {
        signed.version += 1;
      },
      [newSigner()],
    );
    await expect(at.visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("5.5.3 snapshot, with a stolen timestamp key", async () => {
    at.repository.signers.set("snapshot", [newSigner()]);
    await at.forger.reseal();
    await expect(at.visitor.visit()).rejects.toThrow(/snapshot was signed by 0\/1 keys/);
  });

  it.each(TARGET_ROLES)("5.6.3 %s, with stolen keys of snapshot and timestamp", async (role) => {
    await at.forger.forge(
      role,
      (signed) => {
        signed.version += 1;
      },
      [newSigner()],
    );
    await at.forger.reseal();
    await expect(at.everything()).rejects.toThrow(new RegExp(`${role} was signed by 0/1 keys`));
  });

  it("a key that is listed under two ids counts once", async () => {
    const [thief] = at.forger.keys("root");
    const document = await at.forger.forge(
      "root",
      (root) => {
        root.version = 2;
        root.keys["0".repeat(64)] = thief!.publicKey;
        root.roles.root.keyids.push("0".repeat(64));
      },
      [thief!],
    );
    const twice = [...document.signatures, { keyid: "0".repeat(64), sig: document.signatures[0]!.sig }];
    writeFileSync(at.repository.metadata("2.root.json"), bytesOf({ ...document, signatures: twice }));
    // The root before knows the key under one id only.
    await expect(at.visitor.visit()).rejects.toThrow(/signed by 1\/2 keys/);
  });

  it("a role whose key ids repeat is not valid", async () => {
    await at.forger.forge(
      "root",
      (root) => {
        root.version = 2;
        root.roles.timestamp = {
          keyids: [...root.roles.timestamp.keyids, ...root.roles.timestamp.keyids],
          threshold: 2,
        };
      },
      at.forger.keys("root"),
    );
    await expect(at.visitor.visit()).rejects.toThrow(/duplicate key IDs/);
  });

  it.each([
    [
      "another type",
      (signed: { _type: string }) => {
        signed._type = "snapshot";
      },
    ],
    [
      "a specification that nobody knows",
      (signed: { spec_version: string }) => {
        signed.spec_version = "2.0.0";
      },
    ],
    [
      "an expiry that is no time",
      (signed: { expires: string }) => {
        signed.expires = "never";
      },
    ],
  ])("%s, properly signed, is refused", async (_, change) => {
    await at.forger.forge("timestamp", change as never, at.forger.keys("timestamp"));
    await expect(at.visitor.visit()).rejects.toThrow(UntrustedError);
  });
});
