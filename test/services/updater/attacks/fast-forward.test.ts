/**
 * Fast-forward (1.5.2 of the TUF specification): versions pushed up, so that honest ones look old; and the recovery from it (5.3.11).
 * What an attacker has is said in each title: the wire alone, or stolen keys.
 */
import { describe, expect, it } from "vitest";
import { rotate } from "../../../../services/updater/repository/changes.ts";
import { UnreachableError } from "../../../../services/updater/transport.ts";
import { newSigner } from "../support/repository.ts";
import { scene } from "../support/scene.ts";

const at = scene();

describe("fast-forward (1.5.2):", () => {
  it.each(["timestamp", "snapshot"] as const)(
    "5.3.11 the device recovers when the keys of %s are replaced",
    async (role) => {
      const honest = at.forger.record();
      const high = (signed: { version: number }) => {
        signed.version = 2_000_000;
      };
      await at.forger.reseal(role === "timestamp" ? { timestamp: high } : { snapshot: high });
      await at.visitor.visit();
      at.forger.replay(honest);
      await expect(at.visitor.visit()).rejects.toThrow(/is less than/);
      const fresh = newSigner();
      rotate(at.repository.workspace, role, {
        add: [fresh.publicKey],
        remove: [at.forger.keys(role)[0]!.id],
        threshold: 1,
      });
      at.repository.signers.set(role, [fresh]);
      await at.repository.publish();
      expect((await at.visitor.visit()).versions[role]).toBeLessThan(100);
    },
  );

  it("5.3.11 the device recovers although the first visit after the rotation is cut off behind the root", async () => {
    const honest = at.forger.record();
    await at.forger.reseal({
      timestamp: (signed) => {
        signed.version = 2_000_000;
      },
    });
    await at.visitor.visit();
    at.forger.replay(honest);
    const fresh = newSigner();
    rotate(at.repository.workspace, "timestamp", { add: [fresh.publicKey], remove: [], threshold: 1 });
    at.repository.signers.set("timestamp", [fresh]);
    await at.repository.publish();
    at.server.trick = (_, response, path) => path.endsWith("timestamp.json") && response.destroy() !== undefined;
    await expect(at.visitor.visit()).rejects.toThrow(UnreachableError);
    at.server.trick = undefined;
    expect((await at.visitor.visit()).versions["timestamp"]).toBeLessThan(100);
  });
});
