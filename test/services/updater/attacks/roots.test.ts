/**
 * The chain of roots (5.3 of the TUF specification): who may say whose keys count.
 * What an attacker has is said in each title: the wire alone, or stolen keys.
 */
import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { rotate } from "../../../../services/updater/repository/changes.ts";
import { bytesOf } from "../../../../services/updater/repository/documents.ts";
import type { Signer } from "../../../../services/updater/repository/keys.ts";
import { ExpiredError, UntrustedError } from "../../../../services/updater/tuf-client.ts";
import { newSigner } from "../support/repository.ts";
import { scene } from "../support/scene.ts";

const at = scene();

describe("5.3.4 a root that is not signed by the threshold of both roots is refused:", () => {
  const next = (signers: readonly Signer[]) =>
    at.forger.forge(
      "root",
      (root) => {
        root.version = 2;
      },
      signers,
    );

  it("one signature of two", async () => {
    await next(at.forger.keys("root").slice(0, 1));
    await expect(at.visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("foreign keys", async () => {
    await next([newSigner(), newSigner()]);
    await expect(at.visitor.visit()).rejects.toThrow(/not trusted/);
  });

  it("the new keys only", async () => {
    const own = [newSigner(), newSigner()];
    await at.forger.forge(
      "root",
      (root) => {
        root.version = 2;
        for (const { id, publicKey } of own) root.keys[id] = publicKey;
        root.roles.root = { keyids: own.map(({ id }) => id), threshold: 2 };
      },
      own,
    );
    await expect(at.visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("the old keys only", async () => {
    const own = [newSigner(), newSigner()];
    await at.forger.forge(
      "root",
      (root) => {
        root.version = 2;
        for (const { id, publicKey } of own) root.keys[id] = publicKey;
        root.roles.root = { keyids: own.map(({ id }) => id), threshold: 2 };
      },
      at.forger.keys("root").slice(0, 2),
    );
    await expect(at.visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("one key that signs twice", async () => {
    const [thief] = at.forger.keys("root");
    const document = await next([thief!]);
    writeFileSync(
      at.repository.metadata("2.root.json"),
      bytesOf({ ...document, signatures: [...document.signatures, ...document.signatures] }),
    );
    await expect(at.visitor.visit()).rejects.toThrow(UntrustedError);
  });
});

describe("5.3 the chain of roots:", () => {
  it("5.3.5 a root of another version than its name is refused", async () => {
    const document = await at.forger.forge(
      "root",
      (root) => {
        root.version = 3;
      },
      at.forger.keys("root"),
    );
    writeFileSync(at.repository.metadata("2.root.json"), bytesOf(document));
    await expect(at.visitor.visit()).rejects.toThrow(/Expected version 2, got 3/);
  });

  it("5.3.3 a missing root in between leaves the device with what it had", async () => {
    await at.visitor.visit();
    for (const role of ["timestamp", "snapshot"] as const) {
      const fresh = newSigner();
      rotate(at.repository.workspace, role, {
        add: [fresh.publicKey],
        remove: [at.forger.keys(role)[0]!.id],
        threshold: 1,
      });
      at.repository.signers.set(role, [fresh]);
      await at.repository.publish();
    }
    rmSync(at.repository.metadata("2.root.json"));
    await expect(at.visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("5.3.10 an expired root ends trust, and a root that follows brings it back", async () => {
    await at.forger.forge(
      "root",
      (root) => Object.assign(root, { version: 2, expires: "2020-01-01T00:00:00Z" }),
      at.forger.keys("root"),
    );
    await expect(at.visitor.visit()).rejects.toThrow(ExpiredError);
    await at.forger.forge(
      "root",
      (root) => Object.assign(root, { version: 3, expires: "2099-01-01T00:00:00Z" }),
      at.forger.keys("root"),
    );
    expect((await at.visitor.visit()).versions["root"]).toBe(3);
  });

  it("is walked however long it is, one by one", async () => {
    for (let version = 2; version <= 40; version++)
      await at.forger.forge(
        "root",
        (root) => {
          root.version = version;
        },
        at.forger.keys("root"),
      );
    expect((await at.visitor.visit()).versions["root"]).toBe(40);
  });
});
