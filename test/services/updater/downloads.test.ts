/** Targets on their way (5.7 of the specification), and what a device makes of servers and keys that cheat. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addRelease } from "../../../services/updater/repository/changes.ts";
import { fileInfo } from "../../../services/updater/repository/documents.ts";
import { filesBelow } from "../../../services/updater/repository/publish.ts";
import { type Device, type DeviceOptions, startDevice } from "./support/device.ts";
import { Forger } from "./support/forge.ts";
import { newSigner, TestRepository, temporaryFolder } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";

let repository: TestRepository;
let server: StaticServer;
let forger: Forger;
let device: Device;

beforeEach(async () => {
  repository = await TestRepository.create();
  server = await StaticServer.start(repository.publicDirectory);
  forger = new Forger(repository);
});

afterEach(async () => {
  await device.stop();
  await server.stop();
});

function start(options: Partial<DeviceOptions> = {}): Device {
  device = startDevice({
    folder: temporaryFolder(),
    url: server.url,
    firstRoot: repository.firstRoot,
    idleMs: 250,
    ...options,
  });
  return device;
}

const installed = () => device.updater.status().channels[0]?.installed ?? null;
const problem = () => device.updater.status().lastCheck?.problem ?? "";
/** The published file of a target. */
const fileOf = (name: string) =>
  join(
    repository.publicDirectory,
    "targets",
    filesBelow(join(repository.publicDirectory, "targets")).find((path) => path.endsWith(name))!,
  );

