// Nightjar as a whole while bundles change every second, cameras come and go, and a module crashes now and then: what
// plays goes on playing, no process is started again, and nothing stays behind. NIGHTJAR_LONG=1 is the long form, of
// NIGHTJAR_SOAK_SECONDS (600).
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BundlesView } from "../../services/supervisor/deployments/control.ts";
import { compileModule } from "../services/postprocess/support/compile.ts";
import { demoCameras, Nightjar, usageOf } from "../support/nightjar.ts";

const isLong = process.env["NIGHTJAR_LONG"] === "1";
const rounds = isLong ? Number(process.env["NIGHTJAR_SOAK_SECONDS"] ?? 600) : 12;
const MB = 1024 * 1024;
/** Of the postprocess process. Node's heap breathes by tens of megabytes. */
const tolerance = { threads: 6, descriptors: 8, residentBytes: 80 * MB };

const bundles = mkdtempSync(join(tmpdir(), "nightjar-soak-"));
let nightjar: Nightjar;

/** Another version of a bundle that Nightjar was built with. */
function version(name: string, number: string): string {
  const directory = join(bundles, `${name}-${number}`);
  cpSync(join("build/bundles", name), directory, { recursive: true });
  const file = join(directory, "bundle.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^version: .*$/m, `version: ${number}`));
  return `${name}-${number}`;
}

/** Follows nothing, and traps in every fortieth frame of a camera. */
async function shaky(): Promise<string> {
  const directory = join(bundles, "shaky");
  cpSync(join("build/bundles", "bytetrack"), directory, { recursive: true });
  const wasm = await compileModule({
    body: `
      process(frame: Frame): i32 {
        if (frame.number % 40 == 39) unreachable();
        for (let i = 0; i < frame.objectCount && !frame.full; i++) frame.continueObject(i);
        return Status.Ok;
      }`,
  });
  writeFileSync(join(directory, "shaky.wasm"), wasm);
  const yaml = "name: shaky\nversion: 1.0.0\nkind: analyze\nmodule: {file: shaky.wasm}\npolicy: {reloads: 1000}\n";
  writeFileSync(join(directory, "bundle.yaml"), yaml);
  return "shaky";
}

const view = (): Promise<BundlesView> => nightjar.ask("GET", "/api/bundles");
const serving = async (element: string) => (await view()).elements.find((each) => each.element === element)!;

async function activate(element: string, bundle: string): Promise<void> {
  await nightjar.ask("POST", `/api/elements/${element}/activate`, { bundle, force: true });
  for (;;) {
    const { change, last } = await serving(element);
    if (change !== null) {
      await sleep(50);
      continue;
    }
    expect(last).toMatchObject({ end: "done", reason: "" });
    return;
  }
}

beforeAll(async () => {
  for (const name of ["street", "bytetrack"])
    cpSync(join("build/bundles", name), join(bundles, name), { recursive: true });
  nightjar = await Nightjar.start({
    cameras: demoCameras.slice(0, 2),
    inference: { threads: 1 },
    modules: { probation: "0s" },
    directories: { bundles },
  });
  await nightjar.untilStatus(
    "both cameras to play with objects",
    ({ cameras }) => cameras.length === 2 && cameras.every((camera) => camera.objectsTotal > 5),
    90_000,
  );
}, 120_000);

afterAll(async () => {
  await nightjar?.stop();
  rmSync(bundles, { recursive: true, force: true });
});

describe(`${rounds} seconds of change`, () => {
  it(
    "leave the cameras playing, the processes running and nothing behind",
    async () => {
      const detectors = [version("street", "1.0.1"), "street"];
      const trackers = [version("bytetrack", "1.0.1"), await shaky(), "bytetrack"];
      const pid = await nightjar.pidOf("postprocess");
      const settled = await nightjar.status();
      let before = usageOf(pid);
      for (let round = 0; round < rounds; round++) {
        const began = Date.now();
        if (round % 2 === 0) await activate("infer", detectors[(round / 2) % detectors.length]!);
        else await activate("tracker", trackers[Math.floor(round / 2) % trackers.length]!);
        if (round % 3 === 0) await nightjar.ask("POST", "/api/cameras", { id: `guest-${round}`, uri: "test:ball" });
        if (round % 3 === 2) await nightjar.ask("DELETE", `/api/cameras/guest-${round - 2}`);
        // What is loaded on first use is there after the first turns.
        if (round === Math.floor(rounds / 2)) before = usageOf(pid);
        await sleep(Math.max(0, 1000 - (Date.now() - began)));
      }
      const after = usageOf(pid);
      const end = await nightjar.untilStatus("objects of both cameras", (status) =>
        status.cameras
          .slice(0, 2)
          .every(({ state, last }) => state === "playing" && Date.now() - (last.inferred ?? 0) < 1000),
      );
      console.log(JSON.stringify({ before, after, links: end.links }));
      for (const [i, camera] of settled.cameras.entries()) {
        expect(end.cameras[i]).toMatchObject({ id: camera.id, tries: camera.tries });
        expect(end.cameras[i]!.frames).toBeGreaterThan(camera.frames);
        expect(end.cameras[i]!.objectsTotal).toBeGreaterThan(camera.objectsTotal);
      }
      expect(end.processes.map(({ restarts }) => restarts)).toEqual(end.processes.map(() => 0));
      expect(end.processes.find(({ name }) => name === "postprocess")?.pid).toBe(pid);
      for (const field of ["threads", "descriptors", "residentBytes"] as const) {
        expect(after[field] - before[field], field).toBeLessThanOrEqual(tolerance[field]);
      }
    },
    isLong ? rounds * 3000 : 90_000,
  );

  it("and a bundle that fails on probation is taken back by itself, and said so", async () => {
    await activate("tracker", "bytetrack");
    await nightjar.ask("POST", "/api/elements/tracker/activate", { bundle: "shaky", probationMs: 60_000, force: true });
    await nightjar.untilStatus("video", () => true);
    for (let look = 0; look < 300; look++) {
      const { active, change, last } = await serving("tracker");
      if (change === null && last?.bundle === "shaky 1.0.0") {
        expect(last).toMatchObject({
          end: "rolled-back",
          reason: expect.stringMatching(/its module failed \d+ times|batches/),
        });
        expect(active).toMatch(/^bytetrack /);
        break;
      }
      await sleep(100);
    }
    const { bundles: installed } = await view();
    expect(installed.find(({ name }) => name === "shaky")?.quarantine).not.toBe("");
  }, 60_000);
});
