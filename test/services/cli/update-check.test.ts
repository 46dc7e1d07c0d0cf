/** What `validate` and `doctor` say about the keys of `updates`, against real repositories. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { updates as doctorOf } from "../../../services/cli/doctor/updates.ts";
import { checkUpdates } from "../../../services/cli/update-check.ts";
import { type Config, loadConfig } from "../../../services/config/load.ts";
import { Authority } from "../../support/certificates.ts";
import { startDevice } from "../updater/support/device.ts";
import { Forger } from "../updater/support/forge.ts";
import { TestRepository, temporaryFolder } from "../updater/support/repository.ts";
import { StaticServer } from "../updater/support/static-server.ts";

let repository: TestRepository;
let server: StaticServer;
let folder: string;
const rootFile = () => join(folder, "root.json");

beforeEach(async () => {
  repository = await TestRepository.create({ root: [3, 2] });
  await repository.release("1.0.0");
  server = await StaticServer.start(repository.publicDirectory);
  folder = temporaryFolder();
  writeFileSync(rootFile(), repository.firstRoot);
});

afterEach(() => server.stop());

function config(updates: Record<string, unknown> = {}): Config {
  const file = join(folder, "nightjar.yaml");
  const directories = { state: join(folder, "state") };
  writeFileSync(
    file,
    stringify({ version: 1, directories, updates: { repository: server.url, root: rootFile(), ...updates } }),
  );
  return loadConfig(file);
}

/** A device that has looked once, and is off now. */
async function haveLooked(): Promise<void> {
  mkdirSync(join(folder, "state"), { recursive: true });
  const device = startDevice({ folder: join(folder, "state"), url: server.url, firstRoot: repository.firstRoot });
  await device.check();
  await device.stop();
}

const findings = async (of = config()) =>
  Object.fromEntries((await doctorOf(of, of.updates.repository ?? "").run()).map((each) => [each.name, each]));

describe("a repository that is in order", () => {
  it("gives nothing to say, before the first look and after it", async () => {
    expect(checkUpdates(config())).toEqual({ problems: [], warnings: [] });
    await haveLooked();
    expect(checkUpdates(config())).toEqual({ problems: [], warnings: [] });
  });

  it("is what the doctor finds: the root, what is trusted, until when it is signed", async () => {
    await haveLooked();
    const found = await findings();
    expect(found["updates.root"]).toMatchObject({ status: "ok", found: `version 1 in ${rootFile()}` });
    expect(found["trusted root"]).toMatchObject({ status: "ok", found: "version 1" });
    expect(found["repository"]).toMatchObject({ status: "ok", found: expect.stringContaining("is signed until 20") });
  });
});

describe("a first root", () => {
  const problemOf = (text: string | Uint8Array) => {
    writeFileSync(rootFile(), text);
    return checkUpdates(config()).problems.join("\n");
  };
  const changed = (change: (signed: { roles: Record<string, { threshold: number }>; version: number }) => void) => {
    const root = JSON.parse(repository.firstRoot.toString());
    change(root.signed);
    return JSON.stringify(root);
  };

  it("that is not there is named with its key", () => {
    const { problems } = checkUpdates(config({ root: "/nowhere/root.json" }));
    expect(problems).toEqual([
      expect.stringMatching(
        /^updates\.root: \/nowhere\/root\.json: there is no such file; expected the repository's first/,
      ),
    ]);
  });

  it.each([
    ["is no JSON", "{", "it is no JSON"],
    [
      "is of something else",
      JSON.stringify({ signatures: [], signed: { _type: "snapshot" } }),
      "it is no root of a TUF repository",
    ],
  ])("that %s is refused", (_, text, expected) => {
    expect(problemOf(text)).toContain(expected);
  });

  it("that was changed is refused", () => {
    expect(problemOf(changed((signed) => Object.assign(signed, { version: 7 })))).toContain(
      "it is not signed by its own keys",
    );
  });

  it("whose thresholds cannot be met is refused", () => {
    const impossible = changed((signed) => Object.assign(signed.roles["timestamp"]!, { threshold: 2 }));
    expect(problemOf(impossible)).toContain("the role timestamp has 1 keys and a threshold of 2");
  });

  it("of another repository than the device trusts is refused", async () => {
    await haveLooked();
    const other = await TestRepository.create();
    writeFileSync(rootFile(), other.firstRoot);
    expect(checkUpdates(config()).problems.join()).toContain(
      "it is of another repository than the one that this device trusts",
    );
    const found = await findings();
    expect(found["trusted root"]).toMatchObject({ status: "missing" });
    expect(found["repository"]).toMatchObject({
      status: "missing",
      remedy: expect.stringContaining("is updates.root of this repository?"),
    });
  });

  it("that has expired is a warning: it still leads to newer ones", async () => {
    const forger = new Forger(repository);
    await forger.forge("root", (root) => Object.assign(root, { expires: "2020-01-01T00:00:00Z" }), forger.keys("root"));
    writeFileSync(rootFile(), readFileSync(repository.metadata("1.root.json")));
    const { problems, warnings } = checkUpdates(config());
    expect(problems).toEqual([]);
    expect(warnings.join()).toContain("expired on 2020-01-01: it still leads to newer roots");
  });

  it("that one key alone can replace is a warning", async () => {
    const weak = await TestRepository.create({ root: [1, 1] });
    writeFileSync(rootFile(), weak.firstRoot);
    expect(checkUpdates(config()).warnings.join()).toContain("one key alone can replace all others");
    expect((await findings())["updates.root"]).toMatchObject({ status: "warning" });
  });
});

describe("the repository", () => {
  it("that does not answer is missing, with the reason", async () => {
    const away = await findings(config({ repository: "http://127.0.0.1:1/" }));
    expect(away["repository"]).toMatchObject({
      status: "missing",
      found: expect.stringContaining("connection refused"),
    });
  });

  it("at another path of the server is missing", async () => {
    const wrong = await findings(config({ repository: `${server.url}elsewhere` }));
    expect(wrong["repository"]).toMatchObject({
      found: expect.stringContaining("there is no repository at updates.repository"),
    });
  });
});

describe("a certificate of the device", () => {
  let authority: Authority;
  beforeEach(() => {
    authority = new Authority("fleet");
  });
  afterEach(() => authority.remove());

  it("that has expired is missing, one whose life is nearly over a warning, a fresh one is fine", async () => {
    const statusOf = async (days: number) => {
      const { certificateFile, keyFile } = authority.sign(`d${days}`, "DNS:gate-1", days);
      const tls = { certificate: certificateFile, key: keyFile };
      return (await findings(config({ tls })))["updates.tls.certificate"]?.status;
    };
    expect(await statusOf(-1)).toBe("missing");
    expect(await statusOf(2)).toBe("ok");
  });

  it("without its key is a problem of the configuration", () => {
    const { certificateFile } = authority.sign("gate-1", "DNS:gate-1");
    expect(checkUpdates(config({ tls: { certificate: certificateFile } })).problems).toEqual([
      "updates.tls.certificate is set and updates.tls.key is not: both belong together",
    ]);
  });
});
