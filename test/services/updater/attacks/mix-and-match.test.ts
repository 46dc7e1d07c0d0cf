/**
 * Mix-and-match (1.5.2 of the TUF specification): files that never belonged together.
 * What an attacker has is said in each title: the wire alone, or stolen keys.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UntrustedError } from "../../../../services/updater/tuf-client.ts";
import { scene } from "../support/scene.ts";

const at = scene();

describe("mix-and-match (1.5.2):", () => {
  it("5.5.2, 5.5.4 an older snapshot under the newest name is refused", async () => {
    const old = readFileSync(at.repository.metadata(at.forger.fileOf("snapshot")));
    await at.repository.release("1.1.0");
    writeFileSync(at.repository.metadata(at.forger.fileOf("snapshot")), old);
    await expect(at.visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it.each(["releases", "modules", "models"] as const)(
    "5.6.2, 5.6.4 an older %s under the newest name is refused",
    async (role) => {
      const old = readFileSync(at.repository.metadata(at.forger.fileOf(role)));
      await at.repository.release("1.1.0");
      writeFileSync(at.repository.metadata(at.forger.fileOf(role)), old);
      await expect(at.everything()).rejects.toThrow(UntrustedError);
    },
  );

  it("5.6.4 a version other than the snapshot's is refused, even where the snapshot gives no hash", async () => {
    await at.forger.reseal({
      snapshot: (signed) => {
        signed.meta["releases.json"] = { version: 9 };
      },
    });
    cpSync(at.repository.metadata(at.forger.fileOf("releases")), at.repository.metadata("9.releases.json"));
    await expect(at.visitor.visit()).rejects.toThrow(/Version 2 of releases does not match snapshot version 9/);
  });
});
