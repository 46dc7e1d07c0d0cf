/**
 * Every state × {killed before its record, after it, after its effect} × restart, in a process of its own that is really
 * killed: the committed old release or the committed new one runs, never anything between, and nothing is stuck.
 */
import { execFile } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type End, NEXT, STATES } from "../../../services/updater/machine.ts";
import { type Device, startDevice } from "./support/device.ts";
import { TestRepository, temporaryFolder } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";

const PROGRAM = new URL("support/victim.ts", import.meta.url).pathname;
const MOMENTS = ["before-record", "after-record", "after-effect"] as const;
/** Idle, failed and rolled-back: see below. */
const ON_THE_WAY = ["checking", "downloading", "verified", "staged", "probation", "committed"] as const;

let good: TestRepository;
let bad: TestRepository;
let servers: { good: StaticServer; bad: StaticServer };
let installed: string;
let rootFile: string;

beforeAll(async () => {
  good = await TestRepository.create();
  await good.release("1.0.0", { content: "old" });
  servers = {
    good: await StaticServer.start(good.publicDirectory),
    bad: await StaticServer.start(good.publicDirectory),
  };
  // A device on which 1.0.0 is committed, to be copied for each case.
  installed = temporaryFolder();
  rootFile = join(installed, "first-root.json");
  writeFileSync(rootFile, good.firstRoot);
  await victim("good", installed, "none");
  const before = join(temporaryFolder(), "public");
  cpSync(good.publicDirectory, before, { recursive: true });
  // The same keys publish a good 1.1.0 for one server and a bad one for the other.
  await good.release("1.1.0", { content: "behaviour: fails" });
  const wicked = join(temporaryFolder(), "public");
  cpSync(good.publicDirectory, wicked, { recursive: true });
  servers.bad.directory = wicked;
  await good.release("1.2.0", { content: "new" });
  bad = good;
}, 60_000);

afterAll(async () => {
  await servers.good.stop();
  await servers.bad.stop();
});

function victim(
  server: "good" | "bad",
  folder: string,
  point: string,
  count = 1,
): Promise<{ killed: boolean; output: string }> {
  const args = [PROGRAM, servers[server].url, folder, rootFile, point, String(count)];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      resolve({ killed: error?.signal === "SIGKILL", output: stdout + stderr });
    });
  });
}

function copyOf(folder: string): string {
  const copy = join(temporaryFolder(), "device");
  cpSync(folder, copy, { recursive: true });
  // Directories are known by their absolute names.
  const file = join(copy, "deployments.json");
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(folder, copy));
  return copy;
}

/** What a start finds, and what the next look makes of it: who serves, and what the updater believes. */
async function startAgain(folder: string, server: "good" | "bad") {
  const device = startDevice({ folder, url: servers[server].url, firstRoot: good.firstRoot });
  await device.updater.settled();
  const found = viewOf(device);
  await device.check();
  const next = viewOf(device);
  await device.stop();
  return { found, next };
}

function viewOf({ activator, updater }: Device) {
  const serving = activator.serving();
  const module = serving === undefined ? "nothing" : readFileSync(join(serving, "module.wasm"), "utf8");
  const { state, channels, blocked } = updater.status();
  return { module, state, version: channels[0]?.installed, blocked: blocked.map(({ version }) => version) };
}

const CONTENT: Readonly<Record<string, string>> = { "1.0.0": "old", "1.2.0": "new" };

describe.each(ON_THE_WAY)("a power cut in the state %s", (state) => {
  it.each(MOMENTS)(
    "%s leaves the old release or the new one, and the next look finishes the update",
    async (moment) => {
      const folder = copyOf(installed);
      const { killed, output } = await victim("good", folder, `${state}:${moment}`);
      expect(killed, output).toBe(true);
      const { found, next } = await startAgain(folder, "good");
      expect(found.state).toBe("idle");
      expect(CONTENT[found.version ?? ""]).toBe(found.module);
      expect(next).toEqual({ module: "new", version: "1.2.0", state: "idle", blocked: [] });
    },
  );
});

describe("a power cut while a bad release is taken back", () => {
  it.each(["staged", "probation", "rolled-back"].flatMap((state) => MOMENTS.map((moment) => `${state}:${moment}`)))(
    "at %s leaves the old one, and the bad one is blocked in the end",
    async (point) => {
      const folder = copyOf(installed);
      const { killed, output } = await victim("bad", folder, point);
      expect(killed, output).toBe(true);
      const { next } = await startAgain(folder, "bad");
      expect(next).toEqual({ module: "old", version: "1.0.0", state: "idle", blocked: ["1.1.0"] });
    },
  );
});

describe("a release", () => {
  it("whose activation is interrupted three times is blocked, and the old one serves", async () => {
    const folder = copyOf(installed);
    for (let i = 0; i < 3; i++) expect((await victim("good", folder, "staged:after-record")).killed).toBe(true);
    const { found } = await startAgain(folder, "good");
    expect(found).toEqual({ module: "old", version: "1.0.0", state: "idle", blocked: ["1.2.0"] });
  });

  it("that is cut off while it is fetched, again and again, is not blamed for it", async () => {
    const folder = copyOf(installed);
    for (let i = 0; i < 4; i++) await victim("good", folder, "downloading:after-record");
    expect((await startAgain(folder, "good")).next).toMatchObject({ version: "1.2.0", blocked: [] });
  });
});

it("every state of the machine is met by these cuts, and each end leads to rest", () => {
  const met = new Set<string>([...ON_THE_WAY, "rolled-back", "idle", "failed"]);
  expect(STATES.filter((state) => !met.has(state))).toEqual([]);
  for (const end of ["committed", "rolled-back", "failed"] satisfies End[]) expect(NEXT[end]).toEqual(["idle"]);
  expect(existsSync(bad.publicDirectory)).toBe(true);
});
