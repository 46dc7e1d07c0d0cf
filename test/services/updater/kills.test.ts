/**
 * Every state × {killed before its record, after it, after its effect} × restart, in a process of its own that is really
 * killed: the committed old release or the committed new one runs, never anything between, and nothing is stuck.
 */
import { execFile } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type End, NEXT, STATES, type State } from "../../../services/updater/machine.ts";
import { changeRollout } from "../../../services/updater/repository/changes.ts";
import { type Device, startDevice } from "./support/device.ts";
import { TestRepository, temporaryFolder } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";

const PROGRAM = new URL("support/victim.ts", import.meta.url).pathname;
const MOMENTS = ["before-record", "after-record", "after-effect"] as const;
/** By what a release is: the states that it goes through, in this order. */
const WAYS = {
  good: ["checking", "downloading", "verified", "staged", "probation", "committed", "idle"],
  /** It fails on probation. */
  bad: ["staged", "probation", "rolled-back"],
  /** It cannot work. */
  broken: ["staged", "failed"],
} as const satisfies Record<string, readonly State[]>;
type Kind = keyof typeof WAYS;

/** Nothing is done in `idle`, so that it has no moment after its effect. */
function pointsOf(kind: Kind): string[] {
  const moments = (state: State) => (state === "idle" ? MOMENTS.slice(0, 2) : MOMENTS);
  return WAYS[kind].flatMap((state) => moments(state).map((moment) => `${state}:${moment}`));
}

const KINDS = ["bad", "broken", "good"] as const satisfies Kind[];
const SERVED: Readonly<Record<Kind, string>> = { bad: "1.1.0", broken: "1.2.0", good: "1.3.0" };
const CONTENT: Readonly<Record<Kind, string>> = {
  bad: "behaviour: fails",
  broken: "behaviour: refused",
  good: "new",
};

let repository: TestRepository;
const servers = {} as Record<Kind, StaticServer>;
let installed: string;
const compiled = temporaryFolder();
let rootFile: string;

beforeAll(async () => {
  repository = await TestRepository.create();
  await repository.release("1.0.0", { content: "old" });
  for (const kind of KINDS) servers[kind] = await StaticServer.start(repository.publicDirectory);
  // A device on which 1.0.0 is committed, to be copied for each case.
  installed = temporaryFolder();
  rootFile = join(installed, "first-root.json");
  writeFileSync(rootFile, repository.firstRoot);
  await victim("good", installed, "none");
  // Each server stays at its release, which is the only one there that is newer and not halted.
  for (const kind of KINDS) {
    await repository.release(SERVED[kind], { content: CONTENT[kind] });
    servers[kind].directory = join(temporaryFolder(), "public");
    cpSync(repository.publicDirectory, servers[kind].directory, { recursive: true });
    changeRollout(repository.workspace, "street", SERVED[kind], { halt: true });
  }
}, 60_000);

afterAll(() => Promise.all(KINDS.map((kind) => servers[kind].stop())));

function victim(server: Kind, folder: string, point: string, count = 1): Promise<{ killed: boolean; output: string }> {
  const args = [PROGRAM, servers[server].url, folder, rootFile, point, String(count)];
  // Filled by the first one, which is not killed.
  const env = { ...process.env, NODE_COMPILE_CACHE: compiled };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
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
async function startAgain(folder: string, server: Kind) {
  const device = startDevice({ folder, url: servers[server].url, firstRoot: repository.firstRoot });
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

describe("a power cut on the way of a good release", () => {
  it.each(pointsOf("good"))("at %s leaves the old one or the new one, and the next look finishes it", async (point) => {
    const folder = copyOf(installed);
    const { killed, output } = await victim("good", folder, point);
    expect(killed, output).toBe(true);
    const { found, next } = await startAgain(folder, "good");
    expect([
      { module: "old", version: "1.0.0", state: "idle", blocked: [] },
      { module: "new", version: "1.3.0", state: "idle", blocked: [] },
    ]).toContainEqual(found);
    expect(next).toEqual({ module: "new", version: "1.3.0", state: "idle", blocked: [] });
  });
});

describe.each(["bad", "broken"] as const)("a power cut on the way of a %s release", (kind) => {
  it.each(pointsOf(kind))("at %s leaves the old one, and the new one is blocked in the end", async (point) => {
    const folder = copyOf(installed);
    const { killed, output } = await victim(kind, folder, point);
    expect(killed, output).toBe(true);
    const { next } = await startAgain(folder, kind);
    expect(next).toEqual({ module: "old", version: "1.0.0", state: "idle", blocked: [SERVED[kind]] });
  });
});

describe("a release", () => {
  it("whose activation is interrupted three times is blocked, and the old one serves", async () => {
    const folder = copyOf(installed);
    for (let i = 0; i < 3; i++) expect((await victim("good", folder, "staged:after-record")).killed).toBe(true);
    const { found } = await startAgain(folder, "good");
    expect(found).toEqual({ module: "old", version: "1.0.0", state: "idle", blocked: ["1.3.0"] });
  });

  it("that is cut off while it is fetched, again and again, is not blamed for it", async () => {
    const folder = copyOf(installed);
    for (let i = 0; i < 4; i++) await victim("good", folder, "downloading:after-record");
    expect((await startAgain(folder, "good")).next).toMatchObject({ version: "1.3.0", blocked: [] });
  });
});

it("every state of the machine is met by these cuts, and each end leads to rest", () => {
  const met = new Set<State>(KINDS.flatMap((kind) => [...WAYS[kind]]));
  expect(STATES.filter((state) => !met.has(state))).toEqual([]);
  for (const end of ["committed", "rolled-back", "failed"] satisfies End[]) expect(NEXT[end]).toEqual(["idle"]);
});
