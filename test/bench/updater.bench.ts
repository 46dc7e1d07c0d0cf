// The updater: what a poll costs when nothing has changed, how soon a release serves, how soon a bad one is gone.
//
// unchanged-poll: the updater with a static server in this process; requests and bytes of bodies as the server counts them,
// processor time of the whole process (client and server) for one poll, median of 20 after 5 that warm up.
// 1MB-module-active: a running demo with one camera; from the command to look until the new bundle serves, that is: metadata,
// a module of 1 MB over loopback, hashes, syncs, load, start-up and golden check, switch; of 20 after one that warms up.
// rollback-module, rollback-model: the same demo; from the command to look until the bundle before serves again, with a module that
// traps, and with a model that sees nothing.
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeploymentEvent } from "../../services/supervisor/deployments/parts.ts";
import type { UpdateStatus } from "../../services/updater/types.ts";
import { startDevice } from "../services/updater/support/device.ts";
import { TestRepository } from "../services/updater/support/repository.ts";
import { StaticServer } from "../services/updater/support/static-server.ts";
import { demoCameras, Nightjar } from "../support/nightjar.ts";
import { blindModel, streetBundle, streetDetector } from "../support/street-releases.ts";
import type { Measurement } from "./figures.ts";
import { median } from "./process.ts";

const MODULE_BYTES = 1_000_000;
const RELEASES = 20;

async function unchangedPoll(): Promise<Measurement[]> {
  const repository = await TestRepository.create({ root: [3, 2], targets: [2, 2] });
  await repository.release("1.0.0");
  const server = await StaticServer.start(repository.publicDirectory);
  const folder = mkdtempSync(join(tmpdir(), "nightjar-bench-"));
  const device = startDevice({ folder, url: server.url, firstRoot: repository.firstRoot });
  const times: number[] = [];
  try {
    for (let i = 0; i < 6; i++) await device.check();
    server.requests.length = 0;
    server.bytes = 0;
    for (let i = 0; i < 20; i++) {
      const before = process.cpuUsage();
      await device.check();
      const { user, system } = process.cpuUsage(before);
      times.push((user + system) / 1000);
    }
  } finally {
    await device.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
  return [
    { name: "updater.unchanged-poll.requests", value: server.requests.length / 20 },
    { name: "updater.unchanged-poll.bytes", value: server.bytes / 20 },
    { name: "updater.unchanged-poll.cpu", value: median(times) },
  ];
}

/** A wasm module with a custom section behind it that makes it as long as wanted. */
function padded(wasm: Buffer, bytes: number): Buffer {
  const content = Buffer.alloc(bytes - wasm.length - 6, "x");
  content.set([3, 0x70, 0x61, 0x64]); // the section's name, "pad"
  const length: number[] = [];
  for (let rest = content.length; rest > 0; rest >>= 7) length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.concat([wasm, Buffer.from([0, ...length]), content]);
}

/** The steps of bundles' transactions as the control interface tells them. */
class Steps {
  readonly #abort = new AbortController();
  readonly #waiting = new Map<string, (at: number) => void>();

  async listen(console: string): Promise<void> {
    const { body } = await fetch(`${console}api/events?types=bundle`, { signal: this.#abort.signal });
    void this.#read(body!).catch(() => {});
  }

  /** When the step of a version ends, by performance.now(). */
  next(version: string, step: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(`${version} ${step}`, resolve));
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of body) {
      text += Buffer.from(chunk).toString("utf8");
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines.filter((each) => each.startsWith("data: "))) {
        const { bundle, step } = (JSON.parse(line.slice(6)) as { data: DeploymentEvent }).data;
        this.#waiting.get(`${bundle.version} ${step}`)?.(performance.now());
      }
    }
  }
}

async function releases(): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-bench-"));
  const repository = await TestRepository.create();
  const server = await StaticServer.start(repository.publicDirectory);
  copyFileSync(repository.metadata("1.root.json"), join(folder, "root.json"));
  const nightjar = await Nightjar.start({
    cameras: demoCameras.slice(0, 1),
    updates: {
      repository: server.url,
      root: join(folder, "root.json"),
      interval: "1h",
      probation: { module: "1s", model: "1s", frameRate: 0 },
    },
  });
  const steps = new Steps();
  const idle = async () => {
    while ((await nightjar.ask<UpdateStatus>("GET", "/api/update")).busy) await sleep(50);
  };
  const roomy = (yaml: Record<string, unknown>) =>
    Object.assign(yaml, { limits: { ...(yaml["limits"] as object), "module-bytes": 2_000_000 } });
  try {
    await nightjar.untilStatus(
      "objects",
      ({ cameras }) => cameras[0] !== undefined && cameras[0].objectsTotal > 20,
      90_000,
    );
    await steps.listen((await nightjar.status()).console ?? "");
    const good = await streetDetector("");
    const times: number[] = [];
    for (let i = 0; i <= RELEASES; i++) {
      // Each with other bytes, so that it is fetched and compiled anew.
      const module = padded(good, MODULE_BYTES - i);
      await repository.releaseOf(streetBundle(folder, `8.${i}.0`, { module, keys: roomy }));
      const switched = steps.next(`8.${i}.0`, "activate");
      const began = performance.now();
      await nightjar.ask("POST", "/api/update/check");
      times.push((await switched) - began);
      await idle();
    }
    const module = await streetDetector("if (this.frames > 30) unreachable();");
    const rollback = async (
      version: string,
      changes: Parameters<typeof streetBundle>[2],
      agreementPercent?: number,
    ) => {
      const probation = { durationMs: 60_000, ...(agreementPercent !== undefined && { agreementPercent }) };
      await repository.releaseOf(streetBundle(folder, version, changes), { probation });
      const gone = steps.next(version, "rollback");
      const began = performance.now();
      await nightjar.ask("POST", "/api/update/check");
      const seconds = ((await gone) - began) / 1000;
      await idle();
      return seconds;
    };
    // The first also fetches the model.
    const measured = times.slice(1);
    return [
      { name: "updater.1MB-module-active", value: median(measured) },
      // Of 20, the worst.
      { name: "updater.1MB-module-active.p99", value: Math.max(...measured) },
      { name: "updater.rollback-module", value: await rollback("9.0.0", { module }) },
      { name: "updater.rollback-model", value: await rollback("9.1.0", { model: blindModel() }, 60) },
    ];
  } finally {
    steps.close();
    await nightjar.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

export async function measure(): Promise<Measurement[]> {
  return [...(await unchangedPoll()), ...(await releases())];
}
