/**
 * Key compromise (1.5.2 of the TUF specification): stolen keys, replaced ones, and what a delegated role may not do (5.6.7).
 * What an attacker has is said in each title: the wire alone, or stolen keys.
 */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { rotate } from "../../../../services/updater/repository/changes.ts";
import { newSigner } from "../support/repository.ts";
import { scene } from "../support/scene.ts";

const at = scene();

describe("key compromise (1.5.2):", () => {
  it.each(["timestamp", "snapshot", "targets", "releases", "modules", "models"] as const)(
    "the key of %s is replaced, and what the old one signs counts no more",
    async (role) => {
      await at.everything();
      const thief = at.forger.keys(role)[0]!;
      const fresh = newSigner();
      rotate(at.repository.workspace, role, { add: [fresh.publicKey], remove: [thief.id], threshold: 1 });
      at.repository.signers.set(role, [fresh]);
      await at.repository.publish();
      await at.everything();
      await at.forger.forge(
        role,
        (signed) => {
          signed.version += 1;
        },
        [thief],
      );
      if (role !== "timestamp" && role !== "snapshot") await at.forger.reseal();
      if (role === "snapshot")
        await at.forger.forge(
          "timestamp",
          (signed) => {
            signed.version += 1;
            signed.meta["snapshot.json"] = { version: at.forger.read("snapshot").signed.version };
          },
          at.forger.keys("timestamp"),
        );
      await expect(at.everything()).rejects.toThrow(/was signed by 0\/1 keys/);
    },
  );

  it("the keys of the root are replaced one by one, and the old ones count no more", async () => {
    const old = at.forger.keys("root");
    for (const leaving of old) {
      const fresh = newSigner();
      rotate(at.repository.workspace, "root", { add: [fresh.publicKey], remove: [leaving.id], threshold: undefined });
      at.repository.signers.set("root", [...at.forger.keys("root"), fresh]);
      await at.repository.publish();
    }
    expect((await at.visitor.visit()).versions["root"]).toBe(4);
    await at.forger.forge(
      "root",
      (root) => {
        root.version = 5;
      },
      old,
    );
    await expect(at.visitor.visit()).rejects.toThrow(/root was signed by 0\/2 keys/);
  });

  it("a role that nothing is delegated to any more is not listened to, whatever lies on the disk", async () => {
    expect(await at.visitor.visit(async (session) => session.releases().length)).toBe(1);
    await at.forger.forge(
      "targets",
      (signed) => {
        signed.version += 1;
        signed.delegations.roles = signed.delegations.roles.filter(({ name }: { name: string }) => name !== "releases");
      },
      at.forger.keys("targets"),
    );
    await at.forger.reseal();
    expect(await at.visitor.visit(async (session) => session.releases())).toEqual([]);
    expect(existsSync(at.visitor.metadata)).toBe(true);
  });

  it("a delegated role that signs targets of another is not asked for them", async () => {
    await at.forger.forge(
      "models",
      (signed) => {
        signed.version += 1;
        signed.targets["modules/street/1.0.0/evil.wasm"] = { length: 1, hashes: { sha256: "0".repeat(64) } };
      },
      at.forger.keys("models"),
    );
    await at.forger.reseal();
    expect(await at.visitor.visit((session) => session.target("modules/street/1.0.0/evil.wasm"))).toBeUndefined();
  });
});
