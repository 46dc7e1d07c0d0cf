/**
 * The attacks that the TUF specification names (1.5.2, and the checks of the client's workflow in section 5), carried out on
 * a real repository. What an attacker may have is said in each title: the wire alone, or stolen keys.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rotate } from "../../../services/updater/repository/changes.ts";
import { bytesOf } from "../../../services/updater/repository/documents.ts";
import type { Signer } from "../../../services/updater/repository/keys.ts";
import { UnreachableError } from "../../../services/updater/transport.ts";
import { ExpiredError, UntrustedError } from "../../../services/updater/tuf-client.ts";
import { Forger } from "./support/forge.ts";
import { newSigner, TestRepository } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";
import { Visitor } from "./support/visitor.ts";

const DAY = 86_400_000;
const TARGET_ROLES = ["targets", "releases", "modules", "models"] as const;

let repository: TestRepository;
let server: StaticServer;
let forger: Forger;
let visitor: Visitor;

beforeEach(async () => {
  repository = await TestRepository.create({ root: [3, 2] });
  await repository.release("1.0.0");
  server = await StaticServer.start(repository.publicDirectory);
  forger = new Forger(repository);
  visitor = new Visitor(server.url, repository.firstRoot);
});

afterEach(() => server.stop());

/** Every role that a release needs: the walk goes through modules and models only for their targets. */
const everything = () =>
  visitor.visit(async (session, walk) => {
    for (const target of ["modules/street/1.0.0/module.wasm", "models/street/1.0.0/model.onnx"])
      await session.target(target);
    session.keep();
    return walk;
  });

