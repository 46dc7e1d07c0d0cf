// The whole of Nightjar: how long a frame takes from capture to publish, what the processes cost.
//
// At 4 x 15 frames/s: the demo cameras in real time for 20 s after all of them play; latency as the supervisor reports it
// (from the capture of the frame to the broker's acknowledgement window), CPU and memory from /proc over those 20 s. The
// program is laid out as in a package. node-memory-at-four-cameras counts what the processes share once (resident.ts).
// first-event: from the start of the command to the first event message at a subscriber.
//
// cpu-over-decoder-plus-engine: the demo clips as fast as they go through the whole system; CPU time of all our processes
// per frame, over decoder alone (gst-launch into fakesink) plus the bare engine loop, per frame.
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import type { Status } from "../../services/supervisor/status.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { demoCameras, Nightjar } from "../support/nightjar.ts";
import { packagedProgram } from "../support/packaged.ts";
import type { Measurement } from "./figures.ts";
import { cost, cpuOf, median } from "./process.ts";
import { residentTogether } from "./resident.ts";

const names = ["supervisor", "pipeline", "postprocess"] as const;
const pidsOf = (status: Status): Map<string, number> =>
  new Map(status.processes.map((process) => [process.name, process.pid ?? 0]));

interface Window {
  seconds: number;
  frames: number;
  cpu: Map<string, number>;
  end: Status;
}

/** What happens in `seconds` of a Nightjar that is running already. */
async function observe(nightjar: Nightjar, seconds: number): Promise<Window> {
  const begin = await nightjar.status();
  const pids = pidsOf(begin);
  const before = new Map([...pids].map(([name, pid]) => [name, cpuOf(pid)]));
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  const end = await nightjar.status();
  const cpu = new Map([...pids].map(([name, pid]) => [name, cpuOf(pid) - (before.get(name) ?? 0)]));
  return { seconds: (performance.now() - startedAt) / 1000, frames: end.totals.frames - begin.totals.frames, cpu, end };
}

const playing = (status: Status): boolean =>
  status.cameras.length === demoCameras.length && status.cameras.every((camera) => camera.objectsTotal > 20);

async function realTime(): Promise<Measurement[]> {
  const broker = await Mosquitto.start();
  const consumer = await connectAsync(broker.url);
  await consumer.subscribeAsync("nightjar/+/cameras/+/events");
  const startedAt = performance.now();
  const firstEvent = new Promise<number>((done) =>
    consumer.once("message", () => done((performance.now() - startedAt) / 1000)),
  );
  const home = packagedProgram();
  const nightjar = await Nightjar.start({ cameras: demoCameras, mqtt: { url: broker.url } }, [], undefined, home);
  try {
    await nightjar.untilStatus("four cameras with objects", playing, 60_000);
    await sleep(5000);
    const { end, cpu, seconds } = await observe(nightjar, 20);
    const memory = names.map((name) => ({
      name: `system.memory.${name}`,
      value: (end.processes.find((process) => process.name === name)?.residentBytes ?? Number.NaN) / 1e6,
    }));
    return [
      { name: "system.first-event", value: await firstEvent },
      { name: "system.capture-to-publish.p50", value: end.totals.latency.p50 ?? Number.NaN },
      { name: "system.capture-to-publish.p99", value: end.totals.latency.p99 ?? Number.NaN },
      ...names.map((name) => ({ name: `system.cpu.${name}`, value: (100 * (cpu.get(name) ?? Number.NaN)) / seconds })),
      ...memory,
      { name: "appliance.node-memory-at-four-cameras", value: residentTogether([...pidsOf(end).values()]) / 1e6 },
    ];
  } finally {
    await nightjar.stop();
    await consumer.endAsync(true);
    await broker.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

/** CPU seconds per frame of the decoder alone, over all clips. */
async function decoderAlone(): Promise<number> {
  let cpu = 0;
  let frames = 0;
  for (const { source } of demoCameras) {
    const run = await cost(
      `gst-launch-1.0 filesrc location=${source.path} ! decodebin ! fakesink sync=false silent=false -v | grep -c 'fakesink0: last-message = chain'`,
    );
    frames += Number(run.stdout.trim());
    cpu += (await cost(`gst-launch-1.0 -q filesrc location=${source.path} ! decodebin ! fakesink sync=false`)).cpu;
  }
  return cpu / frames;
}

async function engineAlone(): Promise<number> {
  const runs = 100;
  const model = resolve("build/bundles/street/model.onnx");
  const { stdout } = await cost(`node test/bench/bare-engine.ts ${model} ${demoCameras.length} 1 ${runs}`);
  return (JSON.parse(stdout) as { cpu: number }).cpu / (runs * demoCameras.length);
}

async function unthrottled(): Promise<Measurement[]> {
  const cameras = demoCameras.map((camera) => ({ ...camera, source: { ...camera.source, realtime: false } }));
  const ratios: number[] = [];
  for (let round = 0; round < 3; round++) {
    const nightjar = await Nightjar.start({ cameras, inference: { threads: 1 } });
    try {
      await nightjar.untilStatus("four cameras with objects", playing, 60_000);
      const { cpu, frames } = await observe(nightjar, 12);
      const ours = [...cpu.values()].reduce((sum, value) => sum + value, 0) / frames;
      ratios.push(ours / ((await decoderAlone()) + (await engineAlone())));
    } finally {
      await nightjar.stop();
    }
  }
  return [{ name: "pipeline.cpu-over-decoder-plus-engine", value: median(ratios) }];
}

export async function measure(): Promise<Measurement[]> {
  return [...(await realTime()), ...(await unthrottled())];
}
