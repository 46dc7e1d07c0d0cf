/**
 * The updater's disk at every moment at which the power can go: what was committed is there and whole, no older release and no
 * older metadata is accepted, and the device can still update. Short: 16 points; NIGHTJAR_LONG=1: 341, half of them with
 * a disk that loses what was not flushed.
 */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compareVersions } from "../../../services/updater/release.ts";
import { CrashRecorder, cannotRecord } from "../../support/crash-recorder.ts";
import { startDevice } from "./support/device.ts";
import { TestRepository, temporaryFolder } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";

const isLong = process.env["NIGHTJAR_LONG"] === "1";
const reason = cannotRecord();
const VERSIONS = ["1.0.0", "1.1.0", "1.2.0"];
const contentOf = (version: string) => `module of ${version} ${version.repeat(3000)}`;

let repository: TestRepository;
const servers: StaticServer[] = [];

beforeAll(async () => {
  repository = await TestRepository.create();
  for (const version of VERSIONS) {
    await repository.release(version, { content: contentOf(version) });
    const copy = join(temporaryFolder(), "public");
    cpSync(repository.publicDirectory, copy, { recursive: true });
    servers.push(await StaticServer.start(copy));
  }
}, 30_000);

afterAll(() => Promise.all(servers.map((server) => server.stop())));

interface Promised {
  readonly version: string;
  readonly writes: number;
}

/** What is wrong after a cut. */
async function look(point: number, path: string, mountPoint: string, promised: readonly Promised[]): Promise<string[]> {
  const folder = join(path, "device");
  mkdirSync(folder, { recursive: true });
  const deployments = join(folder, "deployments.json");
  // The disk has another name now.
  if (existsSync(deployments))
    writeFileSync(deployments, readFileSync(deployments, "utf8").replaceAll(mountPoint, path));
  const least = promised.filter(({ writes }) => writes <= point).at(-1)?.version;
  const faults: string[] = [];
  const visit = async (server: StaticServer) => {
    const device = startDevice({ folder, url: server.url, firstRoot: repository.firstRoot });
    await device.updater.settled();
    const serving = device.activator.serving();
    const found = device.updater.status().channels[0]?.installed ?? undefined;
    if (serving !== undefined) {
      const module = readFileSync(join(serving, "module.wasm"), "utf8");
      if (found === undefined || module !== contentOf(found))
        faults.push(`${point}: ${serving} serves, ${found} is installed`);
    }
    if (least !== undefined && (found === undefined || compareVersions(found, least) < 0))
      faults.push(`${point}: ${found} instead of ${least}`);
    await device.check();
    const after = device.updater.status().channels[0]?.installed ?? undefined;
    if (found !== undefined && (after === undefined || compareVersions(after, found) < 0))
      faults.push(`${point}: downgraded to ${after}`);
    await device.stop();
    return after;
  };
  // Somebody replays the oldest repository; then the true one is back.
  await visit(servers[0]!);
  const end = await visit(servers.at(-1)!);
  if (end !== VERSIONS.at(-1)) faults.push(`${point}: it ends at ${end}: bricked`);
  return faults;
}

function spread(points: number, count: number): number[] {
  const all = Array.from({ length: count }, (_, index) => Math.ceil(((index + 1) * points) / count));
  return [...new Set(all)];
}

it.skipIf(reason !== undefined)(
  `survives a power cut at any moment${reason === undefined ? "" : ` (not here: ${reason})`}`,
  async () => {
    const recorder = new CrashRecorder();
    const faults: string[] = [];
    let seen = 0;
    try {
      await recorder.start();
      const program = new URL("support/recorded.ts", import.meta.url).pathname;
      const root = join(recorder.directory, "root.json");
      writeFileSync(root, repository.firstRoot);
      const args = [
        program,
        join(recorder.mountPoint, "device"),
        join(recorder.directory, "log"),
        root,
        ...servers.map(({ url }) => url),
      ];
      mkdirSync(join(recorder.mountPoint, "device"));
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const promised = [...stdout.matchAll(/^committed (\S+) (\d+)$/gm)].map(([, version, writes]) => ({
        version: version!,
        writes: Number(writes),
      }));
      expect(promised.map(({ version }) => version)).toEqual(VERSIONS);
      const points = await recorder.finish();
      const { mountPoint } = recorder;
      for await (const { point, path } of recorder.crashes([0, ...spread(points, isLong ? 170 : 9)])) {
        faults.push(...(await look(point, path, mountPoint, promised)));
        seen += 1;
      }
      // A disk with a cache that does not survive: any of the writes since the last flush may be missing.
      let random = 1;
      const coin = () => {
        random = (random * 1103515245 + 12345) % 2 ** 31;
        return random % 3 === 0;
      };
      for await (const { point, path } of recorder.crashes(spread(points, isLong ? 170 : 6), coin)) {
        faults.push(...(await look(point, path, mountPoint, promised)));
        seen += 1;
      }
      console.info(`${seen} crash points of ${points} writes, ${faults.length} faults`);
    } finally {
      recorder.remove();
    }
    expect(faults).toEqual([]);
    if (isLong) expect(seen).toBeGreaterThanOrEqual(300);
  },
  isLong ? 1_200_000 : 90_000,
);
