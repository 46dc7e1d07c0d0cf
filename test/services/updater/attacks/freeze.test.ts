/**
 * Indefinite freeze (1.5.2 of the TUF specification): what was signed long ago is shown as if nothing had followed.
 * What an attacker has is said in each title: the wire alone, or stolen keys.
 */
import { describe, expect, it } from "vitest";
import { ExpiredError } from "../../../../services/updater/tuf-client.ts";
import { scene } from "../support/scene.ts";

const DAY = 86_400_000;
const TARGET_ROLES = ["targets", "releases", "modules", "models"] as const;
const at = scene();

describe("freeze (1.5.2): what was signed long ago is not called fresh:", () => {
  it.each([
    ["5.4.4 timestamp", 4],
    ["5.5.6 snapshot", 40],
    ["5.6.5 targets", 100],
  ])("%s, after its time", async (_, days) => {
    await at.visitor.visit();
    at.visitor.clock = { read: () => ({ time: Date.now() + days * DAY, isCertain: true, reason: "" }) };
    await expect(at.visitor.visit()).rejects.toThrow(ExpiredError);
  });

  it.each(["snapshot", ...TARGET_ROLES] as const)("%s alone is expired, the rest is fresh", async (role) => {
    await at.forger.forge(
      role,
      (signed) => Object.assign(signed, { version: signed.version + 1, expires: "2020-01-01T00:00:00Z" }),
      at.forger.keys(role),
    );
    await at.forger.reseal(
      role === "snapshot"
        ? {
            snapshot: (signed) => {
              signed.expires = "2020-01-01T00:00:00Z";
            },
          }
        : {},
    );
    await expect(at.everything()).rejects.toThrow(ExpiredError);
  });

  it("a clock that is set back does not make it fresh again", async () => {
    const real = Date.now();
    at.visitor.clock = { read: (floor) => ({ time: Math.max(floor, real + 2.9 * DAY), isCertain: true, reason: "" }) };
    await at.visitor.visit();
    await at.forger.forge(
      "timestamp",
      (signed) => Object.assign(signed, { version: signed.version + 1, expires: new Date(real + DAY).toISOString() }),
      at.forger.keys("timestamp"),
    );
    at.visitor.clock = { read: (floor) => ({ time: Math.max(floor, real), isCertain: true, reason: "" }) };
    await expect(at.visitor.visit()).rejects.toThrow(ExpiredError);
  });
});
