/**
 * Rollback (1.5.2 of the TUF specification): what was current once is shown again.
 * What an attacker has is said in each title: the wire alone, or stolen keys.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scene } from "../support/scene.ts";

const TARGET_ROLES = ["targets", "releases", "modules", "models"] as const;
const at = scene();

/** Damages the newest of two generations. @returns its name */
function tear(change: (whole: Buffer) => Uint8Array): string {
  const newest = readdirSync(at.visitor.metadata).findLast((name) => name.startsWith("gen-"));
  const file = join(at.visitor.metadata, newest!);
  writeFileSync(file, change(readFileSync(file)));
  return newest!;
}

describe("rollback (1.5.2):", () => {
  it("5.4.3.1 an older timestamp is refused", async () => {
    const old = at.forger.record();
    await at.repository.release("1.1.0");
    await at.visitor.visit();
    at.forger.replay(old);
    await expect(at.visitor.visit()).rejects.toThrow(/New timestamp version 2 is less than current version 3/);
  });

  it("5.4.3.2 a newer timestamp with an older snapshot is refused, with a stolen timestamp key", async () => {
    await at.repository.release("1.1.0");
    await at.visitor.visit();
    const older = (signed: { version: number; meta: object }) =>
      Object.assign(signed, { version: signed.version + 1, meta: { "snapshot.json": { version: 1 } } });
    await at.forger.forge("timestamp", older, at.forger.keys("timestamp"));
    await expect(at.visitor.visit()).rejects.toThrow(/New snapshot version 1 is less than current version 3/);
  });

  it.each(TARGET_ROLES)(
    "5.5.5 a snapshot with an older %s is refused, with stolen keys of snapshot and timestamp",
    async (role) => {
      const { version } = at.forger.read(role).signed;
      await at.forger.forge(
        role,
        (signed) => {
          signed.version += 1;
        },
        at.forger.keys(role),
      );
      await at.forger.reseal();
      await at.everything();
      await at.forger.reseal({
        snapshot: (signed) => {
          signed.meta[`${role}.json`] = { version };
        },
      });
      await expect(at.visitor.visit()).rejects.toThrow(
        new RegExp(`New version ${version} of ${role}.json is less than current version`),
      );
    },
  );

  it.each(TARGET_ROLES)(
    "5.5.5 a snapshot that has forgotten %s is refused, with stolen keys of snapshot and timestamp",
    async (role) => {
      await at.everything();
      await at.forger.reseal({ snapshot: (signed) => void delete signed.meta[`${role}.json`] });
      await expect(at.visitor.visit()).rejects.toThrow(new RegExp(`Missing file ${role}.json in new snapshot`));
    },
  );

  it("is refused when the device has lost all its metadata", async () => {
    const old = at.forger.record();
    await at.repository.release("1.1.0");
    await at.visitor.visit();
    at.forger.replay(old);
    rmSync(at.visitor.metadata, { recursive: true });
    await expect(at.visitor.visit()).rejects.toThrow(/this device has seen \d+: somebody replays old metadata/);
    expect(readdirSync(at.visitor.metadata).filter((name) => name.startsWith("gen-"))).toEqual([]);
  });

  it("is refused when the newest generation was torn by a power cut", async () => {
    const old = at.forger.record();
    await at.visitor.visit();
    await at.repository.release("1.1.0");
    await at.visitor.visit();
    const newest = tear((whole) => whole.subarray(0, whole.length / 2));
    at.forger.replay(old);
    await expect(at.visitor.visit()).rejects.toThrow(/somebody replays old metadata/);
    expect(at.visitor.warnings.join()).toContain(`${newest} is torn`);
  });

  it.each([
    ["is empty", () => Buffer.alloc(0)],
    ["has one other character", (whole: Buffer) => Buffer.from(whole.toString().replace("timestamp", "timestomp"))],
    ["has lost its root", (whole: Buffer) => Buffer.from(whole.toString().replace("root.json", "toor.json"))],
  ])("a newest generation that %s leaves the device able to update", async (_, change) => {
    await at.visitor.visit();
    await at.repository.release("1.1.0");
    await at.visitor.visit();
    tear(change);
    await at.repository.release("1.2.0");
    expect((await at.visitor.visit()).versions["releases"]).toBe(4);
  });

  it("of the root, by a server that hides the newer ones, is refused when all metadata is lost", async () => {
    await at.forger.forge(
      "root",
      (root) => {
        root.version = 2;
      },
      at.forger.keys("root"),
    );
    await at.visitor.visit();
    rmSync(at.repository.metadata("2.root.json"));
    rmSync(at.visitor.metadata, { recursive: true });
    await expect(at.visitor.visit()).rejects.toThrow(/version 1 of root; this device has seen 2/);
  });
});
