// What an open console costs the supervisor while nobody does anything: processor time with the page's stream of news (the
// whole status once a second among them) less the time without, at the four demo cameras. The median of windows in turns,
// for the cameras' own cost changes more than this.
import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { demoCameras, Nightjar } from "../support/nightjar.ts";
import type { Measurement } from "./figures.ts";
import { cpuOf, median } from "./process.ts";

const WINDOW_MS = 6000;
const ROUNDS = 5;
/** Those that services/console/page/lib/store.js asks for. */
const TYPES = "event,camera,process,bundle,update,broker,status,log";

/** @returns percent of a core */
async function load(pid: number): Promise<number> {
  const before = cpuOf(pid);
  const startedAt = performance.now();
  await sleep(WINDOW_MS);
  return (100_000 * (cpuOf(pid) - before)) / (performance.now() - startedAt);
}

/** A page that is open; @returns how it is closed. */
async function openPage(console: string): Promise<() => void> {
  const { promise, resolve, reject } = Promise.withResolvers<() => void>();
  const request = get(new URL(`/api/events?types=${TYPES}`, console), (response) => {
    response.resume();
    resolve(() => request.destroy());
  });
  request.once("error", reject);
  return promise;
}

export async function measure(): Promise<Measurement[]> {
  const nightjar = await Nightjar.start({ cameras: demoCameras });
  try {
    const status = await nightjar.untilStatus(
      "four cameras with objects",
      ({ cameras }) => cameras.length === demoCameras.length && cameras.every((camera) => camera.objectsTotal > 20),
      60_000,
    );
    if (status.console === null) throw new Error("the console is not served");
    const pid = nightjar.child.pid ?? 0;
    const differences: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const without = await load(pid);
      const close = await openPage(status.console);
      differences.push((await load(pid)) - without);
      close();
    }
    return [{ name: "appliance.idle-console-cpu", value: median(differences) }];
  } finally {
    await nightjar.stop();
  }
}
