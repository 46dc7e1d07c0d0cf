/** Making, signing and publishing a repository, as people do it: with the command, and with keys that are elsewhere. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { destinationOf, signedHeaders } from "../../../services/updater/repository/destinations.ts";
import { filesBelow, inUploadOrder, upload } from "../../../services/updater/repository/publish.ts";
import { TestRepository, temporaryFolder } from "./support/repository.ts";

const NIGHTJAR = join(import.meta.dirname, "../../../bin/nightjar");

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

function nightjar(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(NIGHTJAR, args, { cwd: folder, encoding: "utf8" });
  return { code: status, said: stdout + stderr };
}

function makeBundle(name: string, version: string): string {
  const directory = join(folder, `${name}-${version}`);
  mkdirSync(directory);
  writeFileSync(
    join(directory, "bundle.yaml"),
    stringify({ name, version, kind: "analyze", module: { file: "m.wasm" } }),
  );
  writeFileSync(join(directory, "m.wasm"), version);
  return directory;
}

describe("nightjar repo", () => {
  it("makes, fills, publishes and verifies a repository", () => {
    expect(nightjar("repo", "init", "r").code).toBe(0);
    expect(
      nightjar("repo", "add", "r", makeBundle("zoner", "1.0.0"), "--no-verify", "--percent", "25", "--group", "canary")
        .said,
    ).toContain("zoner 1.0.0 is staged");
    expect(nightjar("repo", "publish", "r", "--to", "out").code).toBe(0);
    expect(nightjar("repo", "rollout", "r").said).toContain("25 %, of canary");
    const { code, said } = nightjar("repo", "verify", "out");
    expect(code, said).toBe(0);
    expect(said).toMatch(/zoner +1\.0\.0 +2 /);
  }, 30_000);

  it("gathers signatures one by one, with keys that never come near the repository", () => {
    for (const name of ["alice", "bob"]) nightjar("repo", "key", name);
    nightjar(
      "repo",
      "init",
      "r",
      "--releases",
      "alice.pub",
      "bob.pub",
      "--releases-threshold",
      "2",
      "--modules",
      "alice.pub",
    );
    // The releases role needs both; nothing is published yet.
    const init = nightjar("repo", "publish", "r");
    expect(init.code).toBe(3);
    expect(init.said).toMatch(/releases: 0 of 2; modules: 0 of 1/);
    expect(nightjar("repo", "sign", "r", "--key", "alice").said).toContain("releases has 1 of 2");
    // Bob has only this file on a stick.
    copyFileSync(join(folder, "r/staged/metadata/releases.json"), join(folder, "stick.json"));
    expect(nightjar("repo", "sign", "stick.json", "--key", "bob").said).toContain("2 signatures");
    copyFileSync(join(folder, "stick.json"), join(folder, "r/staged/metadata/releases.json"));
    expect(nightjar("repo", "publish", "r").code).toBe(0);
    expect(nightjar("repo", "verify", "r").code).toBe(0);
  }, 30_000);

  it("says what is wrong in one message", () => {
    nightjar("repo", "init", "r");
    const bundle = makeBundle("zoner", "1.0.0");
    nightjar("repo", "add", "r", bundle, "--no-verify");
    nightjar("repo", "publish", "r");
    expect(nightjar("repo", "add", "r", bundle, "--no-verify").said).toContain(
      "zoner 1.0.0 is there already: a release is never changed; raise the version",
    );
    expect(nightjar("repo", "halt", "r", "zoner", "9.9.9").said).toContain(
      "there is no release zoner 9.9.9; of this channel there is 1.0.0",
    );
    expect(nightjar("repo", "rotate", "r", "chef").said).toContain('found role "chef", expected one of root,');
    expect(nightjar("repo", "rotate", "r", "targets", "--remove", "00000000").said).toContain(
      "targets has no such key; it has",
    );
    expect(nightjar("repo", "publish", "elsewhere").said).toContain(
      "elsewhere is no repository: there is no repository.json",
    );
    expect(nightjar("repo", "add", "r", bundle, "--percent", "101").said).toContain(
      '--percent: found "101", expected a number from 0 to 100',
    );
  }, 30_000);

  it("finds what is broken in a published repository", () => {
    nightjar("repo", "init", "r");
    nightjar("repo", "add", "r", makeBundle("zoner", "1.0.0"), "--no-verify");
    nightjar("repo", "publish", "r", "--to", "out");
    const module = filesBelow(join(folder, "out/targets")).find((path) => path.endsWith(".m.wasm"))!;
    writeFileSync(join(folder, "out/targets", module), "1.0.1");
    const { code, said } = nightjar("repo", "verify", "out");
    expect(code).toBe(3);
    expect(said).toMatch(/a device would refuse it: .*m\.wasm has 5 bytes and SHA-256 .*; signed are/);
  }, 30_000);

  it("encrypts keys when there is a passphrase, and needs it to sign", () => {
    writeFileSync(join(folder, "word"), "correct horse\n");
    nightjar("repo", "key", "safe", "--passphrase-file", "word");
    expect(readFileSync(join(folder, "safe"), "utf8")).toContain("ENCRYPTED");
    nightjar("repo", "init", "r", "--models", "safe.pub");
    expect(nightjar("repo", "sign", "r", "--key", "safe").said).toContain(
      "safe is encrypted: set NIGHTJAR_KEY_PASSPHRASE",
    );
    writeFileSync(join(folder, "wrong"), "battery staple\n");
    expect(nightjar("repo", "sign", "r", "--key", "safe", "--passphrase-file", "wrong").said).toContain(
      "the passphrase is wrong",
    );
    expect(nightjar("repo", "sign", "r", "--key", "safe", "--passphrase-file", "word").code).toBe(0);
  }, 30_000);
});

describe("a publication", () => {
  it("goes up in the order in which a half-done one harms nobody", async () => {
    const repository = await TestRepository.create();
    await repository.release("1.0.0");
    const order = inUploadOrder(repository.publicDirectory);
    const first = (pattern: RegExp) => order.findIndex((path) => pattern.test(path));
    const last = (pattern: RegExp) => order.findLastIndex((path) => pattern.test(path));
    expect(last(/^targets\//)).toBeLessThan(first(/^metadata\//));
    expect(last(/\.(releases|modules|models)\.json$/)).toBeLessThan(first(/\.targets\.json$/));
    expect(last(/\.targets\.json$/)).toBeLessThan(first(/\.snapshot\.json$/));
    expect(last(/\.snapshot\.json$/)).toBeLessThan(first(/\.root\.json$/));
    expect(order.at(-1)).toBe("metadata/timestamp.json");
  });

  it("changes nothing when a signature is missing", async () => {
    const repository = await TestRepository.create();
    const before = readdirSync(repository.metadata(""));
    repository.signers.set("releases", []);
    await expect(repository.release("1.0.0")).rejects.toThrow(/signatures are missing: releases: 0 of 1/);
    expect(readdirSync(repository.metadata(""))).toEqual(before);
  });
});

describe("a server that takes PUT", () => {
  let server: Server;
  const files = new Map<string, Buffer>();
  const headers: Record<string, string | undefined>[] = [];
  let refuse: string | undefined;

  beforeEach(async () => {
    files.clear();
    refuse = undefined;
    server = createServer((request, response) => {
      const path = (request.url ?? "").slice(1);
      const chunks: Buffer[] = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        if (request.method === "HEAD") {
          const size = files.get(path)?.length;
          return void response.writeHead(size === undefined ? 404 : 200, { "content-length": size ?? 0 }).end();
        }
        if (refuse !== undefined && path.includes(refuse)) return void response.writeHead(507).end("the disk is full");
        headers.push({ path, cache: request.headers["cache-control"], authorization: request.headers.authorization });
        files.set(path, Buffer.concat(chunks));
        response.writeHead(201).end();
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  });
  afterEach(() => new Promise((done) => server.close(done)));

  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  it("gets each file once, and the timestamp always", async () => {
    const repository = await TestRepository.create();
    const destination = destinationOf(`${url()}/fleet`, { NIGHTJAR_PUBLISH_TOKEN: "t" });
    const first = await upload(repository.workspace, destination, () => {});
    expect(first).toBe(files.size);
    expect(await upload(repository.workspace, destination, () => {})).toBe(1);
    expect(headers.at(-1)).toEqual({
      path: "fleet/metadata/timestamp.json",
      cache: "no-cache",
      authorization: "Bearer t",
    });
    expect(headers[0]?.["cache"]).toContain("immutable");
  });

  it("that is full keeps the old publication whole: the timestamp is not touched", async () => {
    const repository = await TestRepository.create();
    const destination = destinationOf(url(), {});
    await upload(repository.workspace, destination, () => {});
    const before = files.get("metadata/timestamp.json");
    await repository.release("1.0.0");
    refuse = "releases.json";
    await expect(upload(repository.workspace, destination, () => {})).rejects.toThrow(
      /PUT metadata\/2\.releases\.json is answered with 507: the disk is full/,
    );
    expect(files.get("metadata/timestamp.json")).toBe(before);
  });

  it("with S3's interface gets signed requests", async () => {
    const repository = await TestRepository.create();
    const env = {
      AWS_ACCESS_KEY_ID: "id",
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_ENDPOINT_URL: url(),
      AWS_REGION: "eu-central-1",
    };
    await upload(repository.workspace, destinationOf("s3://bucket/fleet", env), () => {});
    expect(files.has("bucket/fleet/metadata/timestamp.json")).toBe(true);
    expect(headers.at(-1)?.["authorization"]).toMatch(
      /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
    expect(() => destinationOf("s3://bucket/fleet", {})).toThrow(/AWS_ACCESS_KEY_ID is not set/);
  });
});

it("signs requests as Amazon's example says", () => {
  // docs.aws.amazon.com, Signature Calculations for the Authorization Header, GET Object.
  const { authorization } = signedHeaders({
    method: "GET",
    url: new URL("https://examplebucket.s3.amazonaws.com/test.txt"),
    bytes: new Uint8Array(),
    region: "us-east-1",
    credentials: { key: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
    now: new Date("2013-05-24T00:00:00Z"),
    headers: { range: "bytes=0-9" },
  });
  expect(authorization).toContain("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
});

it("keeps its private keys to itself", async () => {
  const repository = await TestRepository.create();
  expect(existsSync(join(repository.publicDirectory, "keys"))).toBe(false);
  rmSync(join(repository.workspace.keysDirectory), { recursive: true });
});