describe("5.7.2 a target", () => {
  it.each([
    [
      "is longer than signed",
      (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("more")]),
      /longer than the \d+ bytes/,
    ],
    ["has other bytes than signed", (bytes: Buffer) => bytes.map((byte) => byte ^ 1), /SHA-256 .*; signed are/],
  ])("that %s is refused, and nothing has changed", async (_, change, expected) => {
    await repository.release("1.1.0");
    writeFileSync(fileOf(".module.wasm"), change(readFileSync(fileOf(".module.wasm"))));
    start();
    await device.check();
    expect(problem()).toMatch(expected);
    expect(device.activator.serving()).toBeUndefined();
  });

  it("in the place of another is refused", async () => {
    await repository.release("1.1.0", { content: "a", model: "b" });
    const [module, model] = [fileOf(".module.wasm"), fileOf(".model.onnx")].map((file) => readFileSync(file));
    writeFileSync(fileOf(".module.wasm"), model!);
    writeFileSync(fileOf(".model.onnx"), module!);
    start();
    await device.check();
    expect(problem()).toMatch(/signed are/);
    expect(installed()).toBeNull();
  });

  it("that a server falsifies does not spoil the release: the right one is taken later", async () => {
    await repository.release("1.1.0");
    const right = readFileSync(fileOf(".module.wasm"));
    writeFileSync(
      fileOf(".module.wasm"),
      right.map((byte) => byte ^ 1),
    );
    start();
    for (let i = 0; i < 5; i++) await device.check();
    expect(device.updater.status().blocked).toEqual([]);
    writeFileSync(fileOf(".module.wasm"), right);
    await device.check();
    expect(installed()).toBe("1.1.0");
  });

  it("that breaks off goes on where it ended, in the next visit if need be", async () => {
    const content = "x".repeat(300_000);
    await repository.release("1.1.0", { content });
    const ranges: (string | undefined)[] = [];
    let cuts = 2;
    server.trick = (request, response, path) => {
      if (!path.endsWith(".module.wasm")) return false;
      ranges.push(request.headers.range);
      if (cuts-- <= 0) return false;
      const from = Number(/\d+/.exec(request.headers.range ?? "0")?.[0]);
      response.writeHead(from > 0 ? 206 : 200, {
        "content-length": content.length - from,
        ...(from > 0 ? { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
      });
      response.write(content.slice(from, from + 100_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    start();
    await device.check();
    expect(installed()).toBe("1.1.0");
    expect(ranges).toEqual([undefined, "bytes=100000-", "bytes=200000-"]);
  }, 15_000);

  it("of a server without ranges begins again", async () => {
    const content = "x".repeat(200_000);
    await repository.release("1.1.0", { content });
    let cuts = 1;
    server.trick = (request, response, path) => {
      if (!path.endsWith(".module.wasm")) return false;
      delete request.headers.range;
      if (cuts-- <= 0) return false;
      response
        .writeHead(200, { "content-length": content.length })
        .write(content.slice(0, 50_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    start();
    await device.check();
    expect(installed()).toBe("1.1.0");
  });

  it.each([
    ["never answers", () => true],
    ["trickles", "trickle"],
  ])(
    "of a server that %s is given up, and what runs goes on",
    async (_, how) => {
      await repository.release("1.0.0");
      start();
      await device.check();
      await repository.release("1.1.0", { content: "x".repeat(100_000) });
      const timers: NodeJS.Timeout[] = [];
      server.trick = (_request, response, path) => {
        if (!path.endsWith(".module.wasm")) return false;
        if (how !== "trickle") return true;
        response.writeHead(200, { "content-length": 100_000 });
        timers.push(setInterval(() => response.write("x"), 50));
        return true;
      };
      await device.check();
      for (const timer of timers) clearInterval(timer);
      expect(problem()).toMatch(/came within 0\.25 s|no answer within 0\.25 s/);
      expect(installed()).toBe("1.0.0");
    },
    20_000,
  );

  it("of a server that answers with another range than asked for is begun again", async () => {
    const content = "x".repeat(200_000);
    await repository.release("1.1.0", { content });
    const asked: (string | undefined)[] = [];
    server.trick = (request, response, path) => {
      if (!path.endsWith(".module.wasm")) return false;
      asked.push(request.headers.range);
      if (asked.length > 2) return false;
      const from = asked.length === 1 ? 0 : 10 ** 15;
      response.writeHead(from === 0 ? 200 : 206, { "content-range": `bytes ${from}-${from + 9}/${content.length}` });
      response.write(content.slice(0, 50_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    start();
    await device.check();
    expect(installed()).toBe("1.1.0");
    expect(asked).toEqual([undefined, "bytes=50000-", undefined]);
  }, 15_000);

  it("that takes too long is broken off for a look at what is new, and goes on", async () => {
    await repository.release("1.1.0", { content: "x".repeat(400_000) });
    start({ rate: 200_000, longestVisitMs: 700 });
    const checking = device.check();
    await expect.poll(() => server.requests.filter((path) => path.endsWith(".module.wasm")).length).toBe(1);
    await repository.release("1.2.0", { content: "short" });
    await checking;
    expect(installed()).toBe("1.2.0");
    expect(device.updater.history(10).map(({ version }) => version)).toEqual(["1.2.0"]);
  }, 15_000);

  it("is not fetched faster than the rate limit", async () => {
    await repository.release("1.1.0", { content: "x".repeat(200_000) });
    start({ rate: 400_000 });
    const began = performance.now();
    await device.check();
    expect(installed()).toBe("1.1.0");
    expect(performance.now() - began).toBeGreaterThan(450);
  });
});

describe("a redirect", () => {
  it("to another place of the server is followed", async () => {
    await repository.release("1.1.0");
    server.trick = (_, response, path) => {
      if (path.startsWith("mirror/") || !path.startsWith("targets/")) return false;
      response.writeHead(302, { location: `/mirror/${path}` }).end();
      return true;
    };
    const plain = server.directory;
    server.directory = join(plain, "..");
    const trick = server.trick;
    server.trick = (request, response, path) => {
      server.directory = plain;
      if (path.startsWith("mirror/")) {
        response.writeHead(200).end(readFileSync(join(plain, path.slice("mirror/".length))));
        return true;
      }
      return trick(request, response, path);
    };
    start();
    await device.check();
    expect(installed()).toBe("1.1.0");
  });

  it("that never ends is given up", async () => {
    server.trick = (_, response) => {
      response.writeHead(302, { location: "/round/and/round" }).end();
      return true;
    };
    start();
    await device.check();
    expect(problem()).toContain("leads to more than 3 other addresses");
  });

  it("out of HTTP is refused", async () => {
    server.trick = (_, response) => {
      response.writeHead(302, { location: "file:///etc/passwd" }).end();
      return true;
    };
    start();
    await device.check();
    expect(problem()).toContain("only https: addresses are followed");
  });
});

describe("a server", () => {
  it("without a repository is named as that, and nothing is called an attack", async () => {
    server.directory = temporaryFolder();
    start();
    await device.check();
    expect(problem()).toMatch(
      /metadata\/timestamp\.json answers 404: there is no repository at updates\.repository, or it was not published whole$/,
    );
    expect(device.updater.history(10)).toEqual([]);
  });

  it("whose refusals never end holds no connections: the next honest answer is heard", async () => {
    await repository.release("1.1.0");
    server.trick = (_, response) => {
      response.writeHead(404, { "content-length": 100 }).flushHeaders();
      return true;
    };
    start();
    for (let i = 0; i < 6; i++) await device.check();
    server.trick = undefined;
    await device.check();
    expect(installed()).toBe("1.1.0");
  }, 15_000);
});

describe("a thief with the key of", () => {
  it("modules alone makes no device run anything", async () => {
    await repository.release("1.1.0");
    const evil = Buffer.from("evil");
    const [target] = Object.keys(forger.read("modules").signed.targets).filter((name) => name.endsWith(".wasm"));
    await forger.forge(
      "modules",
      (signed) =>
        Object.assign(signed, {
          version: signed.version + 1,
          targets: { ...signed.targets, [target!]: fileInfo(evil) },
        }),
      forger.keys("modules"),
    );
    await forger.reseal();
    writeFileSync(fileOf(".module.wasm"), evil);
    start();
    await device.check();
    expect(problem()).toMatch(/the release names modules\/street\/1\.1\.0\/module\.wasm with SHA-256 .* signed is/);
    expect(installed()).toBeNull();
  });

  it("releases alone cannot name what nobody has signed", async () => {
    repository.signers.set("modules", [newSigner()]);
    addRelease(repository.workspace, repository.bundle("1.1.0"), { channel: "street", rollout: { permyriad: 10_000 } });
    const manifest = forger.read("releases");
    expect(Object.keys(manifest.signed.targets)).toEqual([]);
    const staged = repository.workspace.staged("releases")!;
    repository.workspace.unstage("modules");
    repository.workspace.unstage("models");
    expect(Object.keys(staged.signed.targets)).toEqual(["releases/street/1.1.0.json"]);
    await repository.publish();
    start();
    await device.check();
    expect(problem()).toContain("which nobody has signed");
    expect(installed()).toBeNull();
  });

  it("everything cannot write outside of a release's directory", async () => {
    const evil = {
      format: 1,
      channel: "street",
      version: "6.6.6",
      counter: 6,
      element: "infer",
      bundle: { name: "street", version: "6.6.6", kind: "detect" },
    };
    const sha256 = createHash("sha256").update("").digest("hex");
    const files = ["bundle.yaml", "../../../../etc/cron.d/evil"].map((path) => ({
      path,
      target: "modules/a/b/c",
      length: 0,
      sha256,
    }));
    const bytes = Buffer.from(JSON.stringify({ ...evil, files }));
    const info = { ...fileInfo(bytes), custom: { releaseCounter: 6, rollout: { id: "x", permyriad: 10_000 } } };
    await forger.forge(
      "releases",
      (signed) =>
        Object.assign(signed, { version: signed.version + 1, targets: { "releases/street/6.6.6.json": info } }),
      forger.keys("releases"),
    );
    await forger.reseal();
    server.trick = (_, response, path) =>
      path.endsWith("6.6.6.json") && response.writeHead(200).end(bytes) !== undefined;
    start();
    await device.check();
    expect(problem()).toContain("files.1.path: expected a plain relative path");
  });
});

describe("time", () => {
  it("that has run out never stops what runs; it is taken up again when the repository is signed anew", async () => {
    await repository.release("1.0.0");
    let days = 0;
    start({ clock: { read: () => ({ time: Date.now() + days * 86_400_000, isCertain: true, reason: "" }) } });
    await device.check();
    const serving = device.activator.serving();
    days = 2.5;
    await device.check();
    expect(problem()).toBe("");
    days = 4;
    await repository.release("1.1.0");
    await device.check();
    expect(problem()).toContain("expired: nothing is installed until the repository is signed anew; what runs goes on");
    expect(device.activator.serving()).toBe(serving);
  });

  it("that is not certain lets nothing be called fresh, and nothing be installed, by nobody", async () => {
    await repository.release("1.1.0");
    let isCertain = false;
    start({
      clock: {
        read: () => ({ time: Date.now(), isCertain, reason: isCertain ? "" : "the clock is not synchronised yet" }),
      },
    });
    await device.check();
    expect(device.updater.status()).toMatchObject({
      clock: "the clock is not synchronised yet",
      channels: [{ available: "1.1.0", installed: null }],
    });
    device.updater.install({});
    await device.updater.settled();
    expect(installed()).toBeNull();
    isCertain = true;
    await device.check();
    expect(installed()).toBe("1.1.0");
  });
});

describe("a fetch", () => {
  it("leaves nothing behind but what is needed", async () => {
    for (const version of ["1.0.0", "1.1.0", "1.2.0"]) await repository.release(version, { model: version });
    const folder = temporaryFolder();
    start({ folder });
    for (const version of ["1.3.0", "1.4.0", "1.5.0"]) {
      await repository.release(version, { model: version });
      await device.check();
    }
    expect(installed()).toBe("1.5.0");
    const releases = readdirSync(join(folder, "updates", "releases"));
    expect(releases.map((name) => name.split("-")[1]).sort()).toEqual(["1.4.0", "1.5.0"]);
    expect(readdirSync(join(folder, "updates", "sha256"))).toHaveLength(6);
  });
});