describe("5.3.4 a root that is not signed by the threshold of both roots is refused:", () => {
  const next = (signers: readonly Signer[]) =>
    forger.forge(
      "root",
      (root) => {
        root.version = 2;
      },
      signers,
    );

  it("one signature of two", async () => {
    await next(forger.keys("root").slice(0, 1));
    await expect(visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("foreign keys", async () => {
    await next([newSigner(), newSigner()]);
    await expect(visitor.visit()).rejects.toThrow(/not trusted/);
  });

  it("the new keys only", async () => {
    const own = [newSigner(), newSigner()];
    await forger.forge(
      "root",
      (root) => {
        root.version = 2;
        for (const { id, publicKey } of own) root.keys[id] = publicKey;
        root.roles.root = { keyids: own.map(({ id }) => id), threshold: 2 };
      },
      own,
    );
    await expect(visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("the old keys only", async () => {
    const own = [newSigner(), newSigner()];
    await forger.forge(
      "root",
      (root) => {
        root.version = 2;
        for (const { id, publicKey } of own) root.keys[id] = publicKey;
        root.roles.root = { keyids: own.map(({ id }) => id), threshold: 2 };
      },
      forger.keys("root").slice(0, 2),
    );
    await expect(visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("one key that signs twice", async () => {
    const [thief] = forger.keys("root");
    const document = await next([thief!]);
    writeFileSync(
      repository.metadata("2.root.json"),
      bytesOf({ ...document, signatures: [...document.signatures, ...document.signatures] }),
    );
    await expect(visitor.visit()).rejects.toThrow(UntrustedError);
  });
});

describe("5.3 the chain of roots:", () => {
  it("5.3.5 a root of another version than its name is refused", async () => {
    const document = await forger.forge(
      "root",
      (root) => {
        root.version = 3;
      },
      forger.keys("root"),
    );
    writeFileSync(repository.metadata("2.root.json"), bytesOf(document));
    await expect(visitor.visit()).rejects.toThrow(/Expected version 2, got 3/);
  });

  it("5.3.3 a missing root in between leaves the device with what it had", async () => {
    await visitor.visit();
    for (const role of ["timestamp", "snapshot"] as const) {
      const fresh = newSigner();
      rotate(repository.workspace, role, { add: [fresh.publicKey], remove: [forger.keys(role)[0]!.id], threshold: 1 });
      repository.signers.set(role, [fresh]);
      await repository.publish();
    }
    rmSync(repository.metadata("2.root.json"));
    await expect(visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("5.3.10 an expired root ends trust, and a root that follows brings it back", async () => {
    await forger.forge(
      "root",
      (root) => Object.assign(root, { version: 2, expires: "2020-01-01T00:00:00Z" }),
      forger.keys("root"),
    );
    await expect(visitor.visit()).rejects.toThrow(ExpiredError);
    await forger.forge(
      "root",
      (root) => Object.assign(root, { version: 3, expires: "2099-01-01T00:00:00Z" }),
      forger.keys("root"),
    );
    expect((await visitor.visit()).versions["root"]).toBe(3);
  });

  it("is walked however long it is, one by one", async () => {
    for (let version = 2; version <= 40; version++)
      await forger.forge(
        "root",
        (root) => {
          root.version = version;
        },
        forger.keys("root"),
      );
    expect((await visitor.visit()).versions["root"]).toBe(40);
  });
});

describe("arbitrary software (1.5.2): metadata by foreign keys is refused:", () => {
  it("5.4.2 timestamp", async () => {
    await forger.forge(
      "timestamp",
      (signed) => {
        signed.version += 1;
      },
      [newSigner()],
    );
    await expect(visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it("5.5.3 snapshot, with a stolen timestamp key", async () => {
    repository.signers.set("snapshot", [newSigner()]);
    await forger.reseal();
    await expect(visitor.visit()).rejects.toThrow(/snapshot was signed by 0\/1 keys/);
  });

  it.each(TARGET_ROLES)("5.6.3 %s, with stolen keys of snapshot and timestamp", async (role) => {
    await forger.forge(
      role,
      (signed) => {
        signed.version += 1;
      },
      [newSigner()],
    );
    await forger.reseal();
    await expect(everything()).rejects.toThrow(new RegExp(`${role} was signed by 0/1 keys`));
  });

  it("a key that is listed under two ids counts once", async () => {
    const [thief] = forger.keys("root");
    const document = await forger.forge(
      "root",
      (root) => {
        root.version = 2;
        root.keys["0".repeat(64)] = thief!.publicKey;
        root.roles.root.keyids.push("0".repeat(64));
      },
      [thief!],
    );
    const twice = [...document.signatures, { keyid: "0".repeat(64), sig: document.signatures[0]!.sig }];
    writeFileSync(repository.metadata("2.root.json"), bytesOf({ ...document, signatures: twice }));
    // The root before knows the key under one id only.
    await expect(visitor.visit()).rejects.toThrow(/signed by 1\/2 keys/);
  });

  it("a role whose key ids repeat is not valid", async () => {
    await forger.forge(
      "root",
      (root) => {
        root.version = 2;
        root.roles.timestamp = {
          keyids: [...root.roles.timestamp.keyids, ...root.roles.timestamp.keyids],
          threshold: 2,
        };
      },
      forger.keys("root"),
    );
    await expect(visitor.visit()).rejects.toThrow(/duplicate key IDs/);
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
    await forger.forge("timestamp", change as never, forger.keys("timestamp"));
    await expect(visitor.visit()).rejects.toThrow(UntrustedError);
  });
});

describe("rollback (1.5.2):", () => {
  it("5.4.3.1 an older timestamp is refused", async () => {
    const old = forger.record();
    await repository.release("1.1.0");
    await visitor.visit();
    forger.replay(old);
    await expect(visitor.visit()).rejects.toThrow(/New timestamp version 2 is less than current version 3/);
  });

  it("5.4.3.2 a newer timestamp with an older snapshot is refused, with a stolen timestamp key", async () => {
    await repository.release("1.1.0");
    await visitor.visit();
    const older = (signed: { version: number; meta: object }) =>
      Object.assign(signed, { version: signed.version + 1, meta: { "snapshot.json": { version: 1 } } });
    await forger.forge("timestamp", older, forger.keys("timestamp"));
    await expect(visitor.visit()).rejects.toThrow(/New snapshot version 1 is less than current version 3/);
  });

  it.each(TARGET_ROLES)(
    "5.5.5 a snapshot with an older %s is refused, with stolen keys of snapshot and timestamp",
    async (role) => {
      const { version } = forger.read(role).signed;
      await forger.forge(
        role,
        (signed) => {
          signed.version += 1;
        },
        forger.keys(role),
      );
      await forger.reseal();
      await everything();
      await forger.reseal({
        snapshot: (signed) => {
          signed.meta[`${role}.json`] = { version };
        },
      });
      await expect(visitor.visit()).rejects.toThrow(
        new RegExp(`New version ${version} of ${role}.json is less than current version`),
      );
    },
  );

  it.each(TARGET_ROLES)(
    "5.5.5 a snapshot that has forgotten %s is refused, with stolen keys of snapshot and timestamp",
    async (role) => {
      await everything();
      await forger.reseal({ snapshot: (signed) => void delete signed.meta[`${role}.json`] });
      await expect(visitor.visit()).rejects.toThrow(new RegExp(`Missing file ${role}.json in new snapshot`));
    },
  );

  it("is refused when the device has lost all its metadata", async () => {
    const old = forger.record();
    await repository.release("1.1.0");
    await visitor.visit();
    forger.replay(old);
    rmSync(visitor.metadata, { recursive: true });
    await expect(visitor.visit()).rejects.toThrow(/this device has seen \d+: somebody replays old metadata/);
    expect(readdirSync(visitor.metadata).filter((name) => name.startsWith("gen-"))).toEqual([]);
  });

  it("is refused when the newest generation was torn by a power cut", async () => {
    const old = forger.record();
    await visitor.visit();
    await repository.release("1.1.0");
    await visitor.visit();
    const [, newest] = readdirSync(visitor.metadata)
      .filter((name) => name.startsWith("gen-"))
      .sort();
    for (const name of ["timestamp", "snapshot"])
      writeFileSync(join(visitor.metadata, newest!, `${name}.json`), '{"signatures": [');
    forger.replay(old);
    await expect(visitor.visit()).rejects.toThrow(/somebody replays old metadata/);
    expect(visitor.warnings.join()).toContain(`${newest} is torn`);
  });

  it("a torn root leaves the device able to update", async () => {
    await visitor.visit();
    await repository.release("1.1.0");
    await visitor.visit();
    const [, newest] = readdirSync(visitor.metadata)
      .filter((name) => name.startsWith("gen-"))
      .sort();
    writeFileSync(join(visitor.metadata, newest!, "root.json"), "");
    await repository.release("1.2.0");
    expect((await visitor.visit()).versions["releases"]).toBe(4);
  });

  it("of the root, by a server that hides the newer ones, is refused when all metadata is lost", async () => {
    await forger.forge(
      "root",
      (root) => {
        root.version = 2;
      },
      forger.keys("root"),
    );
    await visitor.visit();
    rmSync(repository.metadata("2.root.json"));
    rmSync(visitor.metadata, { recursive: true });
    await expect(visitor.visit()).rejects.toThrow(/version 1 of root; this device has seen 2/);
  });
});

describe("freeze (1.5.2): what was signed long ago is not called fresh:", () => {
  it.each([
    ["5.4.4 timestamp", 4],
    ["5.5.6 snapshot", 40],
    ["5.6.5 targets", 100],
  ])("%s, after its time", async (_, days) => {
    await visitor.visit();
    visitor.clock = { read: () => ({ time: Date.now() + days * DAY, isCertain: true, reason: "" }) };
    await expect(visitor.visit()).rejects.toThrow(ExpiredError);
  });

  it.each(["snapshot", ...TARGET_ROLES] as const)("%s alone is expired, the rest is fresh", async (role) => {
    await forger.forge(
      role,
      (signed) => Object.assign(signed, { version: signed.version + 1, expires: "2020-01-01T00:00:00Z" }),
      forger.keys(role),
    );
    await forger.reseal(
      role === "snapshot"
        ? {
            snapshot: (signed) => {
              signed.expires = "2020-01-01T00:00:00Z";
            },
          }
        : {},
    );
    await expect(everything()).rejects.toThrow(ExpiredError);
  });

  it("a clock that is set back does not make it fresh again", async () => {
    const real = Date.now();
    visitor.clock = { read: (floor) => ({ time: Math.max(floor, real + 2.9 * DAY), isCertain: true, reason: "" }) };
    await visitor.visit();
    await forger.forge(
      "timestamp",
      (signed) => Object.assign(signed, { version: signed.version + 1, expires: new Date(real + DAY).toISOString() }),
      forger.keys("timestamp"),
    );
    visitor.clock = { read: (floor) => ({ time: Math.max(floor, real), isCertain: true, reason: "" }) };
    await expect(visitor.visit()).rejects.toThrow(ExpiredError);
  });
});

describe("fast-forward (1.5.2):", () => {
  it.each(["timestamp", "snapshot"] as const)(
    "5.3.11 the device recovers when the keys of %s are replaced",
    async (role) => {
      const honest = forger.record();
      const high = (signed: { version: number }) => {
        signed.version = 2_000_000;
      };
      await forger.reseal(role === "timestamp" ? { timestamp: high } : { snapshot: high });
      await visitor.visit();
      forger.replay(honest);
      await expect(visitor.visit()).rejects.toThrow(/is less than/);
      const fresh = newSigner();
      rotate(repository.workspace, role, { add: [fresh.publicKey], remove: [forger.keys(role)[0]!.id], threshold: 1 });
      repository.signers.set(role, [fresh]);
      await repository.publish();
      expect((await visitor.visit()).versions[role]).toBeLessThan(100);
    },
  );

  it("5.3.11 the device recovers although the first visit after the rotation is cut off behind the root", async () => {
    const honest = forger.record();
    await forger.reseal({
      timestamp: (signed) => {
        signed.version = 2_000_000;
      },
    });
    await visitor.visit();
    forger.replay(honest);
    const fresh = newSigner();
    rotate(repository.workspace, "timestamp", { add: [fresh.publicKey], remove: [], threshold: 1 });
    repository.signers.set("timestamp", [fresh]);
    await repository.publish();
    server.trick = (_, response, path) => path.endsWith("timestamp.json") && response.destroy() !== undefined;
    await expect(visitor.visit()).rejects.toThrow(UnreachableError);
    server.trick = undefined;
    expect((await visitor.visit()).versions["timestamp"]).toBeLessThan(100);
  });
});

describe("mix-and-match (1.5.2):", () => {
  it("5.5.2, 5.5.4 an older snapshot under the newest name is refused", async () => {
    const old = readFileSync(repository.metadata(forger.fileOf("snapshot")));
    await repository.release("1.1.0");
    writeFileSync(repository.metadata(forger.fileOf("snapshot")), old);
    await expect(visitor.visit()).rejects.toThrow(UntrustedError);
  });

  it.each(["releases", "modules", "models"] as const)(
    "5.6.2, 5.6.4 an older %s under the newest name is refused",
    async (role) => {
      const old = readFileSync(repository.metadata(forger.fileOf(role)));
      await repository.release("1.1.0");
      writeFileSync(repository.metadata(forger.fileOf(role)), old);
      await expect(everything()).rejects.toThrow(UntrustedError);
    },
  );

  it("5.6.4 a version other than the snapshot's is refused, even where the snapshot gives no hash", async () => {
    await forger.reseal({
      snapshot: (signed) => {
        signed.meta["releases.json"] = { version: 9 };
      },
    });
    cpSync(repository.metadata(forger.fileOf("releases")), repository.metadata("9.releases.json"));
    await expect(visitor.visit()).rejects.toThrow(/Version 2 of releases does not match snapshot version 9/);
  });
});

describe("endless data (1.5.2):", () => {
  it.each(["2.root.json", "timestamp.json", "snapshot.json", "releases.json"])(
    "of %s is cut off at its limit",
    async (name) => {
      let sent = 0;
      server.trick = (_, response, path) => {
        if (!path.endsWith(name)) return false;
        const more = () => {
          while (!response.destroyed) {
            sent += 65_536;
            if (!response.write(Buffer.alloc(65_536, " "))) break;
          }
        };
        response.on("drain", more).on("error", () => {});
        more();
        return true;
      };
      await expect(visitor.visit()).rejects.toThrow(/longer than the \d+ bytes that it may have|Expected length/);
      expect(sent).toBeLessThan(8_000_000);
    },
  );
});

describe("key compromise (1.5.2):", () => {
  it.each(["timestamp", "snapshot", "targets", "releases", "modules", "models"] as const)(
    "the key of %s is replaced, and what the old one signs counts no more",
    async (role) => {
      await everything();
      const thief = forger.keys(role)[0]!;
      const fresh = newSigner();
      rotate(repository.workspace, role, { add: [fresh.publicKey], remove: [thief.id], threshold: 1 });
      repository.signers.set(role, [fresh]);
      await repository.publish();
      await everything();
      await forger.forge(
        role,
        (signed) => {
          signed.version += 1;
        },
        [thief],
      );
      if (role !== "timestamp" && role !== "snapshot") await forger.reseal();
      if (role === "snapshot")
        await forger.forge(
          "timestamp",
          (signed) => {
            signed.version += 1;
            signed.meta["snapshot.json"] = { version: forger.read("snapshot").signed.version };
          },
          forger.keys("timestamp"),
        );
      await expect(everything()).rejects.toThrow(/was signed by 0\/1 keys/);
    },
  );

  it("the keys of the root are replaced one by one, and the old ones count no more", async () => {
    const old = forger.keys("root");
    for (const leaving of old) {
      const fresh = newSigner();
      rotate(repository.workspace, "root", { add: [fresh.publicKey], remove: [leaving.id], threshold: undefined });
      repository.signers.set("root", [...forger.keys("root"), fresh]);
      await repository.publish();
    }
    expect((await visitor.visit()).versions["root"]).toBe(4);
    await forger.forge(
      "root",
      (root) => {
        root.version = 5;
      },
      old,
    );
    await expect(visitor.visit()).rejects.toThrow(/root was signed by 0\/2 keys/);
  });

  it("a role that nothing is delegated to any more is not listened to, whatever lies on the disk", async () => {
    expect(await visitor.visit(async (session) => session.releases().length)).toBe(1);
    await forger.forge(
      "targets",
      (signed) => {
        signed.version += 1;
        signed.delegations.roles = signed.delegations.roles.filter(({ name }: { name: string }) => name !== "releases");
      },
      forger.keys("targets"),
    );
    await forger.reseal();
    expect(await visitor.visit(async (session) => session.releases())).toEqual([]);
    expect(existsSync(visitor.metadata)).toBe(true);
  });

  it("a delegated role that signs targets of another is not asked for them", async () => {
    await forger.forge(
      "models",
      (signed) => {
        signed.version += 1;
        signed.targets["modules/street/1.0.0/evil.wasm"] = { length: 1, hashes: { sha256: "0".repeat(64) } };
      },
      forger.keys("models"),
    );
    await forger.reseal();
    expect(await visitor.visit((session) => session.target("modules/street/1.0.0/evil.wasm"))).toBeUndefined();
  });
});
